/* path_walk.h: inside the kernel folder only: path_open for kernels without openat2 (before 5.6).
 */
#pragma once

#include <sys/types.h>

/* As path_open, with flags that already hold O_CLOEXEC. */
int path_walk_open(int rootfd, const char *path, int flags, mode_t mode);
