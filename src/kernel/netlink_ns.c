/* netlink_ns.c: a netlink socket of another network namespace. It belongs to the namespace that it
 * was made in, whoever has it: a child goes there, makes it, and sends it back. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/netlink.h"
#include "kernel/ns.h"

#define WAIT_MS 5000

static _Noreturn void open_there(int netns_fd, int protocol, int sock)
{
	int r = ns_join(netns_fd, CLONE_NEWNET);
	int fd = r < 0 ? r : nl_open(protocol);

	if (fd >= 0)
		r = ns_send_fds(sock, "", 1, &fd, 1);
	_exit(fd < 0 ? -fd : r < 0 ? -r : 0);
}

int nl_open_in(int netns_fd, int protocol)
{
	auto_fd int fd = -1, ours = -1, theirs = -1;
	int pair[2], status = 0, r;
	size_t n = 1;
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		open_there(netns_fd, protocol, theirs);
	fd_close_ptr(&theirs);
	if (ns_recv_fds(ours, &byte, 1, &fd, &n) <= 0)
		fd = -1;
	r = ns_wait(pid, -1, WAIT_MS, &status);
	if (fd >= 0)
		return take_fd(&fd);
	return r < 0 ? r : WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO;
}
