/* net_live.h: the networks of a container that is there already, running or not: what changes of
 * them share. Inside the engine's folder only. */
#pragma once

#include "engine/net_parts.h"
#include "engine/state.h"

struct net_live {
	struct engine *en;
	struct container_row row;
	struct container_state state;
	int running;
	int run_fd;	/* its run folder; -1 when it does not run */
	struct net net; /* what its rows say */
};
#define NET_LIVE_NONE(engine) ((struct net_live){.en = (engine), .run_fd = -1, .net = NET_NONE})

/* By name or id. Its networks are made real when it runs. Release with net_live_done, also after an
 * error. */
int net_live_open(struct engine *en, const char *name, struct net_live *out, struct err *e);
void net_live_done(struct net_live *l);
/* Within a transaction: ports in the rules become those that l->net says now; `before` is what they
 * were, with the addresses they led to. What closes them at the end of the container is written
 * first. Nothing to do for one that does not run. */
int net_live_ports(struct net_live *l, const struct net *before, struct err *e);
/* ERR_CONFLICT when it does not run any more: what was opened is closed again. */
int net_live_check(struct net_live *l, struct err *e);
