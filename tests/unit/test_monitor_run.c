/* test_monitor_run.c: ends, output, signals, descriptors and size of the built hull-monitor.
 * HULL_TEST_MIB=1024: more output than 32 MiB. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kernel/cgroup.h"
#include "monitor_scene.h"

/* ---- ends ---- */

static void child_exit_3(int sync)
{
	scene_run_shell(sync, "echo out; echo err >&2; exit 3");
}

static void output_and_status_arrive(void **state)
{
	struct scene s;

	scene_run(&s, &(struct plan){.child = child_exit_3});
	assert_int_equal(s.started, 1);
	assert_memory_equal(s.out, "out\n", s.n_out);
	assert_int_equal(s.n_out, 4);
	assert_memory_equal(s.err, "err\n", s.n_err);
	assert_int_equal(s.n_err, 4);
	assert_int_equal(s.exit.status, 3);
	assert_int_equal(s.exit.started, 1);
	assert_true(s.exit.finished_ns > s.exit.started_ns && s.exit.started_ns > 0);
	scene_assert_record("\"status\":3,\"signal\":0,\"oom\":false,\"started\":true");
	assert_null(scene_read_file("state"));
}

static void child_segv(int sync)
{
	scene_run_shell(sync, "kill -SEGV $$");
}

static void signal_death_is_139(void **state)
{
	struct scene s;

	scene_run(&s, &(struct plan){.child = child_segv});
	assert_int_equal(s.exit.status, 139);
	assert_int_equal(s.exit.signal, SIGSEGV);
	scene_assert_record("\"status\":139,\"signal\":11");
}

static void child_no_program(int sync)
{
	struct sync_msg msg = {.type = SYNC_ERROR, .err = {.status = 127}};

	strcpy(msg.err.text, "exec \"nope\": not found");
	scene_say(sync, SYNC_READY);
	scene_wait_start(sync);
	send(sync, &msg, sizeof(msg), MSG_NOSIGNAL);
	_exit(127);
}

static void exec_error_is_told(void **state)
{
	struct scene s;

	scene_run(&s, &(struct plan){.child = child_no_program});
	assert_int_equal(s.started, 0);
	assert_string_equal(s.err_text, "exec \"nope\": not found");
	assert_int_equal(s.exit.status, 127);
	assert_int_equal(s.exit.started, 0);
	scene_assert_record("\"started\":false");
	scene_assert_record("\"error\":\"exec \\\"nope\\\": not found\"");
}

static void child_dies_building(int sync)
{
	raise(SIGKILL);
}

static void child_exits_building(int sync)
{
	_exit(1);
}

static void death_before_the_program_is_an_error(void **state)
{
	struct scene s;

	scene_run(&s, &(struct plan){.child = child_dies_building});
	assert_non_null(strstr(s.err_text, "killed by signal 9"));
	assert_int_equal(s.exit.status, 125);
	assert_int_equal(s.exit.started, 0);
	scene_run(&s, &(struct plan){.child = child_exits_building});
	assert_non_null(strstr(s.err_text, "exit status 1"));
	assert_int_equal(s.exit.status, 125);
}

/* It is dead before the monitor looks: neither the message nor the status may be lost. */
static void child_error_at_once(int sync)
{
	struct sync_msg msg = {.type = SYNC_ERROR, .err = {.status = 126}};

	strcpy(msg.err.text, "mount: no");
	send(sync, &msg, sizeof(msg), MSG_NOSIGNAL);
	_exit(1);
}

static void early_error_is_told(void **state)
{
	for (int i = 0; i < 20; i++) {
		struct scene s;
		scene_run(&s, &(struct plan){.child = child_error_at_once});
		assert_string_equal(s.err_text, "mount: no");
		assert_int_equal(s.exit.status, 126);
	}
}

/* ---- output ---- */

static size_t mib(void)
{
	const char *text = getenv("HULL_TEST_MIB");

	return text ? (size_t)atol(text) : 32;
}

