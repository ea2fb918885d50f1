/* test_kernel_ns.c: capabilities by name, rlimits, children, descriptors over sockets. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/caps.h"
#include "kernel/link.h"
#include "kernel/ns.h"
#include "kernel/seccomp.h"
#include "kernel/sys.h"
#include "kernel_ids.h"

static void test_caps_names(void **state)
{
	(void)state;
	assert_int_equal(caps_number("CAP_CHOWN"), 0);
	assert_int_equal(caps_number("chown"), 0);
	assert_int_equal(caps_number("cap_Sys_Admin"), 21);
	assert_int_equal(caps_number("CAP_CHECKPOINT_RESTORE"), 40);
	assert_int_equal(caps_number("CAP_"), -EINVAL);
	assert_int_equal(caps_number("ALL"), -EINVAL);
	assert_int_equal(caps_number(""), -EINVAL);
	for (int i = 0; i <= 40; i++)
		assert_int_equal(caps_number(caps_name(i)), i);
	assert_null(caps_name(41));
	assert_null(caps_name(-1));
	assert_true(caps_all() & CAPS_BIT(36)); /* CAP_BLOCK_SUSPEND, 3.5 */
	assert_false(caps_all() & CAPS_BIT(63));
}

static int drop_all(void)
{
	const uint64_t keep = CAPS_BIT(0) | CAPS_BIT(10);
	const struct caps_sets s = {
		.permitted = keep, .effective = keep, .inheritable = keep, .ambient = CAPS_BIT(10)};
	struct caps_sets now;

	if (caps_set_bounding(keep) < 0 || caps_keep(1) < 0 || ns_become(1234, 1235, NULL, 0) < 0 ||
		caps_set(&s) < 0 || caps_get(&now) < 0)
		return 1;
	if (getuid() != 1234 || getegid() != 1235 || getgroups(0, NULL) != 0)
		return 2;
	return now.bounding != keep || now.effective != keep || now.permitted != keep ||
			       now.inheritable != keep || now.ambient != CAPS_BIT(10)
		       ? 3
		       : 0;
}

static void test_caps_set(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (!has_ids())
		skip();
	pid = fork();
	if (pid == 0)
		_exit(drop_all());
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void test_rlimits(void **state)
{
	struct rlimit old;

	(void)state;
	assert_int_equal(ns_rlimit_number("nofile"), RLIMIT_NOFILE);
	assert_int_equal(ns_rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	assert_int_equal(ns_rlimit_number("rlimit_Core"), RLIMIT_CORE);
	assert_int_equal(ns_rlimit_number("rttime"), RLIMIT_RTTIME);
	assert_int_equal(ns_rlimit_number("RLIMIT_"), -EINVAL);
	assert_int_equal(ns_rlimit_number("files"), -EINVAL);
	getrlimit(RLIMIT_CORE, &old);
	assert_int_equal(ns_rlimit_set(RLIMIT_CORE, 0, old.rlim_max), 0);
	assert_int_equal(ns_rlimit_set(RLIMIT_CORE, 2, 1), -EINVAL);
	assert_int_equal(ns_rlimit_set(RLIMIT_CORE, old.rlim_cur, old.rlim_max), 0);
}

static int denied(void **state)
{
	sys_deny_above(*state ? SYS_DENY_NEW : SYS_DENY_NONE);
	return 0;
}

static int allowed(void **state)
{
	(void)state;
	sys_deny_above(SYS_DENY_NONE);
	return 0;
}

static void test_clone_and_wait(void **state)
{
	int pidfd = -1, status = -1;
	uint64_t ticks = 0, own = 0;
	auto_fd int self = ns_pidfd(getpid()); /* the whole suite runs without newer calls, too */
	pid_t pid = ns_clone(0, -1, &pidfd);

	if (pid == 0) {
		alarm(10);
		pause();
		_exit(1);
	}
	assert_true(pid > 0);
	(void)state;
	assert_int_equal(pidfd >= 0, self >= 0);
	assert_int_equal(ns_start_time(pid, &ticks), 0);
	assert_int_equal(ns_start_time(getpid(), &own), 0);
	assert_true(ticks >= own && own > 0);
	assert_int_equal(ns_wait(pid, pidfd, 20, &status), -ETIMEDOUT);
	assert_int_equal(ns_kill(pid, pidfd, SIGTERM), 0);
	assert_int_equal(ns_wait(pid, pidfd, 5000, &status), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	fd_close_ptr(&pidfd);
	pid = ns_clone(0, -1, &pidfd);
	if (pid == 0)
		_exit(139);
	assert_int_equal(ns_wait(pid, pidfd, -1, &status), 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 139);
	assert_int_equal(ns_wait(pid, pidfd, -1, &status), -ECHILD);
	fd_close_ptr(&pidfd);
}

static void test_user_namespace(void **state)
{
	const struct ns_idmap map = {0, 1000, 1};
	int pidfd = -1, status = -1, go[2];
	pid_t pid;
	char c;

	if (!has_ids())
		skip();
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = ns_clone(CLONE_NEWUSER | CLONE_NEWNET, -1, &pidfd);
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) != 0 || ns_become(0, 0, NULL, 0) < 0 ||
			link_up(nl_open(NETLINK_ROUTE), LINK_LOOPBACK) < 0)
			_exit(1);
		_exit(getuid() != 0 || getgid() != 0);
	}
	(void)state;
	close(go[0]);
	assert_true(pid > 0);
	assert_int_equal(ns_write_maps(pid, &map, 1, &map, 1), 0);
	close(go[1]);
	assert_int_equal(ns_wait(pid, pidfd, 5000, &status), 0);
	assert_int_equal(status, 0);
	fd_close_ptr(&pidfd);
}

