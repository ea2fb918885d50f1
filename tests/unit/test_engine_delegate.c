/* test_engine_delegate.c: systemd's unit for containers, with a systemd-run that only makes the
 * folder and counts. */
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
#include "engine/delegate.h"

static void assert_path(const char *own, unsigned uid, const char *want)
{
	auto_free char *got = delegate_path(own, uid);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void test_path(void **state)
{
	static const char user[] =
		"/user.slice/user-1000.slice/user@1000.service/app.slice/hull-containers.service";

	(void)state;
	assert_path("/user.slice/user-0.slice/session-1.scope", 0,
		"/system.slice/hull-containers.service");
	assert_path("/system.slice/ssh.service", 0, "/system.slice/hull-containers.service");
	assert_path("/", 0, NULL);
	assert_path("/user.slice/user-1000.slice/session-3.scope", 1000, user);
	assert_path("/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope", 1000, user);
	assert_path("/system.slice/cron.service", 1000, user);
	assert_path("/", 1000, NULL);
}

static char top[] = "/tmp/hull-test-delegate.XXXXXX";
static struct cgroup_hier hier;
static struct cgroup_host host;

/* What systemd-run is for these tests: script, run with the unit's folder in $UNIT. */
static void fake(const char *script)
{
	auto_free char *path = xasprintf("%s/systemd-run", top);
	auto_free char *text = xasprintf("#!/bin/sh\necho \"$*\" >>%s/calls\n%s\n", top, script);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static int setup(void **state)
{
	auto_free char *slice = NULL, *path = NULL;

	(void)state;
	str_copy(top + strlen(top) - 6, 7, "XXXXXX");
	if (!mkdtemp(top))
		return -1;
	slice = xasprintf("%s/system.slice", top);
	path = xasprintf("%s:/usr/bin:/bin", top);
	setenv("PATH", path, 1);
	hier = (struct cgroup_hier){.mount = top, .v2 = 1};
	host = (struct cgroup_host){.layout = CGROUP_V2,
		.hiers = &hier,
		.n = 1,
		.delegated = xstrdup("/system.slice/hull-containers.service")};
	return mkdir(slice, 0755);
}

static int teardown(void **state)
{
	auto_free char *command = xasprintf("rm -rf %s", top);

	(void)state;
	free(host.delegated);
	return system(command);
}

static int calls(char **out_first)
{
	auto_free char *path = xasprintf("%s/calls", top);
	auto_buf struct buf b = BUF_MAX(65536);
	int n = 0;

	if (fd_read_file(AT_FDCWD, path, &b) < 0 || !b.data)
		return 0;
	for (char *p = b.data; *p; p++)
		n += *p == '\n';
	b.data[strcspn(b.data, "\n")] = '\0';
	if (out_first)
		*out_first = buf_steal(&b);
	return n;
}

/* A unit with one process in it, as systemd and the kernel would make it. */
static char *working(const char *end)
{
	return xasprintf(
		"u=%s%s; mkdir -p $u/monitors && echo 4711 >$u/cgroup.procs && "
		": >$u/monitors/cgroup.procs; echo cpu memory rdma >$u/cgroup.controllers; "
		": >$u/cgroup.subtree_control; %s",
		top, host.delegated, end);
}

static void test_asks_once(void **state)
{
	auto_free char *script = working("exit 0"), *first = NULL;
	auto_free char *moved = xasprintf("%s%s/monitors/cgroup.procs", top, host.delegated);
	auto_free char *control = xasprintf("%s%s/cgroup.subtree_control", top, host.delegated);
	auto_buf struct buf b = BUF_MAX(64);

	(void)state;
	fake(script);
	for (int i = 0; i < 3; i++) {
		auto_fd int fd = delegate_open_monitors(&host);
		assert_true(fd >= 0);
	}
	assert_int_equal(calls(&first), 1);
	assert_non_null(strstr(first, "--system "));
	assert_non_null(strstr(first, "--unit=hull-containers.service "));
	assert_non_null(strstr(first, "--property=Delegate=yes "));
	/* The process that holds the unit is out of the way of the controllers. */
	assert_int_equal(fd_read_file(AT_FDCWD, moved, &b), 0);
	assert_string_equal(b.data, "4711");
	buf_clear(&b);
	assert_int_equal(fd_read_file(AT_FDCWD, control, &b), 0);
	assert_string_equal(b.data, "+cpu +memory");
}

/* Somebody else may be first: what counts is that the folder is there afterwards. */
static void test_lost_race(void **state)
{
	auto_free char *script = working("exit 1");
	auto_fd int fd = -1;

	(void)state;
	fake(script);
	fd = delegate_open_monitors(&host);
	assert_true(fd >= 0);
}

/* Nothing is made in systemd's place. */
static void test_refused(void **state)
{
	(void)state;
	fake("exit 1");
	assert_int_equal(delegate_open_monitors(&host), -1);
	assert_int_equal(calls(NULL), 1);
	assert_int_equal(cgroup_make(&host, "/system.slice/hull-containers.service/x"), -EACCES);
	free(host.delegated);
	host.delegated = NULL;
	assert_int_equal(delegate_open_monitors(&host), -1);
	assert_int_equal(calls(NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test_setup_teardown(test_asks_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_race, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("engine_delegate", tests, NULL, NULL);
}
