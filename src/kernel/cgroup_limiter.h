/* cgroup_limiter.h: inside the kernel folder only: what the parts of cgroup_limit share. */
#pragma once

#include "base/buf.h"
#include "kernel/cgroup.h"

struct limiter {
	const struct cgroup_host *host;
	const char *path;
	const struct cgroup_limits *want;
	struct err *e;
	const struct cgroup_hier *hier; /* of the controller at hand */
	const char *controller;
};

/* Choose the controller's hierarchy. 0: there is none, and want->lacks was told. */
int limiter_use(struct limiter *l, const char *controller, enum cgroup_feature feature);
/* -errno; on v2 the controller is enabled when its file is missing. */
int limiter_try(struct limiter *l, const char *file, const char *value);
int limiter_try_number(struct limiter *l, const char *file, int64_t value);
/* Turn the result of a try into 0, or an error that names file and value. A file that the kernel
 * does not have is told to want->lacks, and no error. */
int limiter_check(
	struct limiter *l, int r, enum cgroup_feature feature, const char *file, const char *value);
/* try, then check */
int limiter_set(
	struct limiter *l, enum cgroup_feature feature, const char *file, const char *value);
int limiter_set_number(
	struct limiter *l, enum cgroup_feature feature, const char *file, int64_t value);

int limit_cpu(struct limiter *l);    /* cgroup_limit_cpu.c */
int limit_cpuset(struct limiter *l); /* cgroup_limit_cpu.c */
int limit_io(struct limiter *l);     /* cgroup_limit_io.c */
