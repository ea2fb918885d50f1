/* test_monitor_run.c: the built hull-monitor with a played engine and a played container. No root
 * needed: the container is a plain child that speaks sync.h. Set HULL_TEST_MIB for more output than
 * 32 MiB. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/ns.h"
#include "monitor/protocol.h"
#include "runtime/sync.h"

static char monitor_path[4096]; /* beside this program in the build folder */
static char folder[] = "/tmp/hull-test-monitor-XXXXXX";

struct scene {
	pid_t monitor, child; /* child: as MON_STARTED said */
	int client;
	int folder_fd;
	char err_text[ERR_TEXT_MAX]; /* of MON_ERROR */
	struct mon_exit exit;
	int started, ended; /* frames seen; end of file seen */
	int console;	    /* of MON_STDIN */
	size_t n_out, n_err;
	uint32_t sum_out; /* of bytes and their places */
	char out[4096], err[256];
};

struct plan {
	void (*child)(int sync); /* returns: exit status 99 */
	const char *extra[8];	 /* words for the monitor */
	int terminal, no_client, no_files;
};

/* ---- the container's first process ---- */

static void say(int sync, uint32_t type)
{
	const struct sync_msg msg = {.type = type};

	send(sync, &msg, SYNC_SHORT, MSG_NOSIGNAL);
}

static void wait_start(int sync)
{
	struct sync_msg msg;

	if (recv(sync, &msg, sizeof(msg), 0) < SYNC_SHORT || msg.type != SYNC_START)
		_exit(98);
}

static void run_shell(int sync, const char *script)
{
	say(sync, SYNC_READY);
	wait_start(sync);
	execl("/bin/sh", "sh", "-c", script, NULL);
}

static void play_child(const struct plan *plan, int sync, const int out[2], const int err[2])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (!plan->terminal) {
		dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
	}
	plan->child(sync);
	_exit(99);
}

/* ---- the engine ---- */

static void play_engine(const struct plan *plan, int folder_fd, int client)
{
	int sync[2], out[2], err[2], argc = 0;
	const char *argv[48];
	char words[8][16];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0 ||
		pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		_exit(97);
	pid = fork();
	if (pid == 0)
		play_child(plan, sync[1], out, err);
	const int keep[] = {pid, sync[0], client, out[0], err[0], folder_fd, folder_fd};
	static const char *const names[] = {"--pid", "--sync-fd", "--client-fd", "--out-fd",
		"--err-fd", "--state-fd", "--record-fd"};
	argv[argc++] = "hull-monitor";
	argv[argc++] = "--id";
	argv[argc++] = "0123456789ab";
	for (int i = 0; i < 7; i++) {
		if (keep[i] < 0 || (plan->terminal && (i == 3 || i == 4)) ||
			(plan->no_files && i > 4))
			continue;
		if (i)
			fcntl(keep[i], F_SETFD, 0);
		snprintf(words[i], sizeof(words[i]), "%d", keep[i]);
		argv[argc++] = names[i];
		argv[argc++] = words[i];
	}
	for (int i = 0; i < 8 && plan->extra[i]; i++)
		argv[argc++] = plan->extra[i];
	argv[argc] = NULL;
	dup2(1, 100); /* a stranger that the monitor must close */
	execv(monitor_path, (char *const *)argv);
	_exit(96);
}

