/* cgroup_v2.h: inside the kernel folder only: controllers of the unified hierarchy. */
#pragma once

#include "kernel/cgroup.h"

/* Enable one controller ("memory"; NULL: all that limits and statistics want) for path: in
 * cgroup.subtree_control of each folder from the mount (or from what was delegated to us) down to
 * its parent. What cannot be (unknown here, or EBUSY: a folder with processes of its own hands none
 * down) is left: it shows when the limit's file is missing. */
void cgroup_v2_enable(const struct cgroup_host *h, const struct cgroup_hier *hier, const char *path,
	const char *controller);
/* Is the controller there in the cgroup mount + path (cgroup.controllers)? */
int cgroup_v2_has(const char *mount, const char *path, const char *controller);
