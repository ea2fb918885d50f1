/* dev.h: /dev of a container, made by the parent with the host's powers. */
#pragma once

#include "base/err.h"
#include "runtime/plan.h"

/* A detached tmpfs with the standard nodes, links and folders and the configuration's devices, all
 * owned by the container's ids. The nodes work although the container is in a user namespace,
 * because the file system belongs to the host's; mknod inside is still refused. *out_missing: NULL;
 * where mknod(2) is forbidden the names of files in place of nodes, on which the host's devices are
 * to be shown. *out: a descriptor; -1 where this kernel has no detached mounts (before 5.2):
 * dev_make_at in the child then. 0 or -1. */
int dev_make(const struct plan *p, int *out, const char *const **out_missing, struct err *e);
/* The same, mounted at the folder at_fd whose path nobody else can change. Returns a descriptor of
 * it. In the child. */
int dev_make_at(const struct plan *p, int at_fd, struct err *e);