static void start(struct scene *s, const struct plan *plan)
{
	int pair[2];

	memset(s, 0, sizeof(*s));
	s->console = -1;
	s->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unlinkat(s->folder_fd, "exit", 0);
	unlinkat(s->folder_fd, "state", 0);
	unlinkat(s->folder_fd, "cleaned", 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->monitor = fork();
	if (s->monitor == 0) {
		close(pair[0]); /* the child would hold it open until it executes something */
		play_engine(plan, s->folder_fd, plan->no_client ? -1 : pair[1]);
	}
	close(pair[1]);
	s->client = pair[0];
}

static void collect(char *to, size_t room, size_t *n, const char *data, size_t size)
{
	if (*n < room)
		memcpy(to + *n, data, size < room - *n ? size : room - *n);
	*n += size;
}

static void understand(struct scene *s, const struct mon_head *head, const char *data, int fd)
{
	switch (head->type) {
	case MON_ERROR:
		assert_int_equal(head->size, sizeof(struct err));
		strcpy(s->err_text, ((const struct err *)data)->text);
		break;
	case MON_STARTED:
		assert_int_equal(s->n_out + s->n_err, 0);
		s->started = 1;
		s->child = ((const struct mon_started *)data)->pid;
		break;
	case MON_STDIN:
		s->console = fd;
		break;
	case MON_STDOUT:
		for (size_t i = 0; i < head->size; i++)
			s->sum_out = s->sum_out * 31 + (unsigned char)data[i];
		collect(s->out, sizeof(s->out), &s->n_out, data, head->size);
		break;
	case MON_STDERR:
		collect(s->err, sizeof(s->err), &s->n_err, data, head->size);
		break;
	case MON_EXIT:
		memcpy(&s->exit, data, sizeof(s->exit));
		break;
	default:
		fail_msg("frame of type %u", head->type);
	}
}

/* One frame, or the end; 0 when nothing came within timeout_ms. */
static int next(struct scene *s, int timeout_ms)
{
	static struct {
		struct mon_head head;
		char data[MON_DATA_MAX];
	} f;
	struct pollfd p = {.fd = s->client, .events = POLLIN};
	int fd = -1;
	size_t n_fds = 1;
	ssize_t n;

	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	do
		n = ns_recv_fds(s->client, &f, sizeof(f), &fd, &n_fds);
	while (n == -ECONNRESET);
	assert_true(n >= 0);
	if (n == 0) {
		s->ended = 1;
		return 1;
	}
	assert_int_equal(n, sizeof(f.head) + f.head.size);
	understand(s, &f.head, f.data, n_fds ? fd : -1);
	return 1;
}

static void until_started(struct scene *s)
{
	while (!s->started)
		assert_true(next(s, 5000) && !s->ended);
}

static int monitor_status(struct scene *s, int timeout_ms)
{
	int status = -1;

	if (ns_wait(s->monitor, -1, timeout_ms, &status) < 0)
		fail_msg("the monitor hangs");
	return status;
}

static void finish(struct scene *s)
{
	while (!s->ended)
		assert_true(next(s, 5000));
	close(s->client);
	assert_int_equal(monitor_status(s, 2000), 0);
	close(s->folder_fd);
}

static void run(struct scene *s, const struct plan *plan)
{
	start(s, plan);
	finish(s);
}

static char *read_file(const char *name)
{
	static char text[8192];
	char path[256];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), name[0] == '/' ? "%s%s" : "%s/%s",
		name[0] == '/' ? "" : folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void assert_record(const char *part)
{
	const char *text = read_file("exit");

	assert_non_null(text);
	if (!strstr(text, part))
		fail_msg("%s not in %s", part, text);
}

static void send_signal(struct scene *s, int32_t sig)
{
	struct {
		struct mon_head head;
		int32_t signal;
	} f = {{MON_SIGNAL, 4}, sig};

	assert_int_equal(send(s->client, &f, sizeof(f), MSG_NOSIGNAL), sizeof(f));
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static int gone_within(pid_t pid, int ms)
{
	for (int64_t end = now_ms() + ms; now_ms() < end; usleep(2000))
		if (kill(pid, 0) < 0)
			return 1;
	return 0;
}

/* ---- ends ---- */

static void child_exit_3(int sync)
{
	run_shell(sync, "echo out; echo err >&2; exit 3");
}

static void output_and_status_arrive(void **state)
{
	struct scene s;

	run(&s, &(struct plan){.child = child_exit_3});
	assert_int_equal(s.started, 1);
	assert_memory_equal(s.out, "out\n", s.n_out);
	assert_int_equal(s.n_out, 4);
	assert_memory_equal(s.err, "err\n", s.n_err);
	assert_int_equal(s.n_err, 4);
	assert_int_equal(s.exit.status, 3);
	assert_int_equal(s.exit.started, 1);
	assert_true(s.exit.finished_ns > s.exit.started_ns && s.exit.started_ns > 0);
	assert_record("\"status\":3,\"signal\":0,\"oom\":false,\"started\":true");
	assert_null(read_file("state"));
}

static void child_segv(int sync)
{
	run_shell(sync, "kill -SEGV $$");
}

static void signal_death_is_139(void **state)
{
	struct scene s;

	run(&s, &(struct plan){.child = child_segv});
	assert_int_equal(s.exit.status, 139);
	assert_int_equal(s.exit.signal, SIGSEGV);
	assert_record("\"status\":139,\"signal\":11");
}

static void child_no_program(int sync)
{
	struct sync_msg msg = {.type = SYNC_ERROR, .err = {.status = 127}};

	strcpy(msg.err.text, "exec \"nope\": not found");
	say(sync, SYNC_READY);
	wait_start(sync);
	send(sync, &msg, sizeof(msg), MSG_NOSIGNAL);
	_exit(127);
}

static void exec_error_is_told(void **state)
{
	struct scene s;

	run(&s, &(struct plan){.child = child_no_program});
	assert_int_equal(s.started, 0);
	assert_string_equal(s.err_text, "exec \"nope\": not found");
	assert_int_equal(s.exit.status, 127);
	assert_int_equal(s.exit.started, 0);
	assert_record("\"started\":false");
	assert_record("\"error\":\"exec \\\"nope\\\": not found\"");
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

	run(&s, &(struct plan){.child = child_dies_building});
	assert_non_null(strstr(s.err_text, "killed by signal 9"));
	assert_int_equal(s.exit.status, 125);
	assert_int_equal(s.exit.started, 0);
	run(&s, &(struct plan){.child = child_exits_building});
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
		run(&s, &(struct plan){.child = child_error_at_once});
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
	say(sync, SYNC_READY);
	wait_start(sync);
	close(sync);
	write_noise(1, mib() << 20);
	_exit(0);
}

static void slow_client_loses_nothing(void **state)
{
	struct scene s;
	int frames = 0;

	start(&s, &(struct plan){.child = child_noise});
	while (!s.ended) {
		assert_true(next(&s, 5000));
		if (++frames % 256 == 0)
			usleep(5000);
	}
	finish(&s);
	assert_int_equal(s.n_out, mib() << 20);
	assert_int_equal(s.sum_out, write_noise(-1, mib() << 20));
	assert_int_equal(s.exit.status, 0);
}

/* The client does not read at all while the container ends: nothing is lost, and the record is
 * there. */
static void child_leftover(int sync)
{
	say(sync, SYNC_READY);
	wait_start(sync);
	close(sync);
	write_noise(1, 100000);
	_exit(4);
}

static void output_after_death_arrives(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_leftover});
	for (int i = 0; i < 500 && !read_file("exit"); i++)
		usleep(2000);
	assert_record("\"status\":4");
	usleep(400000); /* longer than any deadline of the drain */
	finish(&s);
	assert_int_equal(s.n_out, 100000);
	assert_int_equal(s.sum_out, write_noise(-1, 100000));
	assert_int_equal(s.exit.status, 4);
}

