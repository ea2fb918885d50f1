/* test_kernel_cgroup_limit.c: what is written where, for v1 and v2, into folders that look like
 * cgroups. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cgroup.h"

static char top[] = "/tmp/hull-test-limit.XXXXXX";
static struct cgroup_host host;
static unsigned lacking;

static void add_file(const char *dir, const char *name, const char *content)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, content, strlen(content)), 0);
	close(fd);
}

/* Its folder "/c", with these empty files. */
static void add_hier(const char *controllers, int v2, const char *files)
{
	auto_strv char **names = strv_split(files, " ");
	auto_free char *mount = xasprintf("%s/%s", top, v2 ? "unified" : controllers);
	auto_free char *dir = xasprintf("%s/c", mount);

	assert_int_equal(mkdir(mount, 0755), 0);
	assert_int_equal(mkdir(dir, 0755), 0);
	strv_foreach (n, names)
		if (**n)
			add_file(dir, *n, "");
	host.hiers = xreallocarray(host.hiers, host.n + 1, sizeof(*host.hiers));
	host.hiers[host.n++] = (struct cgroup_hier){
		.mount = xstrdup(mount), .controllers = xstrdup(controllers), .v2 = v2};
}

static int setup(void **state)
{
	(void)state;
	str_copy(top + strlen(top) - 6, 7, "XXXXXX");
	lacking = 0;
	host = (struct cgroup_host){.layout = CGROUP_V1};
	return mkdtemp(top) ? 0 : -1;
}

static int teardown(void **state)
{
	auto_free char *command = xasprintf("rm -rf %s", top);

	(void)state;
	cgroup_host_done(&host);
	return system(command);
}

static void on_lack(void *ctx, enum cgroup_feature feature)
{
	(void)ctx;
	lacking |= 1u << feature;
}

static int limit(struct cgroup_limits l)
{
	struct err e = {0};
	int r;

	l.lacks = on_lack;
	r = cgroup_limit(&host, "/c", &l, &e);
	if (r < 0)
		print_message("# %s\n", e.text);
	return r;
}

/* The file's last content: a short value does not cut a longer one off, so files start empty. */
static void assert_file(const char *file, const char *want)
{
	auto_free char *path = xasprintf("%s/%s", top, file);
	auto_buf struct buf b = BUF_MAX(4096);

	assert_int_equal(fd_read_file(AT_FDCWD, path, &b), 0);
	assert_string_equal(b.data ? b.data : "", want);
}

static const struct cgroup_io io[] = {
	{CGROUP_IO_WEIGHT_DEVICE, 8, 0, 500},
	{CGROUP_IO_READ_BPS, 8, 16, 1048576},
};

