/* fd.h: file descriptors: scope-bound closing, whole reads and writes, atomic files. Quiet: >= 0 or
 * -errno. Everything that opens sets O_CLOEXEC. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

void fd_close_ptr(int *fd); /* closes when >= 0, sets -1, keeps errno */
#define auto_fd __attribute__((cleanup(fd_close_ptr)))

static inline int take_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

int fd_write_all(int fd, const void *data, size_t len); /* 0 */
/* Exactly len bytes, fewer only at the end of file: returns the count. */
ssize_t fd_read_full(int fd, void *data, size_t len);
/* Everything up to the end of file into b; -EFBIG when b's maximum is crossed. */
int fd_read_all(int fd, struct buf *b);
/* A whole regular file (or /proc file) beneath dirfd (AT_FDCWD allowed). */
int fd_read_file(int dirfd, const char *path, struct buf *b);
/* Write to an existing file (proc, cgroup): one write(2), no create, no truncate. */
int fd_write_value(int dirfd, const char *path, const char *value);
/* Make path anew in one step: temporary name beside it, write, optional fsync (file and folder),
 * rename. On failure nothing is left. */
int fd_write_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode, int sync);
int fd_pipe(int *out_read, int *out_write); /* pipe2(2) */
int fd_set_cloexec(int fd, int on);
int fd_set_nonblock(int fd, int on);
/* mkdir -p beneath dirfd for paths of our own (never for paths inside an image). */
int fd_mkdirs(int dirfd, const char *path, mode_t mode);
