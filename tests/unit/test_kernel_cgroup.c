/* test_kernel_cgroup.c: which hierarchies there are; as root a cgroup from beginning to end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cgroup.h"

static struct cgroup_host probe(const char *mountinfo, const char *cgroup)
{
	auto_free char *m = xstrdup(mountinfo), *c = xstrdup(cgroup);
	struct cgroup_host h;

	cgroup_probe_text(m, c, &h);
	return h;
}

static void test_v2(void **state)
{
	struct cgroup_host h = probe(
		"24 1 0:22 / / rw - ext4 /dev/vda rw\n"
		"30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 "
		"rw,nsdelegate\n",
		"0::/user.slice/session-1.scope\n");
	auto_strv char **paths = cgroup_paths(&h, "/hull/x");

	(void)state;
	assert_int_equal(h.layout, CGROUP_V2);
	assert_int_equal(h.n, 1);
	assert_string_equal(h.hiers[0].controllers, "");
	assert_string_equal(h.hiers[0].own, "/user.slice/session-1.scope");
	assert_int_equal(strv_len(paths), 1);
	assert_string_equal(paths[0], "/sys/fs/cgroup/hull/x");
	assert_ptr_equal(cgroup_find(&h, "memory"), &h.hiers[0]);
	cgroup_host_done(&h);
}

static const char hybrid_mounts[] =
	"30 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
	"31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	"32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
	"33 30 0:29 / /mnt/odd\\040place rw - cgroup cgroup rw,cpuacct,cpu\n"
	"34 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpuacct,cpu\n"
	"35 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	"36 30 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
	"37 30 0:30 / /other/memory rw - cgroup cgroup rw,memory\n";

static void test_hybrid(void **state)
{
	struct cgroup_host h = probe(hybrid_mounts, "12:cpuset:/\n5:cpu,cpuacct:/a\n4:memory:/b:c\n"
						    "3:pids:/\n1:name=systemd:/s\n0::/u\n");
	const struct cgroup_hier *cpu;

	(void)state;
	assert_int_equal(h.layout, CGROUP_HYBRID);
	assert_int_equal(h.n, 5);
	cpu = cgroup_find(&h, "cpu");
	assert_string_equal(cpu->mount, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(cpu->controllers, "cpu,cpuacct");
	assert_ptr_equal(cgroup_find(&h, "cpuacct"), cpu);
	assert_string_equal(cgroup_find(&h, "cpuset")->mount, "/sys/fs/cgroup/cpuset");
	assert_string_equal(cgroup_find(&h, "memory")->mount, "/sys/fs/cgroup/memory");
	assert_string_equal(cgroup_find(&h, "memory")->own, "/b:c");
	assert_true(cgroup_find(&h, "pids")->v2); /* not mounted as v1: v2's, if anybody's */
	cgroup_host_done(&h);
}

static void test_v1_and_none(void **state)
{
	struct cgroup_host h = probe(
		"35 30 0:30 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup "
		"rw,memory\n",
		"4:memory:/docker/x\n");

	(void)state;
	assert_int_equal(h.layout, CGROUP_V1);
	assert_null(cgroup_find(&h, "pids"));
	cgroup_host_done(&h);
	h = probe("24 1 0:22 / / rw - ext4 /dev/vda rw\n", "0::/\n");
	assert_int_equal(h.layout, CGROUP_NONE);
	assert_int_equal(h.n, 0);
	assert_null(cgroup_paths(&h, "/x"));
	assert_int_equal(cgroup_make(&h, "/x"), 0);
	cgroup_host_done(&h);
	/* lines that are none */
	h = probe("nonsense\n - cgroup cgroup rw,memory\n1 2 3 - cgroup x\n- cgroup\n",
		"a\nb:c\n::\n");
	assert_int_equal(h.n, 0);
	cgroup_host_done(&h);
}

/* The rest needs the right to make cgroups. */
static struct cgroup_host host;
static char name[64];
static char **paths;

static int setup(void **state)
{
	(void)state;
	snprintf(name, sizeof(name), "/hull-test-%d/c", (int)getpid());
	paths = NULL;
	if (cgroup_probe(&host) < 0)
		return -1;
	if (geteuid() == 0 && host.n && cgroup_make(&host, name) == 0)
		paths = cgroup_paths(&host, name);
	return 0;
}

static int teardown(void **state)
{
	char parent[64];
	char **parents;
	int r;

	(void)state;
	snprintf(parent, sizeof(parent), "/hull-test-%d", (int)getpid());
	parents = cgroup_paths(&host, parent);
	cgroup_kill(parents);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	r = cgroup_remove(parents, 2000);
	strv_free(parents);
	strv_free(paths);
	cgroup_host_done(&host);
	return r;
}