static void client_death_changes_nothing(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_noise});
	until_started(&s);
	assert_true(next(&s, 5000));
	close(s.client);
	assert_int_equal(monitor_status(&s, 60000), 0);
	assert_record("\"status\":0,\"signal\":0,\"oom\":false,\"started\":true");
	close(s.folder_fd);
}

static void no_client_is_needed(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_noise, .no_client = 1});
	assert_int_equal(monitor_status(&s, 60000), 0);
	assert_record("\"status\":0");
	close(s.client);
	close(s.folder_fd);
}

static void child_leaves_holder(int sync)
{
	run_shell(sync, "(trap '' HUP; exec sleep 3) & echo said; exit 5");
}

static void strangers_do_not_hold_the_end_up(void **state)
{
	int64_t begin = now_ms();
	struct scene s;

	run(&s, &(struct plan){.child = child_leaves_holder});
	assert_true(now_ms() - begin < 1500);
	assert_int_equal(s.exit.status, 5);
	assert_memory_equal(s.out, "said\n", 5);
}

static void child_closes_output(int sync)
{
	run_shell(sync, "exec >&- 2>&-; sleep 0.1; exit 6");
}

static void closed_output_is_not_the_end(void **state)
{
	struct scene s;

	run(&s, &(struct plan){.child = child_closes_output});
	assert_int_equal(s.exit.status, 6);
}

/* ---- signals and death ---- */

static void child_traps(int sync)
{
	run_shell(sync, "trap 'echo got; exit 42' TERM; echo ready; while :; do sleep 0.01; done");
}

static void until_output(struct scene *s, const char *text)
{
	size_t n = strlen(text);

	while (s->n_out < n || memcmp(s->out + s->n_out - n, text, n) != 0)
		assert_true(next(s, 5000) && !s->ended);
}

static void signals_are_forwarded(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_traps});
	until_output(&s, "ready\n");
	send_signal(&s, SIGTERM);
	finish(&s);
	assert_int_equal(s.exit.status, 42);
	start(&s, &(struct plan){.child = child_traps});
	until_output(&s, "ready\n");
	kill(s.monitor, SIGHUP);
	kill(s.monitor, SIGINT);
	kill(s.monitor, SIGTERM);
	finish(&s);
	assert_int_equal(s.exit.status, 42);
}

static void child_late(int sync)
{
	usleep(200000);
	run_shell(sync, "sleep 5");
}

/* While the root is built nobody dies of SIGTERM; the program does. */
static void early_signal_is_kept(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_late});
	send_signal(&s, SIGTERM);
	send_signal(&s, 0);
	send_signal(&s, 1000);
	finish(&s);
	assert_int_equal(s.started, 1);
	assert_int_equal(s.exit.status, 143);
}