static uint32_t write_noise(int fd, size_t bytes)
{
	static unsigned char block[10007]; /* prime: never in step with frames */
	uint32_t sum = 0, x = 1;

	for (size_t done = 0; done < bytes;) {
		size_t n = bytes - done < sizeof(block) ? bytes - done : sizeof(block);
		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			block[i] = (unsigned char)(x >> 24);
			sum = sum * 31 + block[i];
		}
		for (size_t at = 0; fd >= 0 && at < n;) {
			ssize_t w = write(fd, block + at, n - at);
			if (w < 0)
				_exit(95);
			at += (size_t)w;
		}
		done += n;
	}
	return sum;
}

static void child_noise(int sync)
{
	scene_say(sync, SYNC_READY);
	scene_wait_start(sync);
	close(sync);
	write_noise(1, mib() << 20);
	_exit(0);
}

static void slow_client_loses_nothing(void **state)
{
	struct scene s;
	int frames = 0;

	scene_start(&s, &(struct plan){.child = child_noise});
	while (!s.ended) {
		assert_true(scene_next(&s, 5000));
		if (++frames % 256 == 0)
			usleep(5000);
	}
	scene_finish(&s);
	assert_int_equal(s.n_out, mib() << 20);
	assert_int_equal(s.sum_out, write_noise(-1, mib() << 20));
	assert_int_equal(s.exit.status, 0);
}

/* The client does not read at all while the container ends: nothing is lost, and the record is
 * there. */
static void child_leftover(int sync)
{
	scene_say(sync, SYNC_READY);
	scene_wait_start(sync);
	close(sync);
	write_noise(1, 100000);
	_exit(4);
}

static void output_after_death_arrives(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_leftover});
	for (int i = 0; i < 500 && !scene_read_file("exit"); i++)
		usleep(2000);
	scene_assert_record("\"status\":4");
	usleep(400000); /* longer than any deadline of the drain */
	scene_finish(&s);
	assert_int_equal(s.n_out, 100000);
	assert_int_equal(s.sum_out, write_noise(-1, 100000));
	assert_int_equal(s.exit.status, 4);
}

static void client_death_changes_nothing(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_noise});
	scene_until_started(&s);
	assert_true(scene_next(&s, 5000));
	close(s.client);
	assert_int_equal(scene_monitor_status(&s, 60000), 0);
	scene_assert_record("\"status\":0,\"signal\":0,\"oom\":false,\"started\":true");
	close(s.folder_fd);
}

static void no_client_is_needed(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_noise, .no_client = 1});
	assert_int_equal(scene_monitor_status(&s, 60000), 0);
	scene_assert_record("\"status\":0");
	close(s.client);
	close(s.folder_fd);
}

static void child_leaves_holder(int sync)
{
	scene_run_shell(sync, "(trap '' HUP; exec sleep 3) & echo said; exit 5");
}

static void strangers_do_not_hold_the_end_up(void **state)
{
	int64_t begin = scene_now_ms();
	struct scene s;

	scene_run(&s, &(struct plan){.child = child_leaves_holder});
	assert_true(scene_now_ms() - begin < 1500);
	assert_int_equal(s.exit.status, 5);
	assert_memory_equal(s.out, "said\n", 5);
}

static void child_closes_output(int sync)
{
	scene_run_shell(sync, "exec >&- 2>&-; sleep 0.1; exit 6");
}

static void closed_output_is_not_the_end(void **state)
{
	struct scene s;

	scene_run(&s, &(struct plan){.child = child_closes_output});
	assert_int_equal(s.exit.status, 6);
}

/* ---- signals and death ---- */

static void child_traps(int sync)
{
	scene_run_shell(
		sync, "trap 'echo got; exit 42' TERM; echo ready; while :; do sleep 0.01; done");
}

static void signals_are_forwarded(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_traps});
	scene_until_output(&s, "ready\n");
	scene_send_signal(&s, SIGTERM);
	scene_finish(&s);
	assert_int_equal(s.exit.status, 42);
	scene_start(&s, &(struct plan){.child = child_traps});
	scene_until_output(&s, "ready\n");
	kill(s.monitor, SIGHUP);
	kill(s.monitor, SIGINT);
	kill(s.monitor, SIGTERM);
	scene_finish(&s);
	assert_int_equal(s.exit.status, 42);
}

