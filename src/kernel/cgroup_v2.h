/* cgroup_v2.h: inside the kernel folder only: controllers of the unified hierarchy. */
#pragma once

/* Enable one controller ("memory"; NULL: all that limits and statistics want) for the cgroup mount
 * + path: in cgroup.subtree_control of each folder from the mount down to its parent. What cannot
 * be (unknown here, or EBUSY: a folder with processes of its own hands none down) is left: it shows
 * when the limit's file is missing. */
void cgroup_v2_enable(const char *mount, const char *path, const char *controller);
