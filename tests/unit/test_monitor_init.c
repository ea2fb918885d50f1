/* test_monitor_init.c: the built hull-init, as a subreaper and, where a user namespace may be made,
 * as process 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/ns.h"

static char init_path[4096]; /* beside this program in the build folder */
static int as_first;	     /* in a pid namespace of its own */

/* Starts it with 1 and 2 as a pipe. */
static pid_t start(char *const *words, int *out_pipe)
{
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	if (as_first) {
		int pidfd = -1;
		pid = ns_clone(CLONE_NEWUSER | CLONE_NEWPID, -1, &pidfd);
		if (pidfd >= 0)
			close(pidfd);
	} else {
		pid = fork();
	}
	if (pid == 0) {
		dup2(pipes[1], 1);
		dup2(pipes[1], 2);
		execv(init_path, words);
		_exit(99);
	}
	close(pipes[1]);
	*out_pipe = pipes[0];
	return pid;
}

static void read_until(int fd, char *text, size_t room, const char *tail)
{
	size_t n = strlen(text), want = strlen(tail);
	ssize_t r = 1;

	while (r > 0 && n + 1 < room &&
		!(want && n >= want && strcmp(text + n - want, tail) == 0)) {
		r = read(fd, text + n, room - 1 - n);
		n += r > 0 ? (size_t)r : 0;
		text[n] = '\0';
	}
}

/* Exit status as a shell has it, output in text. */
static int finish(pid_t pid, int fd, char *text, size_t room)
{
	int status = -1;

	read_until(fd, text, room, "");
	close(fd);
	assert_int_equal(ns_wait(pid, -1, 5000, &status), 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(char *const *words, char *text, size_t room)
{
	int fd;
	pid_t pid = start(words, &fd);

	text[0] = '\0';
	return finish(pid, fd, text, room);
}

static int run_shell(const char *script, char *text, size_t room)
{
	char copy[256], *words[] = {(char[]){"hull-init"}, (char[]){"--"}, (char[]){"/bin/sh"},
				(char[]){"-c"}, copy, NULL};

	snprintf(copy, sizeof(copy), "%s", script);
	return run(words, text, room);
}

static void status_is_the_programs(void **state)
{
	char text[256];

	assert_int_equal(run_shell("exit 0", text, sizeof(text)), 0);
	assert_int_equal(run_shell("echo hi; exit 7", text, sizeof(text)), 7);
	assert_string_equal(text, "hi\n");
	assert_int_equal(run_shell("kill -SEGV $$", text, sizeof(text)), 139);
	assert_int_equal(run_shell("kill -KILL $$", text, sizeof(text)), 137);
}

static void programs_that_cannot_run(void **state)
{
	char text[256], folder[] = "/", missing[] = "no-such-program", name[] = "hull-init",
			dash[] = "--";
	char *none[] = {name, dash, missing, NULL}, *dir[] = {name, folder, NULL},
	     *empty[] = {name, NULL};

	assert_int_equal(run(none, text, sizeof(text)), 127);
	assert_string_equal(text, "exec \"no-such-program\": No such file or directory\n");
	assert_int_equal(run(dir, text, sizeof(text)), 126);
	assert_string_equal(text, "exec \"/\": Permission denied\n");
	assert_int_equal(run(empty, text, sizeof(text)), 125);
	assert_memory_equal(text, "usage: ", 7);
}

static void signals_reach_the_program(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT, SIGWINCH};
	char name[] = "hull-init", shell[] = "/bin/sh", c[] = "-c",
	     script[] = "trap 'exit 41' TERM INT HUP USR1 QUIT WINCH; echo ready; while :; do "
			"sleep 0.01; done";
	char *words[] = {name, shell, c, script, NULL};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		char text[256] = "";
		int fd;
		pid_t pid = start(words, &fd);

		read_until(fd, text, sizeof(text), "ready\n");
		kill(pid, signals[i]);
		assert_int_equal(finish(pid, fd, text, sizeof(text)), 41);
	}
}

/* The program has the mask and the actions that hull-init was started with, and a default SIGTERM
 * kills it. */
static void program_starts_clean(void **state)
{
	char text[256] = "", name[] = "hull-init", sleep[] = "sleep", sixty[] = "60";
	char *words[] = {name, sleep, sixty, NULL};
	int fd, status;
	pid_t pid;

	assert_int_equal(
		run_shell("grep -E 'Sig(Blk|Ign)' /proc/self/status", text, sizeof(text)), 0);
	assert_string_equal(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	pid = start(words, &fd);
	usleep(50000);
	kill(pid, SIGTERM);
	status = finish(pid, fd, text, sizeof(text));
	assert_int_equal(status, 143);
}

/* Orphans are waited for; the end of hull-init is the end of the program, not of the orphans. */
static void orphans_are_reaped(void **state)
{
	char text[256];

	assert_int_equal(
		run_shell("(sh -c 'sleep 0.05' &); (sh -c 'exit 3' &); sleep 0.3; "
			  "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | while read f; do "
			  "grep -H \"^PPid:.$PPID$\" $f 2>/dev/null; done; true",
			text, sizeof(text)),
		0);
	assert_string_equal(text, "");
}

/* On a terminal the program's group is in the foreground, so that ^C reaches it. */
static void program_has_the_terminal(void **state)
{
	char text[256] = "", name[] = "hull-init", shell[] = "/bin/sh", c[] = "-c",
	     script[] = "trap 'exit 43' INT; echo ready; while :; do sleep 0.01; done";
	char *words[] = {name, shell, c, script, NULL};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status = -1;
	pid_t pid;

	unlockpt(master);
	pid = fork();
	if (pid == 0) {
		int slave;
		setsid();
		slave = open(ptsname(master), O_RDWR);
		ioctl(slave, TIOCSCTTY, 0);
		for (int i = 0; i < 3; i++)
			dup2(slave, i);
		execv(init_path, words);
		_exit(99);
	}
	read_until(master, text, sizeof(text), "ready\r\n");
	assert_int_equal(write(master, "\003", 1), 1);
	assert_int_equal(ns_wait(pid, -1, 5000, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 43);
	close(master);
}

static void once_more_as_process_1(void **state)
{
	int pidfd = -1, status = 0;
	pid_t pid = ns_clone(CLONE_NEWUSER | CLONE_NEWPID, -1, &pidfd);

	if (pid == 0)
		_exit(0);
	if (pidfd >= 0)
		close(pidfd);
	if (pid < 0)
		skip();
	ns_wait(pid, -1, 5000, &status);
	as_first = 1;
	status_is_the_programs(state);
	programs_that_cannot_run(state);
	signals_reach_the_program(state);
	program_starts_clean(state);
	as_first = 0;
}

static int setup(void **state)
{
	ssize_t n = readlink("/proc/self/exe", init_path, sizeof(init_path) - 64);

	if (n < 0)
		return -1;
	init_path[n] = '\0';
	strcpy(strrchr(init_path, '/'), "/../../src/monitor/hull-init");
	ns_close_from(3, 0);
	return access(init_path, X_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_the_programs),
		cmocka_unit_test(programs_that_cannot_run),
		cmocka_unit_test(signals_reach_the_program),
		cmocka_unit_test(program_starts_clean),
		cmocka_unit_test(orphans_are_reaped),
		cmocka_unit_test(program_has_the_terminal),
		cmocka_unit_test(once_more_as_process_1),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
