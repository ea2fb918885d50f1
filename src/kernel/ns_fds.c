/* ns_fds.c: what crosses between processes: descriptors over a UNIX socket, closing what must not
 * cross. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/dents.h"
#include "kernel/ns.h"
#include "kernel/sys.h"

int ns_send_fds(int sock, const void *data, size_t len, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * NS_FDS_MAX)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds > NS_FDS_MAX || !len)
		return -EINVAL;
	if (n_fds) {
		struct cmsghdr *c;
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

/* Copy out what fits; the rest must not stay open. Returns how many came. */
static size_t take_rights(struct msghdr *msg, int *fds, size_t room)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++, count++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count < room)
				fds[count] = fd;
			else
				close(fd);
		}
	}
	return count;
}

ssize_t ns_recv_fds(int sock, void *data, size_t len, int *fds, size_t *n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * NS_FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = len};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	size_t room = *n_fds, count;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	count = take_rights(&msg, fds, room);
	*n_fds = count;
	if (count <= room && !(msg.msg_flags & MSG_CTRUNC))
		return n;
	for (size_t i = 0; i < count && i < room; i++)
		close(fds[i]);
	*n_fds = 0;
	return count > room ? -E2BIG : -EMFILE;
}

static int close_one(int fd, int cloexec)
{
	return (cloexec ? fcntl(fd, F_SETFD, FD_CLOEXEC) : close(fd)) < 0 ? -errno : 0;
}

/* Between fork and exec nothing may allocate, so no opendir. */
static int close_listed(int dir, int first, int cloexec)
{
	_Alignas(8) char room[4096];
	struct dents d = {.fd = dir, .room = room, .size = sizeof(room)};
	const char *name = NULL;
	int r;

	while ((r = dents_next(&d, &name)) > 0) {
		int fd = (int)strtol(name, NULL, 10);
		if (fd >= first && fd != dir)
			close_one(fd, cloexec);
	}
	return r;
}

int ns_close_from(int first, int cloexec)
{
	int r = sys_close_range((unsigned)first, ~0U, cloexec ? (unsigned)CLOSE_RANGE_CLOEXEC : 0);
	auto_fd int dir = -1;
	struct rlimit limit;

	if (r != -ENOSYS && r != -EINVAL) /* EINVAL: 5.9 and 5.10 have no CLOEXEC */
		return r;
	dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		return close_listed(dir, first, cloexec);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	for (int fd = first; (rlim_t)fd < limit.rlim_cur && fd < 1 << 20; fd++)
		close_one(fd, cloexec);
	return 0;
}
