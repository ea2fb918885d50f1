/* mount_view.c: a file on a read-only mount that no mount namespace shows, without open_tree(2). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/mount.h"
#include "kernel/ns.h"
#include "kernel/path.h"

/* Of the machine's root, or root of a user namespace; else as root of a new one, where no id needs
 * to be mapped for that. */
static int own_namespace(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	if (errno == EPERM && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
		return 0;
	return -errno;
}

/* O_RDONLY: what executes a file by its /proc/self/fd needs no more, and fstatvfs() of an O_PATH
 * descriptor needs 3.12. */
static int bound_read_only(int file_fd)
{
	auto_fd int here = -1, top = -1, fd = -1;
	struct statvfs fs;
	int r = own_namespace();

	if (r == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		r = -errno;
	here = r < 0 ? r : mount_reopen(file_fd);
	r = here < 0 ? here : mount_bind(here, here, 0, MS_RDONLY);
	top = r < 0 ? r : mount_reopen(file_fd);
	fd = top < 0 ? top : path_reopen(top, O_RDONLY);
	if (fd < 0)
		return fd;
	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	return fs.f_flag & ST_RDONLY ? take_fd(&fd) : -EROFS;
}

static void child(int file_fd, int sock)
{
	const int fd = bound_read_only(file_fd);
	const int r = fd < 0 ? fd : ns_send_fds(sock, "", 1, &fd, 1);

	_exit(r < 0 ? (-r > 254 ? 254 : -r) : 0);
}

int mount_view(int file_fd)
{
	int pair[2], status = 0, fd = -1, r;
	size_t n = 1;
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child(file_fd, pair[1]);
	r = pid < 0 ? -errno : -EIO;
	close(pair[1]);
	if (pid > 0 && ns_recv_fds(pair[0], &byte, 1, &fd, &n) > 0 && n == 1)
		r = fd;
	close(pair[0]);
	if (pid > 0 && ns_wait(pid, -1, -1, &status) == 0 && r < 0 && WIFEXITED(status) &&
		WEXITSTATUS(status))
		r = -WEXITSTATUS(status);
	return r;
}
