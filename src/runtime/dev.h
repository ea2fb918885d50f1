/* dev.h: /dev of a container, made by the parent with the host's powers. */
#pragma once

#include "base/err.h"
#include "runtime/plan.h"

/* A detached tmpfs with the standard nodes, links and folders and the configuration's devices, all
 * owned by the container's ids. The nodes work although the container is in a user namespace,
 * because the file system belongs to the host's; mknod inside is still refused. Returns a
 * descriptor, or -1. *out_missing: NULL; where mknod(2) is forbidden the names of files in place of
 * nodes, on which the host's devices are to be shown. */
int dev_make(const struct plan *p, const char *const **out_missing, struct err *e);