static void test_v1(void **state)
{
	(void)state;
	add_hier("memory", 0,
		"memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes "
		"memory.swappiness memory.oom_control");
	add_hier("cpu,cpuacct", 0,
		"cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpu.rt_runtime_us cpu.rt_period_us");
	add_hier("cpuset", 0, "cpuset.cpus cpuset.mems");
	add_hier("pids", 0, "pids.max");
	add_hier("blkio", 0,
		"blkio.bfq.weight blkio.bfq.weight_device blkio.throttle.read_bps_device");
	assert_int_equal(limit((struct cgroup_limits){.memory_set = 1,
				 .memory = 64 << 20,
				 .swap_set = 1,
				 .swap = -1,
				 .reservation_set = 1,
				 .reservation = 32 << 20,
				 .swappiness_set = 1,
				 .swappiness = 0,
				 .oom_kill_disable = 1,
				 .pids_set = 1,
				 .pids = -1,
				 .cpu_set = 1,
				 .cpu_quota_us = 20000,
				 .cpu_period_us = 50000,
				 .shares_set = 1,
				 .cpu_shares = 2000,
				 .rt_runtime_us = 1000,
				 .rt_period_us = 200000,
				 .cpus = "0-1",
				 .mems = "0",
				 .io_weight = 300,
				 .io = io,
				 .n_io = 2}),
		0);
	assert_file("memory/c/memory.limit_in_bytes", "67108864");
	assert_file("memory/c/memory.memsw.limit_in_bytes", "-1");
	assert_file("memory/c/memory.soft_limit_in_bytes", "33554432");
	assert_file("memory/c/memory.swappiness", "0");
	assert_file("memory/c/memory.oom_control", "1");
	assert_file("pids/c/pids.max", "max");
	assert_file("cpu,cpuacct/c/cpu.cfs_quota_us", "20000");
	assert_file("cpu,cpuacct/c/cpu.cfs_period_us", "50000");
	assert_file("cpu,cpuacct/c/cpu.shares", "2000");
	assert_file("cpu,cpuacct/c/cpu.rt_runtime_us", "1000");
	assert_file("cpu,cpuacct/c/cpu.rt_period_us", "200000");
	assert_file("cpuset/c/cpuset.cpus", "0-1");
	assert_file("cpuset/c/cpuset.mems", "0");
	assert_file("blkio/c/blkio.bfq.weight", "300");
	assert_file("blkio/c/blkio.bfq.weight_device", "8:0 500");
	assert_file("blkio/c/blkio.throttle.read_bps_device", "8:16 1048576");
	assert_int_equal(lacking, 0);
}

static void add_v2(const char *files)
{
	host.layout = CGROUP_V2;
	add_hier("", 1, files);
	add_file(host.hiers[0].mount, "cgroup.controllers", "cpu cpuset io memory pids\n");
	add_file(host.hiers[0].mount, "cgroup.subtree_control", "cpu cpuset io memory pids\n");
}

static void add_v2_child_controllers(const char *controllers)
{
	auto_free char *dir = xasprintf("%s/c", host.hiers[0].mount);

	add_file(dir, "cgroup.controllers", controllers);
}

static void test_v2(void **state)
{
	(void)state;
	add_v2("memory.max memory.swap.max memory.low pids.max cpu.max cpu.weight cpuset.cpus "
	       "cpuset.mems io.weight io.max");
	assert_int_equal(limit((struct cgroup_limits){.memory_set = 1,
				 .memory = 64 << 20,
				 .swap_set = 1,
				 .swap = 96 << 20,
				 .reservation_set = 1,
				 .reservation = 32 << 20,
				 .pids_set = 1,
				 .pids = 0,
				 .cpu_set = 1,
				 .cpu_quota_us = 20000,
				 .cpu_period_us = 50000,
				 .shares_set = 1,
				 .cpu_shares = 1024,
				 .cpus = "1",
				 .mems = "0",
				 .io_weight = 1000,
				 .io = &io[1],
				 .n_io = 1}),
		0);
	assert_file("unified/c/memory.max", "67108864");
	assert_file("unified/c/memory.swap.max", "33554432");
	assert_file("unified/c/memory.low", "33554432");
	assert_file("unified/c/pids.max", "1");
	assert_file("unified/c/cpu.max", "20000 50000");
	assert_file("unified/c/cpu.weight", "100");
	assert_file("unified/c/cpuset.cpus", "1");
	assert_file("unified/c/cpuset.mems", "0");
	assert_file("unified/c/io.weight", "10000");
	assert_file("unified/c/io.max", "8:16 rbps=1048576");
	assert_int_equal(lacking, 0);
}

