/* runtime.h: one container from one OCI configuration. Create and start are two calls, as in the
 * OCI specification (runtime.md); between them the container's process waits at a barrier.
 * Speaking. No thread may run in the calling process. */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "kernel/cgroup.h"
#include "oci/config.h"

struct runtime_create {
	const char *id;
	const struct oci_config *config;
	int bundle_fd; /* folder that relative root.path and mount sources are resolved against */
	int stdio[3];  /* become 0, 1, 2 (not with process.terminal); -1: /dev/null */
	const struct cgroup_host *cgroups;
	void (*warn)(void *ctx, const char *text); /* one line each; may be NULL */
	void *warn_ctx;
	/* Put the interfaces of config->hull->interfaces into the network namespace of process pid.
	 * NULL when there are none. It runs while the child makes its root file system. */
	int (*plug)(void *ctx, pid_t pid, struct err *e);
	void *plug_ctx;
};

struct runtime_container {
	pid_t pid;
	int pidfd;	/* -1 on kernels without */
	int sync_fd;	/* our end, see sync.h; CLOEXEC */
	char **cgroups; /* full paths, for kill and removal; NULL: none was made */
};
#define RUNTIME_CONTAINER_NONE ((struct runtime_container){.pid = -1, .pidfd = -1, .sync_fd = -1})

/* Clone the child, map its ids, make its cgroup, send it its plan. Returns without waiting for the
 * child's half: read sync_fd for CONSOLE, READY or ERROR, or call runtime_wait_ready. On failure
 * everything is undone and the child reaped. The caller's process is the child's parent; its death
 * is the child's. */
int runtime_create(const struct runtime_create *req, struct runtime_container *out, struct err *e);
/* Wait for READY; *out_console is the pty's master with process.terminal, else -1. */
int runtime_wait_ready(struct runtime_container *c, int *out_console, struct err *e);
/* Let it go; returns when the program runs (end of file) or its ERROR came (status 126 or 127 in
 * *e). */
int runtime_start(struct runtime_container *c, struct err *e);
/* Kill, reap, remove the cgroup, close. Harmless on an empty one. */
void runtime_destroy(struct runtime_container *c);

/* The plan of the child's file system as text, one operation per line, for tests and `hull
 * explain`. No side effect; caller frees. */
char *runtime_plan_text(const struct oci_config *config, struct err *e);
