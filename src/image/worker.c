/* worker.c: a worker program is started, listened to, and waited for.
 *
 * How it works: the child is made in a user namespace of its own, with pid, mount, network, ipc and
 * uts namespaces. It waits on a pipe until this process has written its id maps: each id that
 * exists here is mapped to itself, so that files get the owners the archive gives them, while the
 * powers of root end at the namespace. Then it becomes the program, which shuts itself into a
 * folder (box/box.c). Where no user namespace can be made (an old or a locked kernel) the worker
 * has only its own box: a root of its own, few capabilities, seccomp.
 *
 * What it says comes from what strangers wrote: lengths and kinds are checked, texts are made
 * harmless for a terminal. */
#define _GNU_SOURCE
#include "image/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config.h"
#include "image/box/box.h"
#include "kernel/fs.h"
#include "kernel/ns.h"

#define MAP_LINES_MAX 340
#define FIRST_FREE_FD 10

/* Beside the running binary, as in a build tree or a DESTDIR; else where it was installed. */
static void find_program(const char *name, char out[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		snprintf(out, PATH_MAX, "%.3800s/%.200s", self, name);
		if (access(out, X_OK) == 0)
			return;
	}
	snprintf(out, PATH_MAX, "%s/%s", HULL_LIBEXECDIR, name);
}

/* ---- the child */

static _Noreturn void child_fail(int result_fd, int err, const char *what)
{
	struct transfer_head head = {TRANSFER_ERROR, sizeof(struct err)};
	struct err e = {0};

	err_sys(&e, err, "%s", what);
	fd_write_all(result_fd, &head, sizeof(head));
	fd_write_all(result_fd, &e, sizeof(e));
	_exit(1);
}

/* Out of the way of the numbers they are to have. */
static int lift(int fd, int first_free)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, first_free);
}

static int place(int lifted, int number)
{
	return lifted >= 0 && dup2(lifted, number) < 0 ? -errno : 0;
}

/* Where the worker looks for them. */
static int child_arrange(const struct worker_start *s, int result_fd, int first_free)
{
	auto_free int *lifted = xcalloc(s->n_fds + 1, sizeof(int));
	int r = 0;

	for (size_t i = 0; i < s->n_fds; i++) {
		lifted[i] = lift(s->fds[i].fd, first_free);
		if (s->fds[i].fd >= 0 && lifted[i] < 0)
			return -errno;
	}
	r = place(result_fd, BOX_RESULT_FD);
	for (size_t i = 0; r == 0 && i < s->n_fds; i++)
		r = place(lifted[i], s->fds[i].number);
	return r;
}

static int first_free_fd(const struct worker_start *s)
{
	int first = FIRST_FREE_FD;

	for (size_t i = 0; i < s->n_fds; i++)
		if (s->fds[i].number >= first)
			first = s->fds[i].number + 1;
	return first;
}

static void child_say(char out[128], const char *what, const struct worker_start *s)
{
	snprintf(out, 128, "%s %s", what, s->who);
}

static _Noreturn void child(const char *path, const struct worker *w, const struct worker_start *s,
	int result_fd, int go_fd)
{
	static char *const envp[] = {NULL};
	int first_free = first_free_fd(s), program, r;
	char go, what[128];

	if (fd_read_full(go_fd, &go, 1) != 1) /* the starter is gone */
		_exit(1);
	child_say(what, "enter the namespace of", s);
	r = w->own_users ? ns_become(0, 0, NULL, 0) : 0;
	if (r < 0)
		child_fail(result_fd, r, what);
	result_fd = lift(result_fd, first_free);
	program = lift(w->program, first_free);
	child_say(what, "start", s);
	r = child_arrange(s, result_fd, first_free);
	if (r < 0)
		child_fail(result_fd, r, what);
	execveat(program, "", s->argv, envp, AT_EMPTY_PATH); /* 3.19 */
	execve(path, s->argv, envp);
	child_fail(result_fd, errno, path);
}

/* ---- starting */

/* The ids there are here, each for itself. */
static size_t identity_map(const char *path, struct ns_idmap *map)
{
	auto_buf struct buf b = BUF_MAX(64 << 10);
	unsigned inside, outside, count;
	size_t n = 0;
	int used;

	if (fd_read_file(AT_FDCWD, path, &b) < 0 || !b.data)
		return 0;
	for (const char *p = b.data;
		n < MAP_LINES_MAX && sscanf(p, "%u %u %u%n", &inside, &outside, &count, &used) == 3;
		p += used)
		map[n++] = (struct ns_idmap){inside, inside, count};
	return n;
}

