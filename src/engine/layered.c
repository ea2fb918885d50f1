/* layered.c: reading a file of an image through its layers.
 *
 * How it works: a merged folder is the list of the layers' folders of that name, topmost first, cut
 * off below a whiteout, below something that is no folder, and below an opaque folder. One step
 * looks a name up in that list. A symbolic link starts anew at the image's root with the text of
 * the link put before what is left of the path; ".." does so with the names walked so far. Every
 * step is openat(O_NOFOLLOW) of one name, so nothing leads out of a layer. */
#define _GNU_SOURCE
#include "engine/layered.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/path.h"

#define LINKS_MAX 40
#define STEPS_MAX 400
#define OPAQUE "user.overlay.opaque"

struct merged { /* topmost first */
	int *fds;
	size_t n;
};

static void merged_done(struct merged *m)
{
	for (size_t i = 0; i < m->n; i++)
		close(m->fds[i]);
	free(m->fds);
	*m = (struct merged){0};
}
#define auto_merged __attribute__((cleanup(merged_done)))

static void merged_take(struct merged *m, int fd)
{
	m->fds = xreallocarray(m->fds, m->n + 1, sizeof(int));
	m->fds[m->n++] = fd;
}

static int merged_root(char *const *layers, struct merged *out)
{
	for (size_t i = strv_len(layers); i-- > 0;) {
		int fd = open(layers[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		merged_take(out, fd);
	}
	return 0;
}

/* O_PATH would forbid fgetxattr; folders only, so nothing blocks and no device is opened. */
static int is_opaque(int fd)
{
	char value;

	return fgetxattr(fd, OPAQUE, &value, 1) == 1 && value == 'y';
}

static int is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* What `name` is in the merged folder: *st, and the folder of the layer it was found in; for a
 * folder the merged one in *out. -ENOENT. */
static int look_up(const struct merged *dir, const char *name, struct stat *st, int *out_dirfd,
	struct merged *out)
{
	struct stat below;

	for (size_t i = 0; i < dir->n; i++) {
		struct stat *s = out->n ? &below : st;
		int fd;

		if (fstatat(dir->fds[i], name, s, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT || errno == ENOTDIR)
				continue;
			return -errno;
		}
		if (!S_ISDIR(s->st_mode)) {
			if (out->n || is_whiteout(s))
				break;
			*out_dirfd = dir->fds[i];
			return 0;
		}
		fd = openat(dir->fds[i], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		merged_take(out, fd);
		if (is_opaque(fd))
			break;
	}
	return out->n ? 0 : -ENOENT;
}

static int read_regular(int dirfd, const char *name, struct buf *b)
{
	/* O_NONBLOCK: it may have become a FIFO since. */
	auto_fd int fd = openat(
		dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? fd_read_all(fd, b) : -EINVAL;
}

/* The next name of *rest into name, *rest moved behind it. 0 at the end. */
static int next_name(const char **rest, char name[NAME_MAX + 1])
{
	size_t len;

	while (**rest == '/')
		(*rest)++;
	len = strcspn(*rest, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, *rest, len);
	name[len] = '\0';
	*rest += len;
	return len > 0;
}

struct walk {
	struct merged dir; /* where we stand */
	char *walked;	   /* its path from the image's root: "", "/a/b" */
	const char *rest;  /* what is still to be walked */
	char *again;	   /* the path to walk from the root instead */
	int steps;
	struct buf *b;
};
enum { WALK_ON, WALK_AGAIN, WALK_DONE };

static int again(struct walk *w, char *path)
{
	free(w->again);
	w->again = path;
	return strlen(path) >= PATH_MAX ? -ENAMETOOLONG : WALK_AGAIN;
}

static int go_up(struct walk *w)
{
	const char *slash = strrchr(w->walked, '/');
	int len = slash ? (int)(slash - w->walked) : 0; /* above the root is the root */

	return again(w, xasprintf("%.*s/%s", len, w->walked, w->rest));
}

static int follow(struct walk *w, int dirfd, const char *name)
{
	char link[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, link, sizeof(link) - 1);

	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	link[n] = '\0';
	if (*link == '/')
		return again(w, xasprintf("%s/%s", link, w->rest));
	return again(w, xasprintf("%s/%s/%s", w->walked, link, w->rest));
}

static int finish(struct walk *w, int dirfd, const char *name, const struct stat *st)
{
	int r;

	if (w->rest[strspn(w->rest, "/")])
		return -ENOTDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	r = read_regular(dirfd, name, w->b);
	return r < 0 ? r : WALK_DONE;
}

static void enter(struct walk *w, const char *name, struct merged *sub)
{
	char *walked = xasprintf("%s/%s", w->walked, name);

	free(w->walked);
	w->walked = walked;
	merged_done(&w->dir);
	w->dir = *sub;
	*sub = (struct merged){0};
}

static int step(struct walk *w)
{
	auto_merged struct merged sub = {0};
	char name[NAME_MAX + 1];
	struct stat st;
	int dirfd = -1, r = next_name(&w->rest, name);

	if (r < 0)
		return r;
	if (r == 0)
		return -EINVAL; /* the path ends in a folder */
	if (++w->steps > STEPS_MAX)
		return -ELOOP;
	if (streq(name, "."))
		return WALK_ON;
	if (streq(name, ".."))
		return go_up(w);
	r = look_up(&w->dir, name, &st, &dirfd, &sub);
	if (r < 0)
		return r;
	if (S_ISLNK(st.st_mode))
		return follow(w, dirfd, name);
	if (!S_ISDIR(st.st_mode))
		return finish(w, dirfd, name, &st);
	enter(w, name, &sub);
	return WALK_ON;
}

/* One pass from the root. */
static int pass(struct walk *w, char *const *layers, const char *path)
{
	int r = merged_root(layers, &w->dir);

	w->walked = xstrdup("");
	w->rest = path;
	while (r == WALK_ON)
		r = step(w);
	merged_done(&w->dir);
	free(w->walked);
	return r;
}

/* One layer is one tree: the kernel walks it. */
static int read_single(const char *layer, const char *path, struct buf *b)
{
	auto_fd int fd = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : path_read(fd, path, b);
}

int layered_read(char *const *layers, const char *path, struct buf *b)
{
	struct walk w = {.b = b};
	auto_free char *now = NULL;
	int r;

	if (strv_len(layers) == 1)
		return read_single(layers[0], path, b);
	for (int links = 0; links <= LINKS_MAX; links++) {
		r = pass(&w, layers, now ? now : path);
		if (r != WALK_AGAIN) {
			free(w.again);
			return r < 0 ? r : 0;
		}
		free(now);
		now = take_ptr(w.again);
	}
	return -ELOOP;
}