static void child_late(int sync)
{
	usleep(200000);
	scene_run_shell(sync, "sleep 5");
}

/* While the root is built nobody dies of SIGTERM; the program does. */
static void early_signal_is_kept(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_late});
	scene_send_signal(&s, SIGTERM);
	scene_send_signal(&s, 0);
	scene_send_signal(&s, 1000);
	scene_finish(&s);
	assert_int_equal(s.started, 1);
	assert_int_equal(s.exit.status, 143);
}

static void child_sleeps(int sync)
{
	scene_run_shell(sync, "exec sleep 60");
}

static void monitor_death_is_the_containers(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_sleeps});
	scene_until_started(&s);
	kill(s.monitor, SIGKILL);
	scene_monitor_status(&s, 2000);
	assert_true(scene_gone_within(s.child, 2000));
	assert_null(scene_read_file("exit"));
	assert_non_null(scene_read_file("state")); /* stale, and the lock is free */
	close(s.client);
	close(s.folder_fd);
}

static void state_file_tells_who_runs(void **state)
{
	char expected[64];
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_sleeps});
	scene_until_started(&s);
	snprintf(expected, sizeof(expected), "{\"pid\":%d,\"startTime\":", s.child);
	assert_memory_equal(scene_read_file("state"), expected, strlen(expected));
	snprintf(expected, sizeof(expected), "\"monitorPid\":%d}\n", s.monitor);
	assert_non_null(strstr(scene_read_file("state"), expected));
	scene_send_signal(&s, SIGKILL);
	scene_finish(&s);
	assert_int_equal(s.exit.status, 137);
}

/* ---- control groups (root) ---- */

#define CGROUP "/hull-test-monitor"

static struct cgroup_host cgroups;

static void enter_cgroup(void)
{
	if (cgroup_enter(&cgroups, CGROUP, getpid()) < 0)
		_exit(93);
}

static void child_leaves_orphan(int sync)
{
	enter_cgroup();
	scene_run_shell(sync, "sleep 61 >/dev/null 2>&1 & echo $!; exit 5");
}

static void child_floods_and_leaves(int sync)
{
	enter_cgroup();
	scene_run_shell(
		sync, "sleep 61 >/dev/null 2>&1 & echo $!; head -c 100000 /dev/zero; exit 5");
}

/* A plan with the cgroup's paths, or a skip. */
static char **make_cgroup(struct plan *plan)
{
	char **paths;

	if (cgroup_probe(&cgroups) < 0 || cgroup_make(&cgroups, CGROUP) < 0) {
		cgroup_host_done(&cgroups);
		skip();
	}
	paths = cgroup_paths(&cgroups, CGROUP);
	plan->extra[0] = "--";
	for (int i = 0; paths[i] && i < 30; i++)
		plan->extra[i + 1] = paths[i];
	return paths;
}

static void assert_cgroup_gone(char **paths)
{
	for (int i = 0; paths[i]; i++)
		assert_int_not_equal(access(paths[i], F_OK), 0);
	strv_free(paths);
	cgroup_host_done(&cgroups);
}

static void cgroup_dies_with_the_program(void **state)
{
	struct plan plan = {.child = child_leaves_orphan};
	char **paths = make_cgroup(&plan);
	struct scene s;

	scene_run(&s, &plan);
	assert_int_equal(s.exit.status, 5);
	assert_true(scene_gone_within(atoi(s.out), 1000));
	assert_cgroup_gone(paths);
}

/* Nor does a client that reads nothing keep it alive. */
static void cgroup_dies_while_the_client_sleeps(void **state)
{
	struct plan plan = {.child = child_floods_and_leaves};
	char **paths = make_cgroup(&plan);
	struct scene s;

	scene_start(&s, &plan);
	scene_until_output(&s, "\n");
	assert_true(scene_gone_within(atoi(s.out), 2000));
	scene_finish(&s);
	assert_int_equal(s.n_out, 100000 + strchr(s.out, '\n') - s.out + 1);
	assert_int_equal(s.exit.status, 5);
	assert_cgroup_gone(paths);
}