static void test_v2_rest(void **state)
{
	(void)state;
	add_v2("memory.max memory.swap.max cpu.max cpu.weight io.bfq.weight io.max");
	assert_int_equal(limit((struct cgroup_limits){.memory_set = 1,
				 .memory = -1,
				 .swappiness_set = 1,
				 .oom_kill_disable = 1,
				 .cpu_set = 1,
				 .cpu_quota_us = -1,
				 .shares_set = 1,
				 .cpu_shares = 2,
				 .rt_runtime_us = 5,
				 .io = (struct cgroup_io[]){{CGROUP_IO_WEIGHT_DEVICE, 8, 0, 10},
					 {CGROUP_IO_WRITE_IOPS, 8, 0, 0}},
				 .n_io = 2}),
		0);
	assert_file("unified/c/memory.max", "max");
	assert_file("unified/c/memory.swap.max", "max");
	assert_file("unified/c/cpu.max", "max");
	assert_file("unified/c/cpu.weight", "1");
	assert_file("unified/c/io.bfq.weight", "8:0 10");
	assert_file("unified/c/io.max", "8:0 wiops=max");
	assert_int_equal(lacking,
		1u << CGROUP_SWAPPINESS | 1u << CGROUP_OOM_KILL_DISABLE | 1u << CGROUP_CPU_RT);
}

/* The curve through (2, 1), (1024, 100) and (262144, 10000). */
static void test_weights(void **state)
{
	static const struct {
		uint64_t shares;
		const char *weight;
	} cases[] = {{2, "1"}, {3, "2"}, {512, "59"}, {1024, "100"}, {1025, "101"}, {2048, "174"},
		{262143, "10000"}, {262144, "10000"}};

	(void)state;
	add_v2("cpu.weight");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *dir = xasprintf("%s/c", host.hiers[0].mount);
		add_file(dir, "cpu.weight", "");
		assert_int_equal(limit((struct cgroup_limits){
					 .shares_set = 1, .cpu_shares = cases[i].shares}),
			0);
		assert_file("unified/c/cpu.weight", cases[i].weight);
	}
}

/* What the kernel has no file for is told and left out; a controller that somebody above keeps for
 * himself is an error. */
static void test_missing(void **state)
{
	(void)state;
	add_v2("memory.max pids.max");
	add_v2_child_controllers("memory pids\n");
	assert_int_equal(
		limit((struct cgroup_limits){
			.memory_set = 1, .memory = 1 << 20, .swap_set = 1, .swap = 2 << 20}),
		0);
	assert_file("unified/c/memory.max", "1048576");
	assert_int_equal(lacking, 1u << CGROUP_SWAP);
	assert_int_equal(limit((struct cgroup_limits){.io_weight = 10}), -1);
	add_v2_child_controllers("memory pids io\n");
	assert_int_equal(limit((struct cgroup_limits){.io_weight = 10}), 0);
	assert_int_equal(lacking, 1u << CGROUP_SWAP | 1u << CGROUP_IO_WEIGHT);
}

static void test_can(void **state)
{
	(void)state;
	add_v2("memory.max");
	assert_true(cgroup_can(&host, CGROUP_MEMORY));
	assert_true(cgroup_can(&host, CGROUP_IO_READ_BPS));
	assert_false(cgroup_can(&host, CGROUP_SWAPPINESS));
	assert_false(cgroup_can(&host, CGROUP_CPU_RT));
	add_file(host.hiers[0].mount, "cgroup.controllers", "cpu pids\n");
	assert_false(cgroup_can(&host, CGROUP_MEMORY));
	assert_true(cgroup_can(&host, CGROUP_CPU_SHARES));
	add_hier("memory", 0, "");
	assert_false(cgroup_can(&host, CGROUP_MEMORY)); /* v1 has it, and no file */
	add_file(host.hiers[1].mount, "memory.limit_in_bytes", "");
	assert_true(cgroup_can(&host, CGROUP_MEMORY));
	for (int f = 0; f < CGROUP_FEATURES; f++) {
		auto_free char *text = cgroup_cannot_text(f);
		assert_non_null(strstr(text, "Your kernel does not support "));
		assert_null(strstr(text, "(null)"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v1, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v2_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_weights, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_can, setup, teardown),
	};

	return cmocka_run_group_tests_name("kernel_cgroup_limit", tests, NULL, NULL);
}
