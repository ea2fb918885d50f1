/* test_monitor_client.c: what the built hull-monitor does for its client: terminals, and the
 * cleaning after it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/ns.h"
#include "monitor_scene.h"

static void child_sleeps(int sync)
{
	scene_run_shell(sync, "exec sleep 60");
}

/* ---- terminal ---- */

/* A pty as runtime/ makes it: the slave becomes 0, 1, 2 and the controlling terminal, the master
 * goes to the monitor. */
static void open_console(int sync)
{
	const struct sync_msg msg = {.type = SYNC_CONSOLE, .n_fds = 1};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	grantpt(master);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(slave, i);
	if (slave > 2)
		close(slave);
	if (ns_send_fds(sync, &msg, SYNC_SHORT, &master, 1) < 0)
		_exit(94);
	close(master);
}

static void child_console(int sync)
{
	open_console(sync);
	scene_run_shell(
		sync, "read line; echo got $line; head -c 20000 /dev/zero | tr '\\0' x; exit 8");
}

static void terminal_goes_both_ways(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_console, .terminal = 1});
	scene_until_started(&s);
	assert_true(s.console >= 0);
	assert_int_equal(write(s.console, "hello\n", 6), 6);
	scene_finish(&s);
	close(s.console);
	assert_int_equal(s.exit.status, 8);
	assert_memory_equal(s.out, "hello\r\ngot hello\r\nxxx", 21);
	assert_int_equal(s.n_out, 7 + 11 + 20000);
}

/* Nobody has the terminal open for a while: what comes after is not lost, and the monitor does not
 * spin. */
static void child_reopens(int sync)
{
	open_console(sync);
	scene_run_shell(sync,
		"t=$(tty); echo one; exec <&- >&- 2>&-; sleep 0.5; exec >$t; echo two; exit 9");
}

static long cpu_ticks(pid_t pid)
{
	char path[64];
	long user = 0, system = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	sscanf(strrchr(scene_read_file(path), ')'),
		") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
	return user + system;
}

static void closed_terminal_is_waited_for(void **state)
{
	struct scene s;

	scene_start(&s, &(struct plan){.child = child_reopens, .terminal = 1});
	scene_until_output(&s, "one\r\n");
	usleep(400000);
	assert_true(cpu_ticks(s.monitor) <= 2);
	scene_until_output(&s, "two\r\n");
	scene_finish(&s);
	assert_int_equal(s.exit.status, 9);
}

static void child_terminal_holder(int sync)
{
	open_console(sync);
	scene_run_shell(sync, "(trap '' HUP; exec sleep 3) & echo said; exit 5");
}

static void strangers_do_not_hold_a_terminal_up(void **state)
{
	int64_t begin = scene_now_ms();
	struct scene s;

	scene_run(&s, &(struct plan){.child = child_terminal_holder, .terminal = 1});
	assert_true(scene_now_ms() - begin < 1500);
	assert_int_equal(s.exit.status, 5);
	assert_memory_equal(s.out, "said\r\n", 6);
}

/* The user's terminal, raw as the client made it, or with signals on as a shell has it. */
static void lend_terminal(struct scene *s, int *out_tty, int raw)
{
	struct {
		struct mon_head head;
		struct termios tty;
	} f = {.head = {MON_TERMIOS, sizeof(struct termios)}};
	struct termios now;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	unlockpt(master);
	*out_tty = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*out_tty >= 0);
	assert_int_equal(tcgetattr(*out_tty, &f.tty), 0);
	assert_int_equal(ns_send_fds(s->client, &f, sizeof(f), out_tty, 1), 0);
	now = f.tty;
	cfmakeraw(&now);
	if (!raw)
		now.c_lflag |= ISIG;
	assert_int_equal(tcsetattr(*out_tty, TCSANOW, &now), 0);
}

static int is_canonical(int tty)
{
	struct termios now;

	tcgetattr(tty, &now);
	return (now.c_lflag & ICANON) != 0;
}

static void terminal_is_set_back_for_a_dead_client(void **state)
{
	struct scene s;
	int tty, i;

	scene_start(&s, &(struct plan){.child = child_sleeps});
	lend_terminal(&s, &tty, 1);
	scene_until_started(&s);
	assert_false(is_canonical(tty));
	close(s.client);
	for (i = 0; i < 500 && !is_canonical(tty); i++)
		usleep(2000);
	assert_true(is_canonical(tty));
	close(tty);
	kill(s.child, SIGKILL);
	assert_int_equal(scene_monitor_status(&s, 2000), 0);
	close(s.folder_fd);
}

static void terminal_of_a_shell_is_left_alone(void **state)
{
	struct scene s;
	int tty;

	scene_start(&s, &(struct plan){.child = child_sleeps});
	lend_terminal(&s, &tty, 0);
	scene_until_started(&s);
	close(s.client);
	usleep(100000);
	assert_false(is_canonical(tty));
	close(tty);
	kill(s.child, SIGKILL);
	assert_int_equal(scene_monitor_status(&s, 2000), 0);
	close(s.folder_fd);
}

/* ---- cleaning ---- */

static char script[256];

static void child_quick(int sync)
{
	scene_run_shell(sync, "exit 3");
}

static void write_script(void)
{
	int fd;

	snprintf(script, sizeof(script), "%s/clean", scene_folder);
	fd = open(script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	dprintf(fd, "#!/bin/sh\necho \"$*\" $(ls /proc/self/fd | wc -l) > %s/cleaned\n",
		scene_folder);
	close(fd);
}

static void cleanup_runs_without_client(void **state)
{
	const struct plan plan = {.child = child_quick,
		.extra = {"--cleanup", script, "--root", "/r", "--runroot", "/rr"}};
	struct scene s;

	write_script();
	scene_run(&s, &plan);
	/* 0 1 2 and what ls has */
	assert_string_equal(scene_read_file("cleaned"),
		"--root /r --runroot /rr container cleanup 0123456789ab 4\n");
}

static void cleanup_is_the_clients(void **state)
{
	const struct mon_head clean = {MON_CLEAN, 0};
	const struct plan plan = {.child = child_quick, .extra = {"--cleanup", script}};
	struct scene s;

	write_script();
	scene_start(&s, &plan);
	while (!s.ended)
		assert_true(scene_next(&s, 5000));
	usleep(50000); /* the monitor waits */
	assert_int_equal(kill(s.monitor, 0), 0);
	assert_int_equal(send(s.client, &clean, sizeof(clean), MSG_NOSIGNAL), sizeof(clean));
	assert_int_equal(scene_monitor_status(&s, 1000), 0);
	assert_null(scene_read_file("cleaned"));
	/* said early, and gone at once with frames unread */
	scene_start(&s, &plan);
	assert_int_equal(send(s.client, &clean, sizeof(clean), MSG_NOSIGNAL), sizeof(clean));
	usleep(50000);
	close(s.client);
	assert_int_equal(scene_monitor_status(&s, 1000), 0);
	assert_null(scene_read_file("cleaned"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminal_goes_both_ways),
		cmocka_unit_test(closed_terminal_is_waited_for),
		cmocka_unit_test(strangers_do_not_hold_a_terminal_up),
		cmocka_unit_test(terminal_is_set_back_for_a_dead_client),
		cmocka_unit_test(terminal_of_a_shell_is_left_alone),
		cmocka_unit_test(cleanup_runs_without_client),
		cmocka_unit_test(cleanup_is_the_clients),
	};

	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
