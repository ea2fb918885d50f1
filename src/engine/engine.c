/* engine.c: opening and closing; folders. */
#define _GNU_SOURCE
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/container_store.h"
#include "engine/folders.h"
#include "engine/parts.h"
#include "kernel/fs.h"

void engine_warn(const struct engine *en, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	if (!en->warn)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	en->warn(text);
}

int engine_first_time(const struct engine *en, const char *name)
{
	auto_fd int fd = openat(
		en->runroot_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	return fd >= 0;
}

/* given, else the environment's, else what the user's kind has. */
static int choose(const char *given, const char *variable, int (*usual)(char **, struct err *),
	char **out, struct err *e)
{
	const char *env = getenv(variable);

	if (!given || !*given)
		given = env;
	if (!given || !*given)
		return usual(out, e);
	*out = xstrdup(given);
	return 0;
}

/* Ours, or nobody's yet? What is neither is left as it is: /tmp must not be closed because somebody
 * named it. */
static int may_close(const char *path, const char *mark)
{
	auto_free char *file = xasprintf("%s/%s", path, mark);

	return access(file, F_OK) == 0 || fs_is_empty(AT_FDCWD, path) == 1;
}

/* A folder in which others may rename and put things is no place for what root will mount; and
 * nobody else may walk into the store (CVE-2021-41091). */
static int check_owner(int fd, const char *path, const char *mark, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "look at the folder %s", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_DENIED,
			"the folder %s belongs to user %u: hull keeps its data only in a folder of "
			"your own",
			path, st.st_uid);
	if (st.st_mode & 022)
		return err_set(e, ERR_DENIED,
			"others may write to the folder %s: choose another, or chmod go-w it",
			path);
	if (st.st_mode & 077 && may_close(path, mark) && chmod(path, 0700) < 0)
		return err_sys(e, errno, "close the folder %s to others", path);
	return 0;
}

static int open_base(char **path, const char *mark, int *out_fd, struct err *e)
{
	char *absolute;
	int r;

	*out_fd = open(*path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*out_fd < 0 && errno == ENOENT) {
		r = fd_mkdirs(AT_FDCWD, *path, 0700);
		if (r < 0)
			return err_sys(e, r, "make the folder %s", *path);
		*out_fd = open(*path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (*out_fd < 0)
		return err_sys(e, errno, "open the folder %s", *path);
	if (**path != '/') {
		absolute = realpath(*path, NULL);
		if (!absolute)
			return err_sys(e, errno, "open the folder %s", *path);
		free(*path);
		*path = absolute;
	}
	return check_owner(*out_fd, *path, mark, e);
}

int engine_db_open(struct engine *en, struct err *e)
{
	auto_free char *path = NULL, *run_path = NULL;

	if (en->db)
		return 0;
	path = xasprintf("%s/hull.db", en->root);
	if (db_open(path, DB_CREATE, &en->db, e) < 0)
		return -1;
	run_path = xasprintf("%s/run.db", en->runroot);
	return container_store_migrate(en->db, run_path, e);
}

void engine_db_close(struct engine *en)
{
	store_close(en->store);
	en->store = NULL;
	db_close(en->db);
	en->db = NULL;
}

int engine_root(const struct engine_options *o, char **out, struct err *e)
{
	return choose(o->root, "HULL_ROOT", folders_root, out, e);
}

int engine_runroot(const struct engine_options *o, char **out, struct err *e)
{
	return choose(o->runroot, "HULL_RUNROOT", folders_runroot, out, e);
}

#define LETTERS "0123456789abcdefghijklmnopqrstuvwxyz"

/* The root that is there when nobody says has plain names, every other one its own: two engines on
 * one host must never take each other's. HULL_NET_SUFFIX decides instead, where a network namespace
 * has one engine only. */
static void choose_idents(struct engine *en)
{
	const char *given = getenv("HULL_NET_SUFFIX");
	auto_free char *usual = NULL, *real = NULL;
	char hex[HASH_HEX + 1] = "";
	struct err none;

	if (given && strspn(given, LETTERS) == strlen(given))
		return network_idents_of(given, &en->idents);
	if (folders_root(&usual, &none) < 0 || !streq(usual, en->root)) {
		real = realpath(en->root, NULL) ?: xstrdup(en->root);
		hash_sha256_hex(real, strlen(real), hex);
	}
	network_idents_of(hex, &en->idents);
}

int engine_open(const struct engine_options *o, struct engine **out, struct err *e)
{
	struct engine *en = xcalloc(1, sizeof(*en));

	en->root_fd = en->runroot_fd = -1;
	en->router_fd = en->router_net_fd = en->router_lock_fd = -1;
	en->warn = o->warn;
	if (engine_root(o, &en->root, e) < 0 || engine_runroot(o, &en->runroot, e) < 0 ||
		open_base(&en->root, "hull.db", &en->root_fd, e) < 0 ||
		open_base(&en->runroot, ENGINE_CONTAINERS, &en->runroot_fd, e) < 0 ||
		engine_db_open(en, e) < 0 || store_open(en->root, en->db, &en->store, e) < 0) {
		engine_close(en);
		return -1;
	}
	store_on_warning(en->store, en->warn);
	choose_idents(en);
	*out = en;
	return 0;
}

void engine_close(struct engine *en)
{
	if (!en)
		return;
	engine_db_close(en);
	fd_close_ptr(&en->root_fd);
	fd_close_ptr(&en->runroot_fd);
	fd_close_ptr(&en->router_fd);
	fd_close_ptr(&en->router_net_fd);
	fd_close_ptr(&en->router_lock_fd);
	free(en->root);
	free(en->runroot);
	userns_map_done(&en->uids);
	userns_map_done(&en->gids);
	free(en);
}

int engine_folder(int base_fd, const char *name, int *out_fd, struct err *e)
{
	int fd = openat(base_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(base_fd, name, 0700) < 0 && errno != EEXIST)
			return err_sys(e, errno, "make the folder %s", name);
		fd = openat(base_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, errno, "open the folder %s", name);
	*out_fd = fd;
	return 0;
}

int engine_container_folder(int base_fd, const char *id)
{
	char path[sizeof(ENGINE_CONTAINERS) + ENGINE_ID_LEN + 1];
	int fd;

	if (strlen(id) != ENGINE_ID_LEN)
		return -EINVAL;
	snprintf(path, sizeof(path), ENGINE_CONTAINERS "/%s", id);
	fd = openat(base_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