static void test_send_fds(void **state)
{
	int sock[2], fds[3], got[3] = {-1, -1, -1}, next;
	size_t n = 3;
	char text[16] = "";

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
	fds[0] = open("/", O_PATH);
	fds[1] = open("/dev/null", O_RDONLY);
	fds[2] = dup(fds[1]);
	assert_int_equal(ns_send_fds(sock[0], "hello", 6, fds, 3), 0);
	assert_int_equal(ns_recv_fds(sock[1], text, sizeof(text), got, &n), 6);
	assert_string_equal(text, "hello");
	assert_int_equal(n, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		close(got[i]);
	}
	/* no descriptors at all */
	n = 3;
	assert_int_equal(ns_send_fds(sock[0], "x", 1, NULL, 0), 0);
	assert_int_equal(ns_recv_fds(sock[1], text, sizeof(text), got, &n), 1);
	assert_int_equal(n, 0);
	/* more than there is room for: none may stay open */
	next = dup(0);
	close(next);
	n = 1;
	assert_int_equal(ns_send_fds(sock[0], "x", 1, fds, 3), 0);
	assert_int_equal(ns_recv_fds(sock[1], text, sizeof(text), got, &n), -E2BIG);
	got[0] = dup(0);
	assert_int_equal(got[0], next);
	close(got[0]);
	close(sock[0]);
	n = 3;
	assert_int_equal(ns_recv_fds(sock[1], text, sizeof(text), got, &n), 0);
	assert_int_equal(ns_send_fds(sock[1], "x", 1, NULL, 0), -EPIPE);
	close(sock[1]);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static int close_checks(void)
{
	int a = open("/dev/null", O_RDONLY), b = dup2(a, 77), c = dup2(a, 500);

	if (ns_close_from(77, 1) < 0 || fcntl(b, F_GETFD) != FD_CLOEXEC ||
		fcntl(c, F_GETFD) != FD_CLOEXEC || fcntl(a, F_GETFD) != 0)
		return 1;
	if (ns_close_from(3, 0) < 0)
		return 2;
	for (int fd = 3; fd < 600; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 3;
	return fcntl(2, F_GETFD) < 0 ? 4 : 0;
}

static void test_close_from(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(close_checks());
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* getppid answers EXDEV, everything else is allowed. */
static void test_seccomp(void **state)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const char zeros[4097 * 8];
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			_exit(1);
		if (seccomp_load(filter, sizeof(filter), 1, 1) < 0)
			_exit(2);
		_exit(syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(seccomp_load(zeros, 0, 0, 0), -EINVAL);
	assert_int_equal(seccomp_load(zeros, 12, 0, 0), -EINVAL);
	assert_int_equal(seccomp_load(zeros, sizeof(zeros), 0, 0), -E2BIG);
}

#define BOTH(test)                                                    \
	{#test, test, denied, allowed, NULL},                         \
	{                                                             \
#test " (3.10)", test, denied, allowed, (void *)"old" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps_names),
		cmocka_unit_test(test_caps_set),
		cmocka_unit_test(test_rlimits),
		BOTH(test_clone_and_wait),
		BOTH(test_user_namespace),
		cmocka_unit_test(test_send_fds),
		BOTH(test_close_from),
		BOTH(test_seccomp),
	};

	return cmocka_run_group_tests_name("kernel_ns", tests, NULL, NULL);
}
