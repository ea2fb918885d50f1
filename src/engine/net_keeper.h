/* net_keeper.h: hull-keeper as a container's starter sees it (keeper/protocol.h). Process: M, or
 * whoever changes the networks of a running container. Inside the engine's folder only. */
#pragma once

#include "base/err.h"
#include "engine/parts.h"

/* Be one of those for whom the keeper stays, and start it when it is not there: *out_fd is to be
 * held as long as the container lives. Costs three system calls when it is there; else its start
 * runs at the same time as what comes next. */
int net_keeper_hold(struct engine *en, int *out_fd, struct err *e);
/* Wait until the program of keep/KEY runs. ERR_NOT_FOUND: its folder went meanwhile, make it anew.
 */
int net_keeper_ask(struct engine *en, const char *key, struct err *e);
