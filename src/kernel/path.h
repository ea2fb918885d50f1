/* path.h: the one way to walk a path we do not own (design decision 6). The path is resolved as if
 * rootfd were "/": absolute links and ".." stay inside, magic links are refused (-ELOOP).
 * openat2(2) with RESOLVE_IN_ROOT (5.6), or a careful component walk where the kernel has none.
 * Quiet: >= 0 or -errno. All descriptors are O_CLOEXEC. rootfd may be an O_PATH descriptor. */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "base/buf.h"

/* open(2) beneath rootfd. With O_CREAT, mode is used as openat(2) uses it (the umask applies, and a
 * dangling link at the end is created through, inside the root). An empty path is -ENOENT. */
int path_open(int rootfd, const char *path, int flags, mode_t mode);
/* The parent folder (O_PATH descriptor) of path and its last component, for calls that act on a
 * name (mknodat, symlinkat, unlinkat). The last component is not followed. -EINVAL for "/" and for
 * a last component of "." or "..". */
int path_open_parent(int rootfd, const char *path, char name[NAME_MAX + 1]);
/* mkdir -p; returns an O_PATH descriptor of the folder. Each folder that is made gets mode
 * (whatever the umask) and owner (uid, gid; (uid_t)-1 leaves it). Links on the way are followed
 * inside the root; a dangling link is an error (-ENOENT), nothing is made through it, and so is a
 * ".." after a folder that would have to be made. */
int path_mkdirs(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid);
/* The same, and how many were made. */
int path_mkdirs_count(
	int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, size_t *out_made);
/* Folder or empty file to mount on: what is there (of either kind), or made now with its parents
 * (0755 / 0644 as dir says). Returns an O_PATH descriptor. */
int path_mount_target(int rootfd, const char *path, int dir);
/* A small regular file, whole, into b; -EINVAL if it is no regular file (never blocks on a FIFO,
 * never opens a device), -EFBIG above b's maximum. */
int path_read(int rootfd, const char *path, struct buf *b);
/* Open anew, with other flags, exactly the file that fd (O_PATH or any other) stands for; through
 * /proc/self/fd, after a check that it is really procfs. -EXDEV when there is no procfs at /proc.
 */
int path_reopen(int fd, int flags);
/* "/proc/self/fd/N" for descriptor N. */
#define PATH_FD_MAX 32
char *path_of_fd(int fd, char out[PATH_FD_MAX]);
