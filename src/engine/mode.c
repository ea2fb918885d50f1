/* mode.c: an ordinary user becomes root of a user namespace.
 *
 * How it works: the user's one map is 0 -> their own id, 1 and on -> their ranges of /etc/subuid
 * and /etc/subgid, through newuidmap and newgidmap. Layers are unpacked inside, so that they are
 * shifted on disk by it; and whatever hull does to them later it does as root of the same map.
 * While a container of the user runs, its monitor's namespace is joined instead of making one more,
 * which saves the two programs; what cannot be joined is no loss. Without a range (or the programs)
 * the map has one id only: a line says so, once in the life of the run folder. */
#define _GNU_SOURCE
#include "engine/mode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/folders.h"
#include "engine/helpers.h"
#include "engine/router.h"
#include "engine/state.h"
#include "kernel/userns.h"

#define FILE_MAX_BYTES (16 << 20)
#define SAID "one-id" /* in the run folder: the line about a missing range was printed */
#define LOOK_AT_MAX 16

static uid_t user = (uid_t)-1;

uid_t mode_user(void)
{
	if (user == (uid_t)-1)
		user = geteuid();
	return user;
}

/* ---- the user's map */

struct wish {
	struct userns_map uids, gids;
	char *new_uid_map, *new_gid_map; /* programs, NULL: not installed */
	char *name;			 /* of the user, as /etc/subuid has it; NULL */
};

static void wish_done(struct wish *w)
{
	userns_map_done(&w->uids);
	userns_map_done(&w->gids);
	free(w->new_uid_map);
	free(w->new_gid_map);
	free(w->name);
}

static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	auto_strv char **dirs = strv_split(path ? path : "/usr/bin:/bin", ":");

	strv_foreach (d, dirs) {
		char *file = xasprintf("%s/%s", *d, name);
		if (**d == '/' && access(file, X_OK) == 0)
			return file;
		free(file);
	}
	return NULL;
}

static void add_ranges(struct userns_map *m, const char *file, const struct wish *w)
{
	auto_buf struct buf b = BUF_MAX(FILE_MAX_BYTES);
	char number[16];

	snprintf(number, sizeof(number), "%u", mode_user());
	if (fd_read_file(AT_FDCWD, file, &b) == 0 && b.data)
		userns_map_subids(m, b.data, w->name, number, 1);
}

static void cut(struct userns_map *m)
{
	m->n = 1;
}

static void wish_make(struct wish *w)
{
	auto_free char *home = NULL;

	folders_user(mode_user(), &w->name, &home);
	userns_map_add(&w->uids, 0, mode_user(), 1);
	userns_map_add(&w->gids, 0, getegid(), 1);
	add_ranges(&w->uids, "/etc/subuid", w);
	add_ranges(&w->gids, "/etc/subgid", w);
	if (w->uids.n == 1 || w->gids.n == 1)
		goto alone;
	w->new_uid_map = find_program("newuidmap");
	w->new_gid_map = find_program("newgidmap");
	if (w->new_uid_map && w->new_gid_map)
		return;
alone:
	cut(&w->uids);
	cut(&w->gids);
}

/* ---- joining what is there */

/* The lines of a map of another process, as they look from here. */
static int same_map(pid_t pid, const char *name, const struct userns_map *m)
{
	auto_buf struct buf b = BUF_MAX(64 << 10);
	auto_free char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	unsigned in, out, count;
	const char *p;
	size_t i = 0;
	int used;

	if (fd_read_file(AT_FDCWD, path, &b) < 0 || !b.data)
		return 0;
	for (p = b.data; sscanf(p, "%u %u %u%n", &in, &out, &count, &used) == 3; p += used, i++)
		if (i == m->n || m->v[i].inside != in || m->v[i].outside != out ||
			m->v[i].count != count)
			return 0;
	return i == m->n;
}

static int join_one(int run_fd, const struct wish *w)
{
	const pid_t monitor = container_monitor(run_fd);
	auto_fd int fd = -1;

	if (monitor <= 0 || !same_map(monitor, "uid_map", &w->uids) ||
		!same_map(monitor, "gid_map", &w->gids))
		return -ESRCH;
	fd = ns_open(monitor, "user");
	return fd < 0 ? fd : userns_join(fd);
}

