/* tree.c: folders become a tar.
 *
 * How it works: a merged folder is the list of the layers' folders of that name, topmost first, cut
 * off below an opaque one, a whiteout or what is no folder. Its names are gathered from all of
 * them, sorted, and the topmost of each name counts. A folder's descriptors are open while we are
 * beneath it. Every step opens one name with O_NOFOLLOW, so that nothing leads out of a layer,
 * whatever a running container does meanwhile; what vanishes while we look is left out.
 *
 * A layer's marks may be of either kind that overlay has (user.* for mounts with userxattr, as ours
 * are, trusted.* for others). */
#define _GNU_SOURCE
#include "image/transfer/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/transfer/tar_write.h"
#include "image/transfer/tree_parts.h"
#include "image/transfer/whiteout.h"

struct tree {
	struct tar_out *out;
	int mode;
	struct tree_links links;
	struct tree_xattrs xattrs;
	struct tar_entry entry;
	char path[PATH_MAX]; /* of the folder we are in: "" or "a/b/" */
	size_t path_len;
	int64_t entries, bytes;
};

static int fail(struct tree *t, const char *name, int err, const char *what, struct err *e)
{
	return err_sys(e, err, "%s %.*s%.255s", what, (int)t->path_len, t->path, name);
}

/* ---- merged folders */

static void level_done(struct tree_level *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->fds[i]);
	free(l->fds);
	tree_names_done(&l->names);
	*l = (struct tree_level){0};
}

/* The folder `name` of those that `up` is merged of. 0: it has vanished. */
static int level_open(struct tree *t, const struct tree_level *up, const struct tree_name *name,
	struct tree_level *out, struct err *e)
{
	*out = (struct tree_level){.fds = xcalloc(up->n, sizeof(int))};
	for (size_t i = name->layer; i < up->n; i++) {
		int fd = openat(
			up->fds[i], name->text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* What is no folder hides those below, unless it is not there at all. */
		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
			break;
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return fail(t, name->text, errno, "open", e);
		out->fds[out->n++] = fd;
		if (t->mode == TREE_MERGED && tree_is_opaque(fd))
			break;
	}
	return out->n > 0;
}

static int level_list(struct tree *t, struct tree_level *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		int r = tree_names_read(&l->names, l->fds[i], i);

		if (r < 0)
			return fail(t, "", r, "list", e);
	}
	tree_names_sort(&l->names);
	return 0;
}

/* ---- entries */

static int set_path(struct tree *t, const char *prefix, const char *name, struct err *e)
{
	size_t len = strlen(prefix) + strlen(name);

	if (t->path_len + len + 2 > PATH_MAX)
		return err_set(e, ERR_UNSUPPORTED,
			"a path has more than %d bytes, and no archive for it: %.200s...",
			PATH_MAX - 2, t->path);
	memcpy(t->entry.path, t->path, t->path_len);
	memcpy(stpcpy(t->entry.path + t->path_len, prefix), name, strlen(name) + 1);
	return 0;
}

static void set_meta(struct tree *t, const struct stat *st)
{
	struct tar_entry *n = &t->entry;

	n->mode = st->st_mode & 07777;
	n->uid = st->st_uid;
	n->gid = st->st_gid;
	n->mtime = st->st_mtim;
	n->size = 0;
	n->sparse = 0;
	n->major = major(st->st_rdev);
	n->minor = minor(st->st_rdev);
	n->xattrs = t->xattrs.v;
	n->n_xattrs = t->xattrs.n;
	*n->link = '\0';
}

/* ".wh.x" or ".wh..wh..opq": an empty file. */
static int put_mark(
	struct tree *t, const char *prefix, const char *name, const struct stat *st, struct err *e)
{
	t->xattrs.n = 0;
	set_meta(t, st);
	t->entry.type = TAR_FILE;
	t->entry.mode = 0600;
	t->entries++;
	return set_path(t, prefix, name, e) < 0 ? -1 : tar_out_entry(t->out, &t->entry, NULL, 0, e);
}

static int copy_extent(
	struct tree *t, int fd, const char *name, const struct tar_extent *x, struct err *e)
{
	uint64_t left = x->len, at = x->offset;

	while (left) {
		size_t room;
		void *p = tar_out_room(t->out, &room, e);
		ssize_t n;

		if (!p)
			return -1;
		n = pread(fd, p, room < left ? room : (size_t)left, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(t, name, errno, "read", e);
		/* A running container has cut it off: zeros, for the length is said already. */
		if (n == 0) {
			n = (ssize_t)(room < left ? room : left);
			memset(p, 0, (size_t)n);
		}
		tar_out_took(t->out, (size_t)n);
		at += (uint64_t)n;
		left -= (uint64_t)n;
	}
	return 0;
}

static int put_file(
	struct tree *t, int dirfd, const char *name, const struct stat *st, struct err *e)
{
	auto_fd int fd = st->st_size ? openat(dirfd, name,
					       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
						       O_CLOEXEC)
				     : -1;
	struct tree_extents x = {0};
	struct stat now = *st;
	int r;

