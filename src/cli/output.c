/* output.c: files and folders that a command writes: whole under their name, or not there. */
#define _GNU_SOURCE
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "kernel/fs.h"

static char *beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash + 1 - path) : 0;
	char hex[17];

	hash_random_hex(8, hex);
	return xasprintf("%.*s.hull-%s", folder, path, hex);
}

static int open_stdout(struct output *out, struct err *e)
{
	if (isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID,
			"cowardly refusing to write an archive to a terminal: use -o FILE or "
			"redirect the output");
	out->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return out->fd < 0 ? err_sys(e, errno, "write to the standard output") : 0;
}

int output_open(const char *path, struct output *out, struct err *e)
{
	struct stat st;

	*out = (struct output){.fd = -1};
	if (!path)
		return open_stdout(out, e);
	out->path = xstrdup(path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return out->fd < 0 ? err_sys(e, errno, "open %s", path) : 0;
	}
	out->tmp = beside(path);
	out->fd = open(out->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return out->fd < 0 ? err_sys(e, errno, "make the file %s", path) : 0;
}

/* Also what is not there. */
static int is_empty(const char *folder)
{
	int r = fs_is_empty(AT_FDCWD, folder);

	return r == 1 || r == -ENOENT;
}

int output_open_folder(const char *path, struct output *out, struct err *e)
{
	auto_free char *clean = xstrdup(path);

	for (size_t n = strlen(clean); n > 1 && clean[n - 1] == '/'; n--)
		clean[n - 1] = '\0';
	*out = (struct output){.fd = -1, .path = xstrdup(clean), .tmp = beside(clean)};
	if (!is_empty(clean)) {
		free(out->tmp);
		out->tmp = NULL;
		return err_set(e, ERR_CONFLICT,
			"make the folder %s: there is something already; name a new or an empty "
			"folder",
			path);
	}
	if (mkdir(out->tmp, 0755) < 0)
		return err_sys(e, errno, "make the folder %s", path);
	out->fd = open(out->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return out->fd < 0 ? err_sys(e, errno, "open the folder %s", path) : 0;
}

/* What umask leaves of 0666: it was made for its owner alone. */
static void usual_mode(const struct output *o)
{
	mode_t mask = umask(022);
	struct stat st;

	umask(mask);
	if (fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode))
		fchmod(o->fd, 0666 & ~mask);
}

int output_commit(struct output *o, struct err *e)
{
	if (!o->tmp)
		return 0;
	usual_mode(o);
	if (fsync(o->fd) < 0 || rename(o->tmp, o->path) < 0)
		return err_sys(e, errno, "write %s", o->path);
	free(o->tmp);
	o->tmp = NULL;
	return 0;
}

void output_done(struct output *o)
{
	fd_close_ptr(&o->fd);
	if (o->tmp)
		fs_remove_tree(AT_FDCWD, o->tmp);
	free(o->tmp);
	free(o->path);
	*o = (struct output){.fd = -1};
}
