/* test_monitor_table.c: the monitor's table is whole, and its ways lead to the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/monitor.h"

static void every_pair_is_defined(void **state)
{
	for (int s = 0; s < ST_COUNT; s++)
		for (int e = 0; e < EV_COUNT; e++) {
			assert_non_null(monitor_table_action(s, e));
			assert_in_range(monitor_table_next(s, e), 0, ST_COUNT - 1);
		}
}

static void nothing_happens_after_the_end(void **state)
{
	for (int e = 0; e < EV_COUNT; e++) {
		assert_ptr_equal(monitor_table_action(ST_ENDED, e), act_none);
		assert_int_equal(monitor_table_next(ST_ENDED, e), ST_ENDED);
	}
}

/* A state is never entered again once left: no way round, so every container ends. */
static void states_only_go_forward(void **state)
{
	/* FAILING follows STARTING in time but RUNNING in the list. */
	static const int rank[ST_COUNT] = {
		[ST_BUILDING] = 0,
		[ST_STARTING] = 1,
		[ST_RUNNING] = 2,
		[ST_FAILING] = 2,
		[ST_DRAINING] = 3,
		[ST_CUTTING] = 4,
		[ST_LEAVING] = 5,
		[ST_WAITING] = 6,
		[ST_ENDED] = 7,
	};

	for (int s = 0; s < ST_COUNT; s++)
		for (int e = 0; e < EV_COUNT; e++) {
			int next = monitor_table_next(s, e);
			assert_true(next == s || rank[next] > rank[s]);
		}
}

/* The clock, the child's death and the client's death are enough to get to the end from everywhere.
 */
static void all_ends_without_help(void **state)
{
	for (int s = 0; s < ST_ENDED; s++) {
		int at = s;
		for (int i = 0; i < 8 && at != ST_ENDED; i++) {
			at = monitor_table_next(at, EV_TIMEOUT);
			at = monitor_table_next(at, EV_CHILD_EXIT);
			at = monitor_table_next(at, EV_SENT);
		}
		assert_int_equal(at, ST_ENDED);
	}
}

/* Nothing else than SIGTERM to the monitor sets a clock while the program runs. */
static void who_does_not_go_by_itself_is_killed(void **state)
{
	assert_ptr_equal(monitor_table_action(ST_RUNNING, EV_TERM), act_stop);
	assert_ptr_equal(monitor_table_action(ST_RUNNING, EV_TIMEOUT), act_overdue);
	assert_ptr_equal(monitor_table_action(ST_RUNNING, EV_SIGNAL), act_kill);
}

static void error_before_the_program_runs_is_never_a_run(void **state)
{
	static const int early[] = {ST_BUILDING, ST_STARTING};

	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(monitor_table_action(early[i], EV_ERROR), act_fail);
		assert_ptr_equal(monitor_table_action(early[i], EV_CHILD_EXIT), act_bury);
	}
	assert_int_equal(monitor_table_next(ST_STARTING, EV_SYNC_END), ST_RUNNING);
	assert_int_equal(monitor_table_next(ST_BUILDING, EV_SYNC_END), ST_FAILING);
}

static void assert_exit_text(const char *error, const char *expected_tail)
{
	const struct mon_exit x = {.status = 127, .finished_ns = 5};
	char text[RECORD_EXIT_MAX];
	size_t n = record_exit_text(&x, error, text);

	assert_int_equal(n, strlen(text));
	assert_int_equal(text[n - 1], '\n');
	text[n - 1] = '\0';
	assert_memory_equal(
		text, "{\"status\":127,\"signal\":0,\"oom\":false,\"started\":false,", 53);
	assert_string_equal(strstr(text, "\"finishedNs\":5") + 14, expected_tail);
}

