/* fd.c: whole reads and writes, atomic files. */
#define _GNU_SOURCE
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void fd_close_ptr(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *data, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)data + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int fd_read_all(int fd, struct buf *b)
{
	for (;;) {
		size_t want = b->max - b->len < 65536 ? b->max - b->len : 65536;
		char extra, *p;
		ssize_t n;

		if (want > 4096 && b->len < 4096)
			want = 4096;
		p = want ? buf_room(b, want) : &extra;
		n = read(fd, p, want ? want : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (!want)
			return -EFBIG;
		b->len += (size_t)n;
	}
	if (b->data)
		b->data[b->len] = '\0';
	return 0;
}

int fd_read_file(int dirfd, const char *path, struct buf *b)
{
	auto_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_all(fd, b);
}

int fd_write_value(int dirfd, const char *path, const char *value)
{
	auto_fd int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static int write_tmp(
	int dirfd, const char *tmp, const void *data, size_t len, mode_t mode, int sync)
{
	auto_fd int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && sync && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int sync_parent(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path))
				       : xstrdup(".");
	auto_fd int fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int fd_write_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode, int sync)
{
	auto_free char *tmp = xasprintf("%s.tmp%d", path, (int)getpid());
	int r = write_tmp(dirfd, tmp, data, len, mode, sync);

	if (r == -EEXIST && unlinkat(dirfd, tmp, 0) == 0)
		r = write_tmp(dirfd, tmp, data, len, mode, sync);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	return sync ? sync_parent(dirfd, path) : 0;
}

int fd_pipe(int *out_read, int *out_write)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	*out_read = p[0];
	*out_write = p[1];
	return 0;
}

int fd_set_cloexec(int fd, int on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_mkdirs(int dirfd, const char *path, mode_t mode)
{
	auto_free char *copy = NULL;

	if (mkdirat(dirfd, path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	copy = xstrdup(path);
	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdirat(dirfd, path, mode) < 0 && errno != EEXIST ? -errno : 0;
}
