/* folders.c: where images and running containers are kept when nobody says. */
#define _GNU_SOURCE
#include "engine/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kernel/userns.h"

#define PASSWD_MAX_BYTES (16 << 20)

/* Not getpwuid(3): hull is linked statically, and what that loads is not. */
void folders_user(uid_t uid, char **out_name, char **out_home)
{
	auto_buf struct buf b = BUF_MAX(PASSWD_MAX_BYTES);
	const char *login = getenv("LOGNAME");
	char *line, *rest;
	uint32_t id;

	*out_name = *out_home = NULL;
	if (fd_read_file(AT_FDCWD, "/etc/passwd", &b) < 0)
		buf_clear(&b);
	for (rest = b.data; (line = strsep(&rest, "\n"));) {
		auto_strv char **f = strv_split(line, ":");
		if (strv_len(f) < 6 || parse_u32(f[2], &id) < 0 || id != uid)
			continue;
		*out_name = xstrdup(f[0]);
		*out_home = xstrdup(f[5]);
		return;
	}
	*out_name = login && *login ? xstrdup(login) : NULL;
}

/* Root's place, unless this is a root who is nobody there. */
static int is_roots(const char *path, const char *parent)
{
	if (geteuid() != 0)
		return 0;
	if (access(path, W_OK) == 0)
		return 1;
	if (errno == ENOENT && access(parent, W_OK) == 0)
		return 1;
	return errno != EACCES && errno != EPERM;
}

/* The user's id as the machine has it, also inside `unshare -r`. */
static uid_t outer_user(void)
{
	struct userns_map m = {0};
	uid_t uid = geteuid();

	if (uid == 0 && userns_map_read(0, &m) == 0 && m.n && m.v[0].inside == 0)
		uid = m.v[0].outside;
	userns_map_done(&m);
	return uid;
}

static int is_foreign(const char *path, int private, struct stat *st)
{
	if (stat(path, st) < 0)
		return 0; /* making it will tell */
	if (st->st_uid == geteuid())
		return 0;
	return private || st->st_uid != 0 || access(path, W_OK) < 0;
}

static int refuse(const char *variable, const char *path, const struct stat *st,
	const char *instead, struct err *e)
{
	return err_set(e, ERR_DENIED,
		"%s is %s, which belongs to user %u, and you are user %u (is it left from before "
		"su or "
		"sudo?): set it to a folder of your own, or %s",
		variable, path, st->st_uid, geteuid(), instead);
}

int folders_root(char **out, struct err *e)
{
	const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	auto_free char *name = NULL, *listed = NULL;
	struct stat st;

	if (is_roots("/var/lib/hull", "/var/lib")) {
		*out = xstrdup("/var/lib/hull");
		return 0;
	}
	if (base && *base == '/') {
		if (is_foreign(base, 0, &st))
			return refuse("XDG_DATA_HOME", base, &st, "HULL_ROOT", e);
		*out = xasprintf("%s/hull", base);
		return 0;
	}
	if (!home || *home != '/') {
		folders_user(geteuid(), &name, &listed);
		home = listed;
	}
	if (!home || *home != '/' || access(home, F_OK) < 0)
		return err_set(e, ERR_NOT_FOUND,
			"you have no home folder (%s) to keep images in: set HOME, XDG_DATA_HOME "
			"or "
			"HULL_ROOT",
			home ? home : "HOME is not set");
	if (is_foreign(home, 0, &st))
		return refuse("HOME", home, &st, "XDG_DATA_HOME, or HULL_ROOT", e);
	*out = xasprintf("%s/.local/share/hull", home);
	return 0;
}

/* In a folder where everybody makes things: ours, no link, closed to others, or nothing. */
static int make_in_tmp(const char *path, struct err *e)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the folder %s", path);
	if (lstat(path, &st) < 0)
		return err_sys(e, errno, "look at the folder %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return err_set(e, ERR_DENIED,
			"%s is no folder that only you may enter: remove it, or set "
			"XDG_RUNTIME_DIR or "
			"HULL_RUNROOT",
			path);
	return 0;
}

int folders_runroot(char **out, struct err *e)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	auto_free char *usual = NULL, *tmp = NULL;
	struct stat st;

	if (is_roots("/run/hull", "/run")) {
		*out = xstrdup("/run/hull");
		return 0;
	}
	if (base && *base == '/') {
		if (is_foreign(base, 1, &st))
			return refuse("XDG_RUNTIME_DIR", base, &st, "HULL_RUNROOT", e);
		*out = xasprintf("%s/hull", base);
		return 0;
	}
	usual = xasprintf("/run/user/%u", outer_user());
	if (stat(usual, &st) == 0 && st.st_uid == geteuid() && access(usual, W_OK) == 0) {
		*out = xasprintf("%s/hull", usual);
		return 0;
	}
	tmp = xasprintf("/tmp/hull-%u", outer_user());
	if (make_in_tmp(tmp, e) < 0)
		return -1;
	*out = take_ptr(tmp);
	return 0;
}