static void child_sleeps(int sync)
{
	run_shell(sync, "exec sleep 60");
}

static void monitor_death_is_the_containers(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_sleeps});
	until_started(&s);
	kill(s.monitor, SIGKILL);
	monitor_status(&s, 2000);
	assert_true(gone_within(s.child, 2000));
	assert_null(read_file("exit"));
	assert_non_null(read_file("state")); /* stale, and the lock is free */
	close(s.client);
	close(s.folder_fd);
}

static void state_file_tells_who_runs(void **state)
{
	char expected[64];
	struct scene s;

	start(&s, &(struct plan){.child = child_sleeps});
	until_started(&s);
	snprintf(expected, sizeof(expected), "{\"pid\":%d,\"startTime\":", s.child);
	assert_memory_equal(read_file("state"), expected, strlen(expected));
	snprintf(expected, sizeof(expected), "\"monitorPid\":%d}\n", s.monitor);
	assert_non_null(strstr(read_file("state"), expected));
	send_signal(&s, SIGKILL);
	finish(&s);
	assert_int_equal(s.exit.status, 137);
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

	start(&s, &(struct plan){.child = child_sleeps});
	until_started(&s);
	/* 0 1 2, client, out, err, folder (given twice), signals; sync is closed */
	assert_int_equal(count_fds(s.monitor), 8);
	for (int i = 0; i < 500 && count_fds(s.child) != 3; i++)
		usleep(2000); /* the shell, or the loader of sleep, has a file open */
	assert_int_equal(count_fds(s.child), 3);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", s.monitor);
	assert_string_equal(read_file(path), "hull-monitor 0123456789ab");
	send_signal(&s, SIGKILL);
	finish(&s);
}

static long private_kib(pid_t pid)
{
	static const char *const keys[] = {"Private_Clean:", "Private_Dirty:"};
	char path[64], *text;
	long sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	text = read_file(path);
	for (int i = 0; text && i < 2; i++)
		sum += atol(strstr(text, keys[i]) + strlen(keys[i]));
	return text ? sum : -1;
}

static void child_16k(int sync)
{
	run_shell(sync, "head -c 40000 /dev/zero; exec sleep 60");
}

static void ten_monitors_are_small(void **state)
{
	struct scene s[10];
	long most = 0;

	for (int i = 0; i < 10; i++) {
		start(&s[i], &(struct plan){.child = child_16k, .no_files = 1});
		while (s[i].n_out < 40000)
			assert_true(next(&s[i], 5000));
	}
	for (int i = 0; i < 10; i++) {
		long kib = private_kib(s[i].monitor);
		if (kib > most)
			most = kib;
	}
	print_message("# largest of ten monitors: %ld KiB private\n", most);
	assert_in_range(most, 4, 64);
	for (int i = 0; i < 10; i++)
		send_signal(&s[i], SIGKILL);
	for (int i = 0; i < 10; i++)
		finish(&s[i]);
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
	run_shell(sync, "read line; echo got $line; head -c 20000 /dev/zero | tr '\\0' x; exit 8");
}

static void terminal_goes_both_ways(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_console, .terminal = 1});
	until_started(&s);
	assert_true(s.console >= 0);
	assert_int_equal(write(s.console, "hello\n", 6), 6);
	finish(&s);
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
	run_shell(sync,
		"t=$(tty); echo one; exec <&- >&- 2>&-; sleep 0.5; exec >$t; echo two; exit 9");
}