static int write_maps(const struct worker *w, const struct fs_owners *o, struct err *e)
{
	struct ns_idmap uids[MAP_LINES_MAX], gids[MAP_LINES_MAX];
	size_t n_uids = o ? 0 : identity_map("/proc/self/uid_map", uids);
	size_t n_gids = o ? 0 : identity_map("/proc/self/gid_map", gids);
	int r = o ? ns_write_maps(w->pid, o->uids, o->n_uids, o->gids, o->n_gids)
		  : ns_write_maps(w->pid, uids, n_uids, gids, n_gids);

	if (r == -EPERM)
		return err_set(e, ERR_DENIED,
			"start %s: only root may give files to their owners; run hull as root",
			w->who);
	return r < 0 ? err_sys(e, r, "map the ids of %s", w->who) : 0;
}

static pid_t clone_child(int network, int *own_users, int *pidfd)
{
	static const uint64_t flags[] = {
		CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
			CLONE_NEWUTS,
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		CLONE_NEWNS,
		0,
	};
	const uint64_t shared = network ? CLONE_NEWNET : 0;
	pid_t pid = -EINVAL;

	for (size_t i = 0; pid < 0 && i < ARRAY_SIZE(flags); i++) {
		*own_users = (flags[i] & CLONE_NEWUSER) != 0;
		pid = ns_clone(flags[i] & ~shared, -1, pidfd);
	}
	return pid;
}

static int make_child(const struct worker_start *s, struct worker *w, struct err *e)
{
	char program[PATH_MAX];
	int result[2], go[2];

	find_program(s->program, program);
	w->program = open(program, O_PATH | O_CLOEXEC);
	if (pipe2(result, O_CLOEXEC) < 0)
		return err_sys(e, errno, "start %s", s->who);
	if (pipe2(go, O_CLOEXEC) < 0) {
		err_sys(e, errno, "start %s", s->who);
		close(result[0]);
		close(result[1]);
		return -1;
	}
	w->pid = clone_child(s->network, &w->own_users, &w->pidfd);
	if (w->pid == 0) {
		/* A copy of the writing end would keep the barrier shut for ever. */
		close(go[1]);
		close(result[0]);
		child(program, w, s, result[1], go[0]);
	}
	close(result[1]);
	close(go[0]);
	w->result = result[0];
	w->go = go[1];
	return w->pid < 0 ? err_sys(e, w->pid, "start %s", s->who) : 0;
}

int worker_start(const struct worker_start *s, struct worker *w, struct err *e)
{
	*w = (struct worker)WORKER_NONE;
	w->who = s->who;
	if (make_child(s, w, e) < 0 || (w->own_users && write_maps(w, s->owners, e) < 0))
		return -1;
	/* It may be dead already: then there comes no word, and worker_end() says how it died. */
	fd_write_all(w->go, "", 1);
	return 0;
}

/* ---- listening */

static int is_control(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	return *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0);
}

/* Bytes that a terminal would act upon, C0 and C1, as names in an archive may have them; and what
 * is no UTF-8, as some terminals take single bytes for C1. */
static void make_harmless(char *s)
{
	while (*s) {
		size_t len = is_control(s) ? 0 : utf8_char(s);

		if (!len)
			*s = '?';
		s += len ? len : 1;
	}
}

int worker_error(const struct worker *w, const char *body, size_t len, struct err *e)
{
	struct err said;

	if (len != sizeof(said))
		return err_set(e, ERR_SYSTEM, "%s failed without a word", w->who);
	memcpy(&said, body, sizeof(said));
	said.text[sizeof(said.text) - 1] = '\0';
	make_harmless(said.text);
	if (said.kind <= ERR_NONE || said.kind > ERR_SYSTEM)
		said.kind = ERR_SYSTEM;
	said.status = 0;
	if (e)
		*e = said;
	return -1;
}

int worker_nonsense(const struct worker *w, struct err *e)
{
	return err_set(e, ERR_SYSTEM, "%s talks nonsense", w->who);
}

int worker_hear(const struct worker *w, struct transfer_head *out_head, void *body, size_t max)
{
	return fd_read_full(w->result, out_head, sizeof(*out_head)) == sizeof(*out_head) &&
	       out_head->len <= max &&
	       fd_read_full(w->result, body, out_head->len) == (ssize_t)out_head->len;
}

static int ended_badly(const struct worker *w, int status, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set(e, ERR_SYSTEM, "%s died by signal %d (%s)", w->who, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	return err_set(e, ERR_SYSTEM, "%s ended with status %d", w->who, WEXITSTATUS(status));
}

int worker_end(struct worker *w, int said, struct err *e)
{
	int status = 0;

	fd_close_ptr(&w->program);
	fd_close_ptr(&w->go);
	fd_close_ptr(&w->result);
	if (w->pid > 0) {
		if (said < 0)
			ns_kill(w->pid, w->pidfd, SIGKILL);
		if (ns_wait(w->pid, w->pidfd, -1, &status) < 0)
			status = 0;
	}
	fd_close_ptr(&w->pidfd);
	if (said == 0 || (said > 0 && status))
		return ended_badly(w, status, e);
	return said < 0 ? -1 : 0;
}
