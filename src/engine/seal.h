/* seal.h: the running program, out of the reach of containers. */
#pragma once

#include "base/err.h"

/* Executes this program again, with its own arguments, from a view of its file that cannot be
 * written to. Returns 0 when that is not needed, because a container (with a user namespace of its
 * own or without) will have nobody who may write to the file, or when it already runs so. Speaking:
 * -1 when there is no such view; no container may be started then. To be called before anything was
 * done that a second start would do again, and before mode_enter(). */
int seal_self(int user_ns, struct err *e);