/* 0: joined */
static int join_any(struct engine *en, const struct wish *w)
{
	int fd = openat(en->runroot_fd, ENGINE_CONTAINERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	int r = -ESRCH;

	if (!d) {
		fd_close_ptr(&fd);
		return r;
	}
	for (int i = 0; r < 0 && i < LOOK_AT_MAX && (de = readdir(d));) {
		auto_fd int run = -1;
		if (strlen(de->d_name) != ENGINE_ID_LEN)
			continue;
		run = openat(dirfd(d), de->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = run < 0 ? -errno : join_one(run, w);
		i++;
	}
	closedir(d);
	return r;
}

/* The router's: then its networks are ours, too. 0: joined */
static int join_router(struct engine *en, const struct wish *w)
{
	pid_t pid;
	auto_fd int fd = router_hello(en, &pid);
	int r = fd < 0 ? fd
		: same_map(pid, "uid_map", &w->uids) && same_map(pid, "gid_map", &w->gids)
			? userns_join(fd)
			: -EPERM;

	if (fd >= 0 && r < 0) {
		fd_close_ptr(&en->router_fd);
		fd_close_ptr(&en->router_net_fd);
	}
	return r;
}

/* Of one that was killed, in whose namespaces containers run. */
static int join_orphan(struct engine *en)
{
	auto_fd int fd = router_orphan(en);
	int r = fd < 0 ? fd : userns_join(fd);

	if (r < 0)
		fd_close_ptr(&en->router_net_fd);
	return r;
}

/* ---- entering */

static void say_alone(struct engine *en, const struct wish *w)
{
	auto_free char *number = xasprintf("%u", mode_user());
	const char *name = w->name ? w->name : number;

	if (!engine_first_time(en, SAID))
		return;
	engine_warn(en,
		"containers have your own id only, as root: for more, an administrator installs "
		"the "
		"package uidmap and adds the line %s:100000:65536 (or another free range) to "
		"/etc/subuid and /etc/subgid",
		name);
}

static int explain(int r, const struct buf *log, struct err *e)
{
	if (r == -ECHILD)
		return err_set(e, ERR_DENIED,
			"cannot have the ids that /etc/subuid and /etc/subgid give to this user: "
			"%.*s",
			(int)(log->data ? strcspn(log->data, "\n") : 0),
			log->data ? log->data : "");
	err_sys(e, r, "make a user namespace");
	if (r == -EPERM || r == -EACCES)
		return err_set(e, ERR_DENIED,
			"this machine lets ordinary users make no user namespaces (sysctl "
			"kernel.unprivileged_userns_clone, "
			"kernel.apparmor_restrict_unprivileged_userns; "
			"inside a container its seccomp profile): change that, or run hull as "
			"root");
	if (r == -ENOSPC || r == -EUSERS)
		return err_set(e, ERR_DENIED,
			"no further user namespace may be made (sysctl user.max_user_namespaces)");
	return -1;
}

/* What was opened before lies on mounts of the old namespace, which cannot be cloned any more. */
static int reopen(struct engine *en, struct err *e)
{
	int *const fds[] = {&en->root_fd, &en->runroot_fd};
	const char *const paths[] = {en->root, en->runroot};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fd_close_ptr(fds[i]);
		*fds[i] = open(paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (*fds[i] < 0)
			return err_sys(e, errno, "open the folder %s", paths[i]);
	}
	return 0;
}

/* Somebody may be about to start a router: two that start at the same time must have one. */
static int join_for_network(struct engine *en, const struct wish *w)
{
	int r = router_lock(en, NULL) < 0 ? -ENOENT : join_router(en, w);

	return r == -ENOENT ? join_orphan(en) : r;
}

static int enter(struct engine *en, struct err *e)
{
	auto_buf struct buf log = BUF_MAX(4096);
	struct wish w = {0};
	int r;

	wish_make(&w);
	r = join_router(en, &w);
	if (r == -EPERM && en->wants_network) {
		wish_done(&w);
		return err_set(e, ERR_CONFLICT,
			"the network of %s belongs to another user namespace: its containers end "
			"first, or "
			"take another HULL_ROOT and HULL_RUNROOT",
			en->runroot);
	}
	if (r < 0 && en->wants_network)
		r = join_for_network(en, &w);
	if (r < 0)
		r = join_any(en, &w);
	if (r < 0) {
		r = userns_enter(&w.uids, &w.gids, w.new_uid_map, w.new_gid_map, &log);
		if (r == 0 && w.uids.n == 1)
			say_alone(en, &w);
	}
	wish_done(&w);
	if (r < 0)
		return explain(r, &log, e);
	return reopen(en, e);
}

/* The mounts that root of a container or of `unshare -r` sees are often another's, and then nothing
 * of them can be shown elsewhere. Where it is forbidden `run` will tell; the rest works. */
static int own_mounts(struct engine *en, struct err *e)
{
	auto_free char *self = helpers_self(NULL);

	/* As the only process of a container we take the last hold of its mounts away, and the
	 * kernel forgets where our file lay. */
	if (self)
		setenv(HELPERS_SELF, self, 1);
	en->no_mounts = unshare(CLONE_NEWNS) < 0;
	return en->no_mounts ? 0 : reopen(en, e);
}

/* Root of a user namespace that was there before: the router's must be the same. */
static int meet_router(struct engine *en, struct err *e)
{
	auto_fd int own = ns_open(0, "user"), its = -1;
	struct stat a, b;
	pid_t pid;

	if (router_lock(en, e) < 0)
		return -1;
	its = router_hello(en, &pid);
	if (its == -ENOENT)
		its = router_orphan(en);
	if (its < 0 || (fstat(own, &a) == 0 && fstat(its, &b) == 0 && a.st_ino == b.st_ino))
		return 0;
	return err_set(e, ERR_CONFLICT,
		"the network of %s belongs to another user namespace: its containers end first, or "
		"take "
		"another HULL_ROOT and HULL_RUNROOT",
		en->runroot);
}

/* Where networks are wanted that cannot be in the network namespace that is here. */
static int have_router(struct engine *en, struct err *e)
{
	int r = 0;

	if (en->wants_network && router_needed(en)) {
		if (en->router_fd < 0 && en->router_lock_fd < 0)
			r = meet_router(en, e);
		if (r == 0)
			r = router_start(en, e);
	} else if (en->nested && en->router_fd < 0) {
		pid_t pid;
		auto_fd int user_fd = router_hello(en, &pid);
		(void)user_fd;
	}
	router_unlock(en);
	return r;
}

int mode_enter(struct engine *en, struct err *e)
{
	int r = 0;

	if (en->mode_known)
		return 0;
	if (mode_user() != 0 && enter(en, e) < 0)
		return -1;
	en->nested = !userns_is_initial();
	if (en->nested && mode_user() == 0 && own_mounts(en, e) < 0)
		return -1;
	if (en->nested) {
		r = userns_map_read(0, &en->uids);
		if (r == 0)
			r = userns_map_read(1, &en->gids);
	}
	if (r < 0)
		return err_sys(e, r, "read the id maps of this process");
	en->mode_known = 1;
	return have_router(en, e);
}
