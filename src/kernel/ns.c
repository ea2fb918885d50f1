/* ns.c: processes in new namespaces, id maps, identities. */
#define _GNU_SOURCE
#include "kernel/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/sys.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int64_t mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static pid_t clone_old(uint64_t flags, int cgroup_fd, int *out_pidfd)
{
	pid_t pid;

	/* CLONE_NEWTIME lies in the byte that is the exit signal here. */
	if (cgroup_fd >= 0 || flags & CSIGNAL || flags >> 32)
		return -ENOSYS;
#if defined(__s390x__) || defined(__CRIS__)
	pid = (pid_t)syscall(SYS_clone, 0, flags | SIGCHLD, 0, 0, 0);
#else
	pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
#endif
	if (pid < 0)
		return -errno;
	if (pid > 0) { /* our child, not yet waited for: the number cannot be another's */
		int fd = sys_pidfd_open(pid, 0);
		*out_pidfd = fd < 0 ? -1 : fd;
	}
	return pid;
}

pid_t ns_clone(uint64_t flags, int cgroup_fd, int *out_pidfd)
{
	int pidfd = -1;
	struct sys_clone_args args = {
		.flags = flags | CLONE_PIDFD | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};
	pid_t pid = sys_clone3(&args);

	if (pid == -ENOSYS)
		return clone_old(flags, cgroup_fd, out_pidfd);
	if (pid > 0)
		*out_pidfd = pidfd;
	return pid;
}

static int write_map(pid_t pid, const char *file, const struct ns_idmap *map, size_t n)
{
	auto_buf struct buf text = BUF_MAX(340 * 33);
	char path[64];

	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%u %u %u\n", map[i].inside, map[i].outside, map[i].count);
	if (text.over)
		return -E2BIG;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return fd_write_value(AT_FDCWD, path, text.data);
}

int ns_write_maps(pid_t pid, const struct ns_idmap *uids, size_t n_uids,
	const struct ns_idmap *gids, size_t n_gids)
{
	int r = write_map(pid, "uid_map", uids, n_uids);

	return r < 0 ? r : write_map(pid, "gid_map", gids, n_gids);
}

int ns_open(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int ns_join(int fd, int clone_flag)
{
	return setns(fd, clone_flag) < 0 ? -errno : 0;
}

/* Without a pidfd there is nothing to poll but the child itself. */
static int wait_by_pid(pid_t pid, int timeout_ms, int *out_status)
{
	int64_t deadline = mono_ms() + timeout_ms;
	long pause_ns = 200000;

	for (;;) {
		pid_t r = waitpid(pid, out_status, timeout_ms < 0 ? 0 : WNOHANG);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (timeout_ms < 0)
			continue;
		if (mono_ms() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){0, pause_ns}, NULL);
		if (pause_ns < 10000000)
			pause_ns *= 2;
	}
}

static int poll_exit(int pidfd, int timeout_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int64_t deadline = mono_ms() + timeout_ms;
	int r;

	do {
		int64_t left = timeout_ms < 0 ? -1 : deadline - mono_ms();
		r = poll(&p, 1, timeout_ms >= 0 && left < 0 ? 0 : (int)left);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

int ns_wait(pid_t pid, int pidfd, int timeout_ms, int *out_status)
{
	siginfo_t si = {0};
	int r;

	if (pidfd < 0)
		return wait_by_pid(pid, timeout_ms, out_status);
	if (timeout_ms >= 0) {
		r = poll_exit(pidfd, timeout_ms);
		if (r < 0)
			return r;
	}
	do
		r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EINVAL) /* 5.3 has pidfds but no P_PIDFD */
		return wait_by_pid(pid, timeout_ms, out_status);
	if (r < 0)
		return -errno;
	*out_status = si.si_code == CLD_EXITED
			      ? (si.si_status & 0xff) << 8
			      : si.si_status | (si.si_code == CLD_DUMPED ? 0x80 : 0);
	return 0;
}

int ns_kill(pid_t pid, int pidfd, int sig)
{
	int r = pidfd >= 0 ? sys_pidfd_send_signal(pidfd, sig) : -ENOSYS;

	if (r != -ENOSYS)
		return r;
	return kill(pid, sig) < 0 ? -errno : 0;
}

int ns_pidfd(pid_t pid)
{
	return sys_pidfd_open(pid, 0);
}

int ns_start_time(pid_t pid, uint64_t *out_ticks)
{
	char path[64], text[1024], *p;
	auto_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = fd_read_full(fd, text, sizeof(text) - 1);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	/* The name (field 2) is in parentheses and may hold any byte; nothing after it does. */
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = (p = strchr(p, ' ')) ? p + 1 : NULL;
	if (!p)
		return -EINVAL;
	*out_ticks = strtoull(p, NULL, 10);
	return 0;
}

/* user_namespaces(7): a user who maps only themselves may not change their groups, which stay. */
static int setgroups_is_denied(void)
{
	auto_buf struct buf b = BUF_MAX(64);

	return fd_read_file(AT_FDCWD, "/proc/self/setgroups", &b) == 0 && b.data &&
	       strncmp(b.data, "deny", 4) == 0;
}

int ns_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups)
{
	if (setgroups(n_groups, groups) < 0) {
		int error = errno;
		/* Fine only if nothing is asked for. */
		if (error != EPERM || n_groups > 1 || (n_groups && *groups != gid) ||
			!setgroups_is_denied())
			return -error;
	}
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

int ns_rlimit_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} limits[] = {
		{"as", RLIMIT_AS},
		{"core", RLIMIT_CORE},
		{"cpu", RLIMIT_CPU},
		{"data", RLIMIT_DATA},
		{"fsize", RLIMIT_FSIZE},
		{"locks", RLIMIT_LOCKS},
		{"memlock", RLIMIT_MEMLOCK},
		{"msgqueue", RLIMIT_MSGQUEUE},
		{"nice", RLIMIT_NICE},
		{"nofile", RLIMIT_NOFILE},
		{"nproc", RLIMIT_NPROC},
		{"rss", RLIMIT_RSS},
		{"rtprio", RLIMIT_RTPRIO},
		{"rttime", RLIMIT_RTTIME},
		{"sigpending", RLIMIT_SIGPENDING},
		{"stack", RLIMIT_STACK},
	};

	if (strncasecmp(name, "RLIMIT_", 7) == 0)
		name += 7;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (strcasecmp(name, limits[i].name) == 0)
			return limits[i].number;
	return -EINVAL;
}

int ns_rlimit_set(int resource, uint64_t soft, uint64_t hard)
{
	/* RLIM_INFINITY is UINT64_MAX here, and an older C library's is not. */
	struct {
		uint64_t cur, max;
	} limit = {soft, hard};

	return syscall(SYS_prlimit64, 0, resource, &limit, NULL) < 0 ? -errno : 0;
}