static void fork_for_ever(void)
{
	for (;;) {
		if (fork() == 0) {
			usleep(10000);
			_exit(0);
		}
		usleep(1000);
		waitpid(-1, NULL, WNOHANG);
	}
}

static void test_paths_refused(void **state)
{
	(void)state;
	assert_int_equal(cgroup_make(&host, "/a/../b"), -EINVAL);
	assert_int_equal(cgroup_make(&host, "/.."), -EINVAL);
	assert_int_equal(cgroup_make(&host, "a"), -EINVAL);
	assert_int_equal(cgroup_make(&host, "/"), -EINVAL);
}

static void test_enter_count_kill(void **state)
{
	char sub[80];
	int status;
	pid_t pid;

	(void)state;
	if (!paths)
		skip();
	assert_int_equal(cgroup_count(paths), 0);
	assert_int_equal(cgroup_make(&host, name), 0); /* empty: taken over */
	snprintf(sub, sizeof(sub), "%s/sub/deep", name);
	assert_int_equal(cgroup_make(&host, sub), 0);
	pid = fork();
	if (pid == 0) {
		if (cgroup_enter(&host, sub, getpid()) < 0)
			_exit(1);
		if (fork() == 0)
			fork_for_ever();
		fork_for_ever();
	}
	usleep(100000);
	assert_true(cgroup_count(paths) >= 2);
	assert_int_equal(cgroup_make(&host, sub), -EBUSY);
	assert_int_equal(cgroup_remove(paths, 0), -EBUSY);
	assert_int_equal(cgroup_kill(paths), 0);
	assert_int_equal(cgroup_count(paths), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(cgroup_oom_killed(paths), 0);
	assert_int_equal(cgroup_remove(paths, 1000), 0);
	assert_int_equal(access(paths[0], F_OK), -1);
	assert_int_equal(cgroup_remove(paths, 0), 0);
	assert_int_equal(cgroup_kill(paths), 0);
}

static void test_enter_self(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (!paths)
		skip();
	pid = fork();
	if (pid == 0) {
		if (cgroup_enter_self(&host, name, 1) < 0)
			_exit(1);
		_exit(cgroup_count(paths) == 1 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void test_memory_limit(void **state)
{
	struct cgroup_limits l = {
		.memory_set = 1, .memory = 16 << 20, .swap_set = 1, .swap = 16 << 20};
	struct err e = {0};
	int status;
	pid_t pid;

	(void)state;
	if (!paths)
		skip();
	if (cgroup_limit(&host, name, &l, &e) < 0)
		fail_msg("%s", e.text);
	l.memory = l.swap = 32 << 20; /* up: both at once */
	if (cgroup_limit(&host, name, &l, &e) < 0)
		fail_msg("%s", e.text);
	pid = fork();
	if (pid == 0) {
		char *m = mmap(
			NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (cgroup_enter(&host, name, getpid()) < 0)
			_exit(1);
		memset(m, 1, 64 << 20);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(cgroup_oom_killed(paths), 1);
}

static void test_pids_limit(void **state)
{
	struct cgroup_limits l = {.pids_set = 1,
		.pids = 1,
		.cpu_set = 1,
		.cpu_quota_us = 50000,
		.cpu_period_us = 100000,
		.shares_set = 1,
		.cpu_shares = 512};
	struct err e = {0};
	int status;
	pid_t pid;

	(void)state;
	if (!paths)
		skip();
	if (cgroup_limit(&host, name, &l, &e) < 0)
		fail_msg("%s", e.text);
	pid = fork();
	if (pid == 0) {
		if (cgroup_enter(&host, name, getpid()) < 0)
			_exit(1);
		_exit(fork() == -1 && errno == EAGAIN ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	l = (struct cgroup_limits){.pids_set = 1, .pids = -1, .cpu_set = 1, .cpu_quota_us = -1};
	if (cgroup_limit(&host, name, &l, &e) < 0)
		fail_msg("%s", e.text);
	l = (struct cgroup_limits){.cpu_set = 1, .cpu_quota_us = 1}; /* below the kernel's least */
	assert_int_equal(cgroup_limit(&host, name, &l, &e), -1);
	assert_non_null(strstr(e.text, "cannot set /"));
	assert_int_equal(e.errnum, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_hybrid),
		cmocka_unit_test(test_v1_and_none),
		cmocka_unit_test_setup_teardown(test_paths_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_enter_count_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_enter_self, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pids_limit, setup, teardown),
	};

	return cmocka_run_group_tests_name("kernel_cgroup", tests, NULL, NULL);
}
