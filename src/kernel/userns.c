/* userns.c: the user namespace this process lives in, and how an ordinary user gets one.
 *
 * How it works: only a process outside with the set-user-id programs of package uidmap may give a
 * namespace more than the user's own id. So two children are forked first, which stay outside and
 * wait on a pipe; the process unshares; one byte for each lets them become newuidmap and newgidmap,
 * at the same time, because each costs as much as all the rest (1.5 ms). When the process dies in
 * between they see the end of the pipe. */
#define _GNU_SOURCE
#include "kernel/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kernel/ns.h"

#define INITIAL_INO 0xEFFFFFFDU /* PROC_USER_INIT_INO, linux/proc_ns.h */
#define MAP_MAX_BYTES (64 << 10)

void userns_map_done(struct userns_map *m)
{
	free(m->v);
	*m = (struct userns_map){0};
}

void userns_map_add(struct userns_map *m, uint32_t inside, uint32_t outside, uint32_t count)
{
	m->v = xreallocarray(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = (struct ns_idmap){inside, outside, count};
}

uint32_t userns_map_subids(
	struct userns_map *m, char *text, const char *name, const char *number, uint32_t inside)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *who = strsep(&line, ":");
		char *first = line ? strsep(&line, ":") : NULL;
		uint32_t start, count;

		if (!((name && streq(who, name)) || (number && streq(who, number))) || !first ||
			!line || parse_u32(first, &start) < 0 || parse_u32(line, &count) < 0)
			continue;
		/* The last id, 2^32-1, is "no change" to the kernel. */
		if (!count || start > UINT32_MAX - count || inside > UINT32_MAX - count ||
			m->n == USERNS_LINES_MAX)
			continue;
		userns_map_add(m, inside, start, count);
		inside += count;
	}
	return inside;
}

int userns_map_has(const struct userns_map *m, uint32_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (id >= m->v[i].inside && id - m->v[i].inside < m->v[i].count)
			return 1;
	return 0;
}

int userns_map_read(int gids, struct userns_map *out)
{
	auto_buf struct buf b = BUF_MAX(MAP_MAX_BYTES);
	unsigned inside, outside, count;
	int used,
		r = fd_read_file(AT_FDCWD, gids ? "/proc/self/gid_map" : "/proc/self/uid_map", &b);

	if (r < 0)
		return r;
	for (const char *p = b.data; p && out->n < USERNS_LINES_MAX &&
				     sscanf(p, "%u %u %u%n", &inside, &outside, &count, &used) == 3;
		p += used)
		userns_map_add(out, inside, outside, count);
	return 0;
}

int userns_is_initial(void)
{
	struct userns_map m = {0};
	struct stat st;
	int whole;

	if (stat("/proc/self/ns/user", &st) == 0)
		return st.st_ino == INITIAL_INO;
	/* No user namespaces in this kernel, or no /proc. */
	whole = userns_map_read(0, &m) < 0 || (m.n == 1 && m.v[0].count == UINT32_MAX);
	userns_map_done(&m);
	return whole;
}

/* ---- the children outside */

static void add_lines(char ***argv, const struct userns_map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		strv_addf(argv, "%u", m->v[i].inside);
		strv_addf(argv, "%u", m->v[i].outside);
		strv_addf(argv, "%u", m->v[i].count);
	}
}

static _Noreturn void map_other(
	const char *program, const struct userns_map *m, pid_t pid, int go_fd, int log_fd)
{
	static char *const no_env[] = {NULL};
	char **argv = NULL, go;

	if (fd_read_full(go_fd, &go, 1) != 1)
		_exit(0);
	strv_add(&argv, program);
	strv_addf(&argv, "%d", (int)pid);
	add_lines(&argv, m);
	dup2(log_fd, STDERR_FILENO);
	execve(program, argv, no_env);
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

struct mappers {
	pid_t pids[2];
	int go, log; /* our end of the pipe; a memory file */
};

static int start_mappers(
	struct mappers *m, const struct userns_map *const maps[2], const char *const programs[2])
{
	int go[2];
	pid_t self = getpid();

	*m = (struct mappers){.go = -1, .log = memfd_create("newuidmap", MFD_CLOEXEC)};
	if (m->log < 0 || pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		m->pids[i] = fork();
		if (m->pids[i] == 0) {
			close(go[1]);
			map_other(programs[i], maps[i], self, go[0], m->log);
		}
	}
	close(go[0]);
	m->go = go[1];
	return m->pids[0] < 0 || m->pids[1] < 0 ? -EAGAIN : 0;
}

/* 0 when both have done what they should. */
static int end_mappers(struct mappers *m, struct buf *log)
{
	int r = 0;

	fd_close_ptr(&m->go);
	for (int i = 0; i < 2; i++) {
		int status = -1;
		if (m->pids[i] <= 0)
			continue;
		ns_wait(m->pids[i], -1, -1, &status);
		if (status != 0)
			r = -ECHILD;
	}
	if (r < 0 && lseek(m->log, 0, SEEK_SET) == 0)
		fd_read_all(m->log, log);
	fd_close_ptr(&m->log);
	return r;
}

/* ---- becoming root */

static int unshare_both(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? -errno : 0;
}

static int become_root(void)
{
	/* The user's further groups stay: they are what opens the user's own files for us. */
	return setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -errno : 0;
}

static int map_one(const char *file, uint32_t id)
{
	char text[32];

	snprintf(text, sizeof(text), "0 %u 1\n", id);
	return fd_write_value(AT_FDCWD, file, text);
}

/* What everybody may do (5 lines of user_namespaces(7)): oneself, and no groups. */
static int enter_alone(void)
{
	const uint32_t uid = geteuid(), gid = getegid();
	int r = unshare_both();

	if (r < 0)
		return r;
	r = fd_write_value(AT_FDCWD, "/proc/self/setgroups", "deny");
	if (r == 0 || r == -ENOENT) /* before 3.19 */
		r = map_one("/proc/self/uid_map", uid);
	if (r == 0)
		r = map_one("/proc/self/gid_map", gid);
	return r < 0 ? r : become_root();
}

static int is_alone(const struct userns_map *m)
{
	return m->n == 1 && m->v[0].count == 1;
}

int userns_enter(const struct userns_map *uids, const struct userns_map *gids,
	const char *new_uid_map, const char *new_gid_map, struct buf *log)
{
	const struct userns_map *const maps[2] = {uids, gids};
	const char *const programs[2] = {new_uid_map, new_gid_map};
	struct mappers m;
	int r, ended;

	if (is_alone(uids) && is_alone(gids))
		return enter_alone();
	r = start_mappers(&m, maps, programs);
	if (r == 0)
		r = unshare_both();
	if (r == 0)
		r = fd_write_all(m.go, "go", 2);
	ended = end_mappers(&m, log);
	if (r == 0)
		r = ended;
	return r < 0 ? r : become_root();
}

int userns_join(int fd)
{
	if (setns(fd, CLONE_NEWUSER) < 0)
		return -errno;
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	return become_root();
}
