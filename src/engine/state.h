/* state.h: what a container is doing, asked of the kernel and of the files its monitor writes.
 * Never blocks. */
#pragma once

#include <stdint.h>

#include "engine/container_store.h"
#include "engine/parts.h"

enum container_phase {
	PHASE_CREATED, /* not started, or being started at this moment */
	PHASE_RUNNING,
	PHASE_EXITED,
	PHASE_DEAD,    /* it ran, its monitor was killed: nobody knows how it ended */
	PHASE_GARBAGE, /* --rm, and nobody is left who would remove it */
};

struct container_state {
	enum container_phase phase;
	int pid;	 /* RUNNING */
	int status, oom; /* EXITED; CREATED: status of a failed start */
	int64_t started_ns, finished_ns;
	char *error; /* why it could not be started; "" */
};
void container_state_done(struct container_state *s);

/* The files are looked for where run.c has them put. */
void container_state_read(
	struct engine *en, const struct container_row *row, struct container_state *out);
/* Take the lock that a living monitor holds: a descriptor, -EAGAIN when it lives, -ENOENT when
 * there is no run folder. run_fd: the container's run folder. Quiet. */
int container_lock(int run_fd, int create);
/* The pid of the monitor of a container that runs, 0 when none does. Quiet. */
int container_monitor(int run_fd);
/* Does somebody hold it? Takes nothing, so that nobody takes us for a monitor. */
int container_is_locked(int run_fd);