static long cpu_ticks(pid_t pid)
{
	char path[64];
	long user = 0, system = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	sscanf(strrchr(read_file(path), ')'),
		") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
	return user + system;
}

static void closed_terminal_is_waited_for(void **state)
{
	struct scene s;

	start(&s, &(struct plan){.child = child_reopens, .terminal = 1});
	until_output(&s, "one\r\n");
	usleep(400000);
	assert_true(cpu_ticks(s.monitor) <= 2);
	until_output(&s, "two\r\n");
	finish(&s);
	assert_int_equal(s.exit.status, 9);
}

static void child_terminal_holder(int sync)
{
	open_console(sync);
	run_shell(sync, "(trap '' HUP; exec sleep 3) & echo said; exit 5");
}

static void strangers_do_not_hold_a_terminal_up(void **state)
{
	int64_t begin = now_ms();
	struct scene s;

	run(&s, &(struct plan){.child = child_terminal_holder, .terminal = 1});
	assert_true(now_ms() - begin < 1500);
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

	start(&s, &(struct plan){.child = child_sleeps});
	lend_terminal(&s, &tty, 1);
	until_started(&s);
	assert_false(is_canonical(tty));
	close(s.client);
	for (i = 0; i < 500 && !is_canonical(tty); i++)
		usleep(2000);
	assert_true(is_canonical(tty));
	close(tty);
	kill(s.child, SIGKILL);
	assert_int_equal(monitor_status(&s, 2000), 0);
	close(s.folder_fd);
}

static void terminal_of_a_shell_is_left_alone(void **state)
{
	struct scene s;
	int tty;

	start(&s, &(struct plan){.child = child_sleeps});
	lend_terminal(&s, &tty, 0);
	until_started(&s);
	close(s.client);
	usleep(100000);
	assert_false(is_canonical(tty));
	close(tty);
	kill(s.child, SIGKILL);
	assert_int_equal(monitor_status(&s, 2000), 0);
	close(s.folder_fd);
}

/* ---- cleaning ---- */

static char script[256];

static void write_script(void)
{
	int fd;

	snprintf(script, sizeof(script), "%s/clean", folder);
	fd = open(script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	dprintf(fd, "#!/bin/sh\necho \"$*\" $(ls /proc/self/fd | wc -l) > %s/cleaned\n", folder);
	close(fd);
}

static void cleanup_runs_without_client(void **state)
{
	const struct plan plan = {.child = child_exit_3,
		.extra = {"--cleanup", script, "--root", "/r", "--runroot", "/rr"}};
	struct scene s;

	write_script();
	run(&s, &plan);
	/* 0 1 2 and what ls has */
	assert_string_equal(
		read_file("cleaned"), "--root /r --runroot /rr container cleanup 0123456789ab 4\n");
}

static void cleanup_is_the_clients(void **state)
{
	const struct mon_head clean = {MON_CLEAN, 0};
	const struct plan plan = {.child = child_exit_3, .extra = {"--cleanup", script}};
	struct scene s;

	write_script();
	start(&s, &plan);
	while (!s.ended)
		assert_true(next(&s, 5000));
	usleep(50000); /* the monitor waits */
	assert_int_equal(kill(s.monitor, 0), 0);
	assert_int_equal(send(s.client, &clean, sizeof(clean), MSG_NOSIGNAL), sizeof(clean));
	assert_int_equal(monitor_status(&s, 1000), 0);
	assert_null(read_file("cleaned"));
	/* said early, and gone at once with frames unread */
	start(&s, &plan);
	assert_int_equal(send(s.client, &clean, sizeof(clean), MSG_NOSIGNAL), sizeof(clean));
	usleep(50000);
	close(s.client);
	assert_int_equal(monitor_status(&s, 1000), 0);
	assert_null(read_file("cleaned"));
}

/* ---- speed ---- */

static void child_timed(int sync)
{
	say(sync, SYNC_READY);
	wait_start(sync);
	_exit(0);
}

static void start_is_quick(void **state)
{
	int64_t begin = now_ms();
	int n = 100;

	for (int i = 0; i < n; i++) {
		struct scene s;
		run(&s, &(struct plan){.child = child_timed});
	}
	print_message("# whole life: %.2f ms\n", (double)(now_ms() - begin) / n);
}

static int setup(void **state)
{
	ssize_t n = readlink("/proc/self/exe", monitor_path, sizeof(monitor_path) - 64);
	char *slash;

	if (n < 0 || !mkdtemp(folder))
		return -1;
	monitor_path[n] = '\0';
	slash = strrchr(monitor_path, '/');
	strcpy(slash, "/../../src/monitor/hull-monitor");
	signal(SIGPIPE, SIG_IGN);
	ns_close_from(3, 0);
	return access(monitor_path, X_OK);
}

static int teardown(void **state)
{
	static const char *const names[] = {"exit", "state", "clean", "cleaned"};
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 4; i++)
		unlinkat(fd, names[i], 0);
	close(fd);
	return rmdir(folder);
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
		cmocka_unit_test(monitor_holds_only_its_own),
		cmocka_unit_test(ten_monitors_are_small),
		cmocka_unit_test(terminal_goes_both_ways),
		cmocka_unit_test(closed_terminal_is_waited_for),
		cmocka_unit_test(strangers_do_not_hold_a_terminal_up),
		cmocka_unit_test(terminal_is_set_back_for_a_dead_client),
		cmocka_unit_test(terminal_of_a_shell_is_left_alone),
		cmocka_unit_test(cleanup_runs_without_client),
		cmocka_unit_test(cleanup_is_the_clients),
		cmocka_unit_test(start_is_quick),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