/* ---- descriptors and memory ---- */

static int count_fds(pid_t pid)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++) {
		char path[64];
		struct stat st;
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n += lstat(path, &st) == 0;
	}
	return n;
}

static void monitor_holds_only_its_own(void **state)
{
	struct scene s;
	char path[64];

	scene_start(&s, &(struct plan){.child = child_sleeps});
	scene_until_started(&s);
	/* 0 1 2, client, out, err, folder (given twice), signals; sync is closed */
	assert_int_equal(count_fds(s.monitor), 8);
	for (int i = 0; i < 500 && count_fds(s.child) != 3; i++)
		usleep(2000); /* the shell, or the loader of sleep, has a file open */
	assert_int_equal(count_fds(s.child), 3);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", s.monitor);
	assert_string_equal(scene_read_file(path), "hull-monitor 0123456789ab");
	scene_send_signal(&s, SIGKILL);
	scene_finish(&s);
}

static long private_kib(pid_t pid)
{
	static const char *const keys[] = {"Private_Clean:", "Private_Dirty:"};
	char path[64], *text;
	long sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	text = scene_read_file(path);
	for (int i = 0; text && i < 2; i++)
		sum += atol(strstr(text, keys[i]) + strlen(keys[i]));
	return text ? sum : -1;
}

static void child_16k(int sync)
{
	scene_run_shell(sync, "head -c 40000 /dev/zero; exec sleep 60");
}

static void ten_monitors_are_small(void **state)
{
	struct scene s[10];
	long most = 0;

	for (int i = 0; i < 10; i++) {
		scene_start(&s[i], &(struct plan){.child = child_16k, .no_files = 1});
		while (s[i].n_out < 40000)
			assert_true(scene_next(&s[i], 5000));
	}
	for (int i = 0; i < 10; i++) {
		long kib = private_kib(s[i].monitor);
		if (kib > most)
			most = kib;
	}
	print_message("# largest of ten monitors: %ld KiB private\n", most);
	assert_in_range(most, 4, 64);
	for (int i = 0; i < 10; i++)
		scene_send_signal(&s[i], SIGKILL);
	for (int i = 0; i < 10; i++)
		scene_finish(&s[i]);
}

/* ---- speed ---- */

static void child_timed(int sync)
{
	scene_say(sync, SYNC_READY);
	scene_wait_start(sync);
	_exit(0);
}

static void start_is_quick(void **state)
{
	int64_t begin = scene_now_ms();
	int n = 100;

	for (int i = 0; i < n; i++) {
		struct scene s;
		scene_run(&s, &(struct plan){.child = child_timed});
	}
	print_message("# whole life: %.2f ms\n", (double)(scene_now_ms() - begin) / n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_arrive),
		cmocka_unit_test(signal_death_is_139),
		cmocka_unit_test(exec_error_is_told),
		cmocka_unit_test(death_before_the_program_is_an_error),
		cmocka_unit_test(early_error_is_told),
		cmocka_unit_test(slow_client_loses_nothing),
		cmocka_unit_test(output_after_death_arrives),
		cmocka_unit_test(client_death_changes_nothing),
		cmocka_unit_test(no_client_is_needed),
		cmocka_unit_test(strangers_do_not_hold_the_end_up),
		cmocka_unit_test(closed_output_is_not_the_end),
		cmocka_unit_test(signals_are_forwarded),
		cmocka_unit_test(early_signal_is_kept),
		cmocka_unit_test(monitor_death_is_the_containers),
		cmocka_unit_test(state_file_tells_who_runs),
		cmocka_unit_test(cgroup_dies_with_the_program),
		cmocka_unit_test(cgroup_dies_while_the_client_sleeps),
		cmocka_unit_test(monitor_holds_only_its_own),
		cmocka_unit_test(ten_monitors_are_small),
		cmocka_unit_test(start_is_quick),
	};

	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
