/* sync.h: what the container's first process ("child") and its parent say to each other, on a
 * SOCK_SEQPACKET pair. The parent is the runtime library until it has sent PLAN, then whoever took
 *over: hull-monitor, or the library again. Both ends are CLOEXEC in the child: end of file without
 *an error means that the program runs.
 *
 *	parent                      child
 *	------                      -----
 *	MAPS                ------>              the id maps are written
 *	(cgroup, trees)             (network namespace)
 *	                    <------ NETNS               only when interfaces are to be put into it
 *	PLAN + descriptors  ------>              as many as it takes, the last one with n_fds 0
 *	CABLE               ------>              after NETNS: the interfaces are there
 *	                    <------ CONSOLE + master    only with a terminal
 *	                    <------ READY               the root file system stands
 *	START               ------>
 *	                    <------ ERROR               at any time instead of the next message
 *	                    <------ (end of file)       execve succeeded, or the child died
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum sync_type {
	SYNC_MAPS = 1,
	SYNC_PLAN,
	SYNC_CONSOLE,
	SYNC_READY,
	SYNC_START,
	SYNC_ERROR,
	SYNC_WARNING,
	SYNC_NETNS,
	SYNC_CABLE
};

struct sync_msg {
	uint32_t type;
	uint32_t n_fds; /* descriptors that come along (SCM_RIGHTS) */
	struct err err; /* ERROR, WARNING */
};
/* All but ERROR and WARNING are sent as the first 8 bytes only. */
#define SYNC_SHORT 8

/* Quiet: 0 or -errno; -EPIPE when the other side is gone. */
int sync_send(int fd, uint32_t type, const int *fds, uint32_t n_fds);
int sync_send_err(int fd, uint32_t type, const struct err *e);
/* The next message; *n_fds: room in, count out. 1, 0 at the end of file, or -errno. */
int sync_recv(int fd, struct sync_msg *out, int *fds, size_t *n_fds);