static void exit_record_is_json(void **state)
{
	assert_exit_text("", "}");
	assert_exit_text("exec \"x\": \\ \001", ",\"error\":\"exec \\\"x\\\": \\\\ \\u0001\"}");
	assert_exit_text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3",
		",\"error\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\"}");
	/* not UTF-8: stray, overlong, surrogate, cut off, too large */
	assert_exit_text("\xff", ",\"error\":\"?\"}");
	assert_exit_text("\xc0\x80", ",\"error\":\"??\"}");
	assert_exit_text("\xed\xa0\x80", ",\"error\":\"???\"}");
	assert_exit_text("a\xe2\x82", ",\"error\":\"a??\"}");
	assert_exit_text("\xf5\x80\x80\x80", ",\"error\":\"????\"}");
}

static void longest_error_fits(void **state)
{
	char text[RECORD_EXIT_MAX], error[ERR_TEXT_MAX];
	const struct mon_exit x = {.status = INT32_MIN,
		.signal = INT32_MIN,
		.started_ns = INT64_MIN,
		.finished_ns = INT64_MIN};

	memset(error, 1, sizeof(error));
	error[sizeof(error) - 1] = '\0';
	assert_in_range(
		record_exit_text(&x, error, text), 6 * (ERR_TEXT_MAX - 1), sizeof(text) - 1);
}

/* The words of a command line, one after the other in memory as the kernel lays them out. */
static int parse(const char *line, struct monitor_options *o, struct err *e)
{
	static char text[256], *argv[32];
	int argc = 0;

	memset(argv, 0, sizeof(argv));
	strcpy(text, line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return monitor_options_parse(argc, argv, o, e);
}

static void options_are_read(void **state)
{
	struct monitor_options o;
	struct err e;

	assert_int_equal(
		parse("m --pid 42 --id abc --sync-fd 5 --terminal --cleanup /bin/hull -- /a /b", &o,
			&e),
		0);
	assert_string_equal(o.id, "abc");
	assert_int_equal(o.pid, 42);
	assert_int_equal(o.sync_fd, 5);
	assert_int_equal(o.client_fd, -1);
	assert_int_equal(o.terminal, 1);
	assert_string_equal(o.cleanup, "/bin/hull");
	assert_string_equal(o.cgroups[1], "/b");
	assert_null(o.cgroups[2]);
}

static void title_is_name_and_id(void **state)
{
	struct monitor_options o;
	struct err e;
	const char *title;

	assert_int_equal(parse("hull-monitor --id 0123 --pid 42 --sync-fd 5 -- /a /b", &o, &e), 0);
	assert_string_equal(o.id, "0123");
	assert_int_equal(o.sync_fd, 5);
	assert_string_equal(o.cgroups[0], "/a");
	assert_string_equal(o.cgroups[1], "/b");
	assert_null(o.cgroups[2]);
	title = o.id - strlen("hull-monitor ");
	assert_string_equal(title, "hull-monitor 0123");
	/* the last byte of what was given */
	assert_int_equal(
		title[sizeof("hull-monitor --id 0123 --pid 42 --sync-fd 5 -- /a /b") - 1], '.');
}

static void bad_options_are_named(void **state)
{
	static const char *const cases[][2] = {
		{"m --id abc --pid 42 --sync-fd 2", "--sync-fd \"2\""},
		{"m --id abc --pid 42 --sync-fd 5x", "--sync-fd \"5x\""},
		{"m --id abc --pid 0 --sync-fd 5", "--pid \"0\""},
		{"m --id abc --pid 42 --sync-fd", "--sync-fd: needs"},
		{"m --id abc --pid 42 --frob 1", "\"--frob\""},
		{"m --id abc --pid 42", "--sync-fd are needed"},
		{"m", "--id"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct monitor_options o;
		struct err e = {0};
		assert_int_equal(parse(cases[i][0], &o, &e), -1);
		assert_non_null(strstr(e.text, cases[i][1]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_is_defined),
		cmocka_unit_test(nothing_happens_after_the_end),
		cmocka_unit_test(states_only_go_forward),
		cmocka_unit_test(all_ends_without_help),
		cmocka_unit_test(who_does_not_go_by_itself_is_killed),
		cmocka_unit_test(error_before_the_program_runs_is_never_a_run),
		cmocka_unit_test(exit_record_is_json),
		cmocka_unit_test(longest_error_fits),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(title_is_name_and_id),
		cmocka_unit_test(bad_options_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