	if (st->st_size && fd < 0)
		return errno == ENOENT ? 0 : fail(t, name, errno, "open", e);
	if (fd >= 0 && (fstat(fd, &now) < 0 || !S_ISREG(now.st_mode) || now.st_ino != st->st_ino))
		return 0; /* replaced since */
	t->entry.type = TAR_FILE;
	t->entry.size = (uint64_t)now.st_size;
	t->entry.sparse = fd >= 0 && tree_extents_read(&x, fd, &now);
	if (!t->entry.sparse)
		tree_extents_whole(&x, (uint64_t)now.st_size);
	r = tar_out_entry(t->out, &t->entry, x.v, x.n, e);
	for (size_t i = 0; r == 0 && i < x.n; i++)
		r = copy_extent(t, fd, name, &x.v[i], e);
	free(x.v);
	t->bytes += now.st_size;
	return r < 0 ? -1 : tar_out_pad(t->out, e);
}

static int put_symlink(struct tree *t, int dirfd, const char *name, struct err *e)
{
	ssize_t len = readlinkat(dirfd, name, t->entry.link, sizeof(t->entry.link) - 1);

	if (len <= 0)
		return 0;
	t->entry.link[len] = '\0';
	t->entry.type = TAR_SYMLINK;
	return tar_out_entry(t->out, &t->entry, NULL, 0, e);
}

static int put_other(struct tree *t, enum tar_type type, struct err *e)
{
	t->entry.type = type;
	return tar_out_entry(t->out, &t->entry, NULL, 0, e);
}

/* Any but a folder: the second name of a file is a link to the first. */
static int put_leaf(
	struct tree *t, int dirfd, const char *name, const struct stat *st, struct err *e)
{
	const char *first = st->st_nlink > 1 ? tree_links_see(&t->links, st, t->entry.path) : NULL;

	t->entries++;
	if (first) {
		str_copy(t->entry.link, sizeof(t->entry.link), first);
		t->entry.n_xattrs = 0;
		return put_other(t, TAR_HARD_LINK, e);
	}
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return put_file(t, dirfd, name, st, e);
	case S_IFLNK:
		return put_symlink(t, dirfd, name, e);
	case S_IFCHR:
		return put_other(t, TAR_CHAR, e);
	case S_IFBLK:
		return put_other(t, TAR_BLOCK, e);
	case S_IFIFO:
		return put_other(t, TAR_FIFO, e);
	default: /* sockets mean nothing without their server */
		t->entries--;
		return 0;
	}
}

/* ---- the walk */

struct walk {
	struct tree_level *v;
	size_t n, room;
};

static int enter(struct tree *t, struct walk *w, const struct tree_name *name,
	const struct stat *st, struct err *e)
{
	struct tree_level level;
	size_t len = strlen(name->text);
	int r = level_open(t, &w->v[w->n - 1], name, &level, e);

	if (r == 1)
		r = put_other(t, TAR_FOLDER, e) < 0 ? -1 : 1;
	if (r == 1) {
		t->entries++;
		memcpy(stpcpy(t->path + t->path_len, name->text), "/", 2);
		t->path_len += len + 1;
		level.path_len = len + 1;
		r = level_list(t, &level, e) < 0 ? -1 : 1;
	}
	if (r == 1 && t->mode == TREE_MARKS && tree_is_opaque(level.fds[0]) &&
		put_mark(t, "", ".wh..wh..opq", st, e) < 0)
		r = -1;
	if (r != 1) {
		level_done(&level);
		return r;
	}
	if (w->n == w->room) {
		w->room *= 2;
		w->v = xreallocarray(w->v, w->room, sizeof(*w->v));
	}
	w->v[w->n++] = level;
	return 0;
}

static int put_name(struct tree *t, struct walk *w, const struct tree_name *name, struct err *e)
{
	int dirfd = w->v[w->n - 1].fds[name->layer];
	struct stat st;
	int r;

	if (fstatat(dirfd, name->text, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(t, name->text, errno, "look at", e);
	if (whiteout_is(&st))
		return t->mode == TREE_MARKS ? put_mark(t, ".wh.", name->text, &st, e) : 0;
	r = tree_xattrs_read(&t->xattrs, dirfd, name->text);
	if (r < 0)
		return fail(t, name->text, r, "read the attributes of", e);
	if (set_path(t, "", name->text, e) < 0)
		return -1;
	set_meta(t, &st);
	return S_ISDIR(st.st_mode) ? enter(t, w, name, &st, e)
				   : put_leaf(t, dirfd, name->text, &st, e);
}

static void leave(struct tree *t, struct walk *w)
{
	struct tree_level *l = &w->v[--w->n];

	t->path_len -= l->path_len;
	t->path[t->path_len] = '\0';
	level_done(l);
}

static int walk(struct tree *t, struct walk *w, struct err *e)
{
	while (w->n) {
		struct tree_level *l = &w->v[w->n - 1];
		const struct tree_name *name = tree_names_next(&l->names);

		if (!name)
			leave(t, w);
		else if (put_name(t, w, name, e) < 0)
			return -1;
	}
	return 0;
}

static int start(struct tree *t, struct walk *w, const int *layers, size_t n, struct err *e)
{
	struct tree_level *l = &w->v[0];

	*l = (struct tree_level){.fds = xcalloc(n, sizeof(int))};
	w->n = 1;
	for (size_t i = 0; i < n; i++) {
		int fd = openat(layers[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(e, errno, "open a layer");
		l->fds[l->n++] = fd;
		if (t->mode == TREE_MERGED && tree_is_opaque(fd))
			break;
	}
	return level_list(t, l, e);
}

int tree_write(const int *layers, size_t n_layers, int mode, int out_fd,
	struct transfer_result *out, struct err *e)
{
	auto_free struct tree *t = xcalloc(1, sizeof(*t));
	struct walk w = {.room = 16};
	int r;

	t->mode = mode;
	t->out = tar_out_new(out_fd);
	w.v = xcalloc(w.room, sizeof(*w.v));
	r = start(t, &w, layers, n_layers, e);
	if (r == 0)
		r = walk(t, &w, e);
	if (r == 0)
		r = tar_out_finish(t->out, e);
	while (w.n)
		leave(t, &w);
	free(w.v);
	out->entries = t->entries;
	out->bytes = t->bytes;
	tar_out_free(t->out);
	tree_links_done(&t->links);
	tree_xattrs_done(&t->xattrs);
	return r;
}
