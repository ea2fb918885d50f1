/* sync.h: what the container's first process ("child") and its parent say to each other, on a
 * SOCK_SEQPACKET pair. The parent is the runtime library until it has sent PLAN, then whoever took over:
 * hull-monitor, or the library again. Both ends are CLOEXEC in the child: end of file without an error
 * means that the program runs.
 *
 *	parent                      child
 *	------                      -----
 *	(id maps, cgroup)
 *	PLAN + descriptors  ------>
 *	                    <------ CONSOLE + master    only with a terminal
 *	                    <------ READY               the root file system stands
 *	START               ------>
 *	                    <------ ERROR               at any time instead of the next message
 *	                    <------ (end of file)       execve succeeded, or the child died
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

enum sync_type { SYNC_PLAN = 1, SYNC_CONSOLE, SYNC_READY, SYNC_START, SYNC_ERROR, SYNC_WARNING };

struct sync_msg {
	uint32_t type;
	uint32_t n_fds; /* descriptors that come along (SCM_RIGHTS) */
	struct err err; /* ERROR, WARNING */
};
/* READY, START, PLAN and CONSOLE are sent as the first 8 bytes only. */
#define SYNC_SHORT 8
