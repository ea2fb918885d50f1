/* monitor_scene.c: plays the engine and the container around the built hull-monitor. */
#define _GNU_SOURCE
#include "monitor_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/ns.h"

static char monitor_path[4096]; /* beside this program in the build folder */
char scene_folder[] = "/tmp/hull-test-monitor-XXXXXX";

/* ---- the container's first process ---- */

void scene_say(int sync, uint32_t type)
{
	const struct sync_msg msg = {.type = type};

	send(sync, &msg, SYNC_SHORT, MSG_NOSIGNAL);
}

void scene_wait_start(int sync)
{
	struct sync_msg msg;

	if (recv(sync, &msg, sizeof(msg), 0) < SYNC_SHORT || msg.type != SYNC_START)
		_exit(98);
}

void scene_run_shell(int sync, const char *script)
{
	scene_say(sync, SYNC_READY);
	scene_wait_start(sync);
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
	const char *argv[64];
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
	for (int i = 0; i < 32 && plan->extra[i]; i++)
		argv[argc++] = plan->extra[i];
	argv[argc] = NULL;
	dup2(1, 100); /* a stranger that the monitor must close */
	execv(monitor_path, (char *const *)argv);
	_exit(96);
}

void scene_start(struct scene *s, const struct plan *plan)
{
	int pair[2];

	memset(s, 0, sizeof(*s));
	s->console = -1;
	s->folder_fd = open(scene_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
int scene_next(struct scene *s, int timeout_ms)
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

void scene_until_started(struct scene *s)
{
	while (!s->started)
		assert_true(scene_next(s, 5000) && !s->ended);
}

int scene_monitor_status(struct scene *s, int timeout_ms)
{
	int status = -1;

	if (ns_wait(s->monitor, -1, timeout_ms, &status) < 0)
		fail_msg("the monitor hangs");
	return status;
}

void scene_finish(struct scene *s)
{
	while (!s->ended)
		assert_true(scene_next(s, 5000));
	close(s->client);
	assert_int_equal(scene_monitor_status(s, 2000), 0);
	close(s->folder_fd);
}

void scene_run(struct scene *s, const struct plan *plan)
{
	scene_start(s, plan);
	scene_finish(s);
}

char *scene_read_file(const char *name)
{
	static char text[8192];
	char path[256];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), name[0] == '/' ? "%s%s" : "%s/%s",
		name[0] == '/' ? "" : scene_folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

void scene_assert_record(const char *part)
{
	const char *text = scene_read_file("exit");

	assert_non_null(text);
	if (!strstr(text, part))
		fail_msg("%s not in %s", part, text);
}

void scene_send_signal(struct scene *s, int32_t sig)
{
	struct {
		struct mon_head head;
		int32_t signal;
	} f = {{MON_SIGNAL, 4}, sig};

	assert_int_equal(send(s->client, &f, sizeof(f), MSG_NOSIGNAL), sizeof(f));
}

int64_t scene_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

int scene_gone_within(pid_t pid, int ms)
{
	for (int64_t end = scene_now_ms() + ms; scene_now_ms() < end; usleep(2000)) {
		waitpid(pid, NULL, WNOHANG); /* orphans come to us */
		if (kill(pid, 0) < 0)
			return 1;
	}
	return 0;
}

void scene_until_output(struct scene *s, const char *text)
{
	/* Anywhere in what is kept: more may come in the same frame, and out holds only the start
	 * of it. */
	while (!memmem(
		s->out, s->n_out < sizeof(s->out) ? s->n_out : sizeof(s->out), text, strlen(text)))
		assert_true(scene_next(s, 5000) && !s->ended);
}

int scene_setup(void **state)
{
	ssize_t n = readlink("/proc/self/exe", monitor_path, sizeof(monitor_path) - 64);
	char *slash;

	if (n < 0 || !mkdtemp(scene_folder))
		return -1;
	monitor_path[n] = '\0';
	slash = strrchr(monitor_path, '/');
	strcpy(slash, "/../../src/monitor/hull-monitor");
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	ns_close_from(3, 0);
	return access(monitor_path, X_OK);
}

int scene_teardown(void **state)
{
	static const char *const names[] = {"exit", "state", "clean", "cleaned"};
	int fd = open(scene_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 4; i++)
		unlinkat(fd, names[i], 0);
	close(fd);
	return rmdir(scene_folder);
}
