/* place.c: from an entry's name to the folder it belongs in.
 *
 * Links on the way are followed, but never out of the root (path.h): an archive may have
 * lib -> usr/lib and then lib/x, and one that has lib -> / or lib -> ../../.. stays inside too. A
 * ".." in a name itself is refused: nobody needs it. */
#define _GNU_SOURCE
#include "image/transfer/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/transfer/whiteout.h"
#include "kernel/path.h"

int place_clean(const char *name, char out[PATH_MAX], struct err *e)
{
	size_t len = 0;

	for (const char *p = name; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return err_set(e, ERR_INVALID,
				"the archive is refused: its entry \"%.300s\" climbs out of its "
				"folder with \"..\"",
				name);
		if (p[n] && whiteout_in_way(p, n, !len))
			return err_set(e, ERR_INVALID,
				"the archive is refused: its entry \"%.300s\" lies beneath a mark "
				"for what is gone (\".wh.\")",
				name);
		if (n && !(n == 1 && *p == '.')) {
			if (len + n + 2 > PATH_MAX)
				return err_set(e, ERR_INVALID,
					"the archive is refused: its entry \"%.100s...\" has a "
					"name "
					"longer than %d bytes",
					name, PATH_MAX - 1);
			if (len)
				out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n + (p[n] == '/');
	}
	out[len] = '\0';
	return 0;
}

void place_forget(struct place *p)
{
	fd_close_ptr(&p->fd);
}

/* A whiteout that stands where a folder is needed: the entry ".wh.x" and then "x/y" mean a new,
 * opaque folder x. */
static int open_up(struct place *p, const char *folder)
{
	char path[PATH_MAX], name[NAME_MAX + 1];

	for (size_t len = 0; folder[len]; len += folder[len] == '/') {
		len += strcspn(folder + len, "/");
		memcpy(path, folder, len);
		path[len] = '\0';
		auto_fd int fd = path_open_parent(p->rootfd, path, name);
		if (fd < 0)
			return fd;
		int r = whiteout_to_folder(fd, name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_folders(struct place *p, const char *folder)
{
	size_t made = 0;
	int fd = path_mkdirs_count(p->rootfd, folder, 0755, (uid_t)-1, (gid_t)-1, &made);

	p->made += made;
	return fd;
}

static int open_folder(struct place *p, const char *folder)
{
	int fd = *folder ? make_folders(p, folder)
			 : path_open(p->rootfd, "/", O_PATH | O_DIRECTORY, 0);

	if (fd != -ENOTDIR)
		return fd;
	fd = open_up(p, folder);
	return fd < 0 ? fd : make_folders(p, folder);
}

/* Splits path, and says 1 when its folder is the one at hand; else that is given up for it. */
static int is_at_hand(struct place *p, const char *path, const char **out_name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	*out_name = slash ? slash + 1 : path;
	if (p->fd >= 0 && strncmp(p->parent, path, len) == 0 && !p->parent[len])
		return 1;
	place_forget(p);
	memcpy(p->parent, path, len);
	p->parent[len] = '\0';
	return 0;
}

int place_parent(struct place *p, const char *path, const char **out_name, struct err *e)
{
	int fd;

	if (is_at_hand(p, path, out_name))
		return p->fd;
	fd = open_folder(p, p->parent);
	if (fd < 0)
		return err_sys(e, fd, "unpack %.500s: its folder", path);
	p->fd = fd;
	return fd;
}

int place_look(struct place *p, const char *path, const char **out_name)
{
	int fd;

	if (is_at_hand(p, path, out_name))
		return p->fd;
	fd = path_open(p->rootfd, *p->parent ? p->parent : "/", O_PATH | O_DIRECTORY, 0);
	if (fd >= 0)
		p->fd = fd;
	return fd;
}
