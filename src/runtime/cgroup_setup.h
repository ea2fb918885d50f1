/* cgroup_setup.h: the parent's half of the container's cgroup. Inside the runtime's folder only.
 * Speaking. */
#pragma once

#include "runtime/runtime.h"

/* This machine gives us no cgroup: to be done again without. Limits are discarded then, with a
 * warning, as Docker rootless does. */
#define CGROUP_WITHOUT 1

/* Before the clone: the v2 cgroup, that the child is born in. *out_paths: those of all hierarchies,
 * for removal. 0, CGROUP_WITHOUT or -1. */
int cgroup_begin(const struct runtime_create *req, char ***out_paths, struct err *e);
/* While the child makes its network: the cgroups of v1, then limits and device rules in both. The
 * child must still wait. What was not made is taken out of paths. Returns as above. */
int cgroup_finish(const struct runtime_create *req, char **paths, struct err *e);
