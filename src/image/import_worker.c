/* import_worker.c: hull-transfer is started, listened to, and waited for.
 *
 * How it works: the child is made in a user namespace of its own, with pid, mount, network, ipc and
 * uts namespaces. It waits on a pipe until this process has written its id maps: each id that
 * exists here is mapped to itself, so that files get the owners the archive gives them, while the
 * powers of root end at the namespace. Then it becomes hull-transfer, which shuts itself into the
 * target folder. Where no user namespace can be made (an old or a locked kernel) the unpacker has
 * only its own box: a root of its own, few capabilities, seccomp.
 *
 * What it says is data of an archive: lengths and kinds are checked, texts are made harmless for a
 * terminal. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config.h"
#include "image/import_parts.h"
#include "image/transfer/box.h"
#include "kernel/ns.h"

#define PROGRAM "hull-transfer"
#define MAP_LINES_MAX 340
#define FIRST_FREE_FD 10
#define SHARE_MAX 0.9 /* of the free space and inodes an archive may take without being asked */

struct worker {
	pid_t pid;
	int pidfd, own_users;
	int program;	/* opened with our powers, which the worker may not have */
	int result, go; /* our ends */
};

/* Beside the running binary, as in a build tree or a DESTDIR; else where it was installed. */
static void find_program(char out[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		snprintf(out, PATH_MAX, "%.4000s/" PROGRAM, self);
		if (access(out, X_OK) == 0)
			return;
	}
	snprintf(out, PATH_MAX, "%s/" PROGRAM, HULL_LIBEXECDIR);
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

/* Where hull-transfer looks for them. */
static int child_arrange(const struct worker_job *job, int result_fd)
{
	const int given[] = {
		job->archive_fd, result_fd, job->target_fd, job->recipe_fd, job->spool_fd};
	static const int numbers[] = {
		BOX_ARCHIVE_FD, BOX_RESULT_FD, BOX_ROOT_FD, BOX_RECIPE_FD, BOX_SPOOL_FD};
	int first_free = BOX_LAYERS_FD + (int)job->n_layers, lifted[ARRAY_SIZE(given)], r = 0;
	auto_free int *layers = xcalloc(job->n_layers + 1, sizeof(int));

	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		lifted[i] = lift(given[i], first_free);
		if (given[i] >= 0 && lifted[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < job->n_layers; i++) {
		layers[i] = lift(job->layer_fds[i], first_free);
		if (layers[i] < 0)
			return -errno;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(given); i++)
		r = place(lifted[i], numbers[i]);
	for (size_t i = 0; r == 0 && i < job->n_layers; i++)
		r = place(layers[i], BOX_LAYERS_FD + (int)i);
	return r;
}

static uint64_t share(uint64_t free)
{
	uint64_t n = (uint64_t)((double)free * SHARE_MAX);

	return n ? n : 1;
}

/* Of the file system that is written to. It may make inodes as it needs them, and say 0. */
static void add_limits(const struct worker_job *job, char ***v)
{
	uint64_t bytes = job->max_bytes > 0 ? (uint64_t)job->max_bytes : 0;
	int index = streq(job->mode, "index");
	struct statvfs fs;

	if (fstatvfs(index ? job->spool_fd : job->target_fd, &fs) == 0) {
		if (job->max_bytes == 0 && fs.f_blocks)
			bytes = share((uint64_t)fs.f_bavail * fs.f_frsize);
		if (fs.f_files && !index) {
			strv_addf(v, "--limit-entries");
			strv_addf(v, "%llu", (unsigned long long)share(fs.f_favail));
		}
	}
	strv_addf(v, "--limit-bytes");
	strv_addf(v, "%llu", (unsigned long long)bytes);
}

static char **child_arguments(const struct worker_job *job)
{
	char **v = NULL;

	strv_add(&v, PROGRAM);
	strv_add(&v, job->mode);
	strv_addf(&v, "--archive-fd");
	strv_addf(&v, "%d", BOX_ARCHIVE_FD);
	strv_addf(&v, "--result-fd");
	strv_addf(&v, "%d", BOX_RESULT_FD);
	strv_addf(&v, "--target-fd");
	strv_addf(&v, "%d", BOX_ROOT_FD);
	strv_addf(&v, "--recipe");
	strv_addf(&v, "%d", job->recipe_fd >= 0);
	strv_addf(&v, "--spool");
	strv_addf(&v, "%d", job->spool_fd >= 0);
	strv_addf(&v, "--layers");
	strv_addf(&v, "%zu", job->n_layers);
	add_limits(job, &v);
	if (job->length >= 0) {
		strv_addf(&v, "--length");
		strv_addf(&v, "%lld", (long long)job->length);
	}
	return v;
}

static _Noreturn void child(const char *path, int program, const struct worker_job *job,
	char **argv, int result_fd, int go_fd, int own_users)
{
	static char *const envp[] = {NULL};
	char go;
	int r;

	if (fd_read_full(go_fd, &go, 1) != 1) /* the starter is gone */
		_exit(1);
	if (own_users) {
		r = ns_become(0, 0, NULL, 0);
		if (r < 0)
			child_fail(result_fd, r, "enter the archive unpacker's namespace");
	}
	result_fd = lift(result_fd, FIRST_FREE_FD + (int)job->n_layers);
	program = lift(program, FIRST_FREE_FD + (int)job->n_layers);
	r = child_arrange(job, result_fd);
	if (r < 0)
		child_fail(result_fd, r, "start the archive unpacker");
	execveat(program, "", argv, envp, AT_EMPTY_PATH); /* 3.19 */
	execve(path, argv, envp);
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

static int write_maps(pid_t pid, const struct fs_owners *o, struct err *e)
{
	struct ns_idmap uids[MAP_LINES_MAX], gids[MAP_LINES_MAX];
	size_t n_uids = o ? 0 : identity_map("/proc/self/uid_map", uids);
	size_t n_gids = o ? 0 : identity_map("/proc/self/gid_map", gids);
	int r = o ? ns_write_maps(pid, o->uids, o->n_uids, o->gids, o->n_gids)
		  : ns_write_maps(pid, uids, n_uids, gids, n_gids);

	if (r == -EPERM)
		return err_set(e, ERR_DENIED,
			"unpack the archive: only root may give files to their owners; run hull as "
			"root");
	return r < 0 ? err_sys(e, r, "map the archive unpacker's ids") : 0;
}

static pid_t clone_child(int *own_users, int *pidfd)
{
	static const uint64_t flags[] = {
		CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
			CLONE_NEWUTS,
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		CLONE_NEWNS,
		0,
	};
	pid_t pid = -EINVAL;

	for (size_t i = 0; pid < 0 && i < ARRAY_SIZE(flags); i++) {
		*own_users = (flags[i] & CLONE_NEWUSER) != 0;
		pid = ns_clone(flags[i], -1, pidfd);
	}
	return pid;
}

static int start(const struct worker_job *job, struct worker *w, struct err *e)
{
	auto_strv char **argv = child_arguments(job);
	char program[PATH_MAX];
	int result[2], go[2];

	find_program(program);
	w->program = open(program, O_PATH | O_CLOEXEC);
	if (pipe2(result, O_CLOEXEC) < 0)
		return err_sys(e, errno, "start the archive unpacker");
	if (pipe2(go, O_CLOEXEC) < 0) {
		err_sys(e, errno, "start the archive unpacker");
		close(result[0]);
		close(result[1]);
		return -1;
	}
	w->pid = clone_child(&w->own_users, &w->pidfd);
	if (w->pid == 0) {
		/* A copy of the writing end would keep the barrier shut for ever. */
		close(go[1]);
		close(result[0]);
		child(program, w->program, job, argv, result[1], go[0], w->own_users);
	}
	close(result[1]);
	close(go[0]);
	w->result = result[0];
	w->go = go[1];
	return w->pid < 0 ? err_sys(e, w->pid, "start the archive unpacker") : 0;
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

static int take_error(const char *body, size_t len, struct err *e)
{
	struct err said;

	if (len != sizeof(said))
		return err_set(e, ERR_SYSTEM, "the archive unpacker failed without a word");
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

static int take_node(const char *body, size_t len, struct import_nodes *nodes)
{
	const size_t head = offsetof(struct transfer_node, path);
	struct transfer_node *n;

	if (len <= head || nodes->n == TRANSFER_NODES_MAX || body[len - 1])
		return -1;
	nodes->v = xreallocarray(nodes->v, nodes->n + 1, sizeof(*nodes->v));
	n = &nodes->v[nodes->n++];
	memcpy(n, body, len);
	n->path[sizeof(n->path) - 1] = '\0';
	return 0;
}

static int take_result(const char *body, size_t len, struct transfer_result *out)
{
	if (len != sizeof(*out))
		return -1;
	memcpy(out, body, sizeof(*out));
	out->digest[sizeof(out->digest) - 1] = '\0';
	out->blob_digest[sizeof(out->blob_digest) - 1] = '\0';
	return out->stream_bytes < 0 || out->blob_bytes < 0 || out->bytes < 0 || out->entries < 0 ||
			       out->uid_max < 0 || out->squashed < 0
		       ? -1
		       : 0;
}

static int take_member(const char *body, size_t len, const struct worker_job *job, struct err *e)
{
	const size_t head = offsetof(struct transfer_member, text);
	const struct transfer_member *m = (const void *)body;

	if (!job->member || len <= head || m->path_len < 2 || m->link_len < 1 ||
		m->path_len > PATH_MAX || m->link_len > PATH_MAX ||
		len != head + m->path_len + m->link_len || m->text[m->path_len - 1] ||
		m->text[m->path_len + m->link_len - 1] || m->kind > TRANSFER_HARD_LINK ||
		m->offset > INT64_MAX || m->size > INT64_MAX)
		return err_set(e, ERR_SYSTEM, "the archive unpacker talks nonsense");
	return job->member(job->ctx, m, e);
}

/* 1: done, 0: it went away without a last word, -1: it said an error. */
static int listen_to(
	int fd, const struct worker_job *job, struct transfer_result *out, struct err *e)
{
	_Alignas(struct transfer_member) char body[sizeof(struct transfer_member)];
	struct transfer_head head;

	_Static_assert(sizeof(body) >= sizeof(struct err), "an error fits");
	_Static_assert(sizeof(body) >= sizeof(struct transfer_node), "a device fits");
	while (fd_read_full(fd, &head, sizeof(head)) == sizeof(head)) {
		int r = -1;

		if (head.len > sizeof(body) ||
			fd_read_full(fd, body, head.len) != (ssize_t)head.len)
			return 0;
		if (head.kind == TRANSFER_ERROR)
			return take_error(body, head.len, e);
		if (head.kind == TRANSFER_DONE && take_result(body, head.len, out) == 0)
			return 1;
		if (head.kind == TRANSFER_MEMBER && take_member(body, head.len, job, e) < 0)
			return -1;
		if (head.kind == TRANSFER_MEMBER)
			continue;
		if (head.kind == TRANSFER_NODE && job->nodes)
			r = take_node(body, head.len, job->nodes);
		if (r < 0)
			return err_set(e, ERR_SYSTEM, "the archive unpacker talks nonsense");
	}
	return 0;
}

static int ended_badly(int status, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set(e, ERR_SYSTEM, "the archive unpacker died by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_set(
		e, ERR_SYSTEM, "the archive unpacker ended with status %d", WEXITSTATUS(status));
}

int worker_run(const struct worker_job *job, struct transfer_result *out, struct err *e)
{
	struct worker w = {.pid = -1, .pidfd = -1, .program = -1, .result = -1, .go = -1};
	int r = -1, status = 0;

	if (start(job, &w, e) == 0 && (!w.own_users || write_maps(w.pid, job->owners, e) == 0)) {
		r = fd_write_all(w.go, "", 1);
		r = r < 0 ? 0 : listen_to(w.result, job, out, e);
	}
	fd_close_ptr(&w.program);
	fd_close_ptr(&w.go);
	fd_close_ptr(&w.result);
	if (w.pid > 0) {
		if (r < 0)
			ns_kill(w.pid, w.pidfd, SIGKILL);
		if (ns_wait(w.pid, w.pidfd, -1, &status) < 0)
			status = 0;
	}
	fd_close_ptr(&w.pidfd);
	if (r == 0 || (r > 0 && status))
		return ended_badly(status, e);
	return r < 0 ? -1 : 0;
}
