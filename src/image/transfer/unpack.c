/* unpack.c: an archive becomes the content of a folder.
 *
 * How it works: each entry is made beneath the folder that place.c finds for it, by name and
 * without following a link there. Something that is in its way was put there by an earlier entry
 * of the same archive, and the last one wins: it is removed, except that a folder stays when a
 * folder comes. Whiteouts speak about the layers below only, wherever they stand in the archive: in
 * the way of an entry they give way, after it they do nothing; but a folder that was both removed
 * and made anew hides the old one, so it becomes opaque.
 *
 * Devices cannot be made here (nodes.c). */
#define _GNU_SOURCE
#include "image/transfer/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/transfer/meta.h"
#include "image/transfer/nodes.h"
#include "image/transfer/place.h"
#include "image/transfer/tar.h"
#include "image/transfer/whiteout.h"
#include "kernel/fs.h"
#include "kernel/path.h"

#define BLOCK ((uint64_t)4096)

struct unpack {
	int rootfd;
	struct tar *tar;
	struct recipe *recipe; /* may be NULL */
	struct place place;
	struct meta meta;
	struct nodes nodes;
	const struct limit *limit;
	uint64_t disk; /* bytes, roughly: whole blocks */
	int64_t bytes, entries;
};

/* One entry on its way. */
struct item {
	const struct tar_entry *n;
	char path[PATH_MAX];
	const char *name; /* last component of path */
	int dirfd;	  /* where it goes; place's */
};

static int fail(const struct item *i, int err, const char *what, struct err *e)
{
	return err_sys(e, err, "%s %.500s", what, i->path);
}

/* Make way. */
static int remove_existing(struct unpack *u, int dirfd, const char *name)
{
	/* The recipe may need the content that is going. */
	if (u->recipe && recipe_break(u->recipe, NULL) < 0)
		return -EIO;
	place_forget(&u->place);
	if (unlinkat(dirfd, name, 0) == 0)
		return 0;
	return errno == EISDIR ? fs_remove_tree(dirfd, name) : -errno;
}

/* The folder's descriptor was given up with what was in the way. */
static int replace(struct unpack *u, struct item *i, struct err *e)
{
	auto_fd int dirfd = fcntl(i->dirfd, F_DUPFD_CLOEXEC, 3);
	int r = dirfd < 0 ? -errno : remove_existing(u, dirfd, i->name);

	if (r < 0)
		return fail(i, r, "replace", e);
	i->dirfd = place_parent(&u->place, i->path, &i->name, e);
	return i->dirfd < 0 ? -1 : 0;
}

/* Try; when something is in the way, remove it and try again. */
static int make(struct unpack *u, struct item *i, int (*try)(struct unpack *u, struct item *i),
	const char *what, struct err *e)
{
	int r = try(u, i);

	if (r == -EEXIST) {
		if (replace(u, i, e) < 0)
			return -1;
		r = try(u, i);
	}
	return r < 0 ? fail(i, r, what, e) : r;
}

/* ---- files */

static int try_file(struct unpack *u, struct item *i)
{
	int fd = openat(i->dirfd, i->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		i->n->mode & 0777);

	return fd < 0 ? -errno : fd;
}

static int write_at(int fd, const uint8_t *p, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* What the file system has to find for it: a hole costs nothing, a lone byte a whole block. */
static int count_disk(struct unpack *u, uint64_t bytes, struct err *e)
{
	u->disk += bytes;
	return u->limit->bytes && u->disk > u->limit->bytes ? limit_bytes_exceeded(u->limit, e) : 0;
}

/* from..to of a file whose blocks up to *counted are. */
static int count_blocks(
	struct unpack *u, uint64_t from, uint64_t to, uint64_t *counted, struct err *e)
{
	uint64_t first = from / BLOCK * BLOCK, last = (to + BLOCK - 1) / BLOCK * BLOCK;

	if (first < *counted)
		first = *counted;
	*counted = last;
	return count_disk(u, last - first, e);
}

static int write_content(struct unpack *u, struct item *i, int fd, struct err *e)
{
	uint64_t end = 0, counted = 0;

	if (u->recipe && i->n->size)
		recipe_file(u->recipe, i->path);
	for (;;) {
		const uint8_t *p;
		uint64_t offset;
		int64_t n = tar_data(u->tar, &p, &offset, e);
		int r;

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		if (count_blocks(u, offset, offset + (uint64_t)n, &counted, e) < 0)
			return -1;
		r = write_at(fd, p, (size_t)n, offset);
		if (r < 0)
			return fail(i, r, "write", e);
		if (u->recipe)
			recipe_piece(u->recipe, offset, (uint64_t)n);
		end = offset + (uint64_t)n;
	}
	if (u->recipe)
		recipe_file_end(u->recipe);
	if (end < i->n->size && ftruncate(fd, (off_t)i->n->size) < 0)
		return fail(i, errno, "write", e);
	if (__builtin_add_overflow(u->bytes, (int64_t)i->n->size, &u->bytes))
		u->bytes = INT64_MAX;
	return 0;
}

static int unpack_file(struct unpack *u, struct item *i, struct err *e)
{
	auto_fd int fd = make(u, i, try_file, "create", e);

	if (fd < 0 || write_content(u, i, fd, e) < 0)
		return -1;
	return meta_set_fd(&u->meta, fd, i->n, 1, e);
}

/* ---- folders */

static int open_folder(const struct item *i)
{
	int fd = openat(i->dirfd, i->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int try_folder(struct unpack *u, struct item *i)
{
	return mkdirat(i->dirfd, i->name, i->n->mode & 0777) < 0 ? -errno : 0;
}

/* 1: made now, 0: was there */
static int make_folder(struct unpack *u, struct item *i, struct err *e)
{
	int r = try_folder(u, i), white = 0;
	struct stat st;

	if (r == 0)
		return 1;
	if (r != -EEXIST)
		return fail(i, r, "create", e);
	if (fstatat(i->dirfd, i->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(i, errno, "create", e);
	if (S_ISDIR(st.st_mode))
		return 0;
	white = whiteout_is(&st) || nodes_is_whiteout(&u->nodes, st.st_ino);
	if (replace(u, i, e) < 0)
		return -1;
	r = try_folder(u, i);
	if (r == 0 && white)
		r = whiteout_opaque(i->dirfd, i->name);
	return r < 0 ? fail(i, r, "create", e) : 1;
}

static int unpack_folder(struct unpack *u, struct item *i, struct err *e)
{
	int fresh = make_folder(u, i, e);

	auto_fd int fd = -1;

	if (fresh < 0)
		return -1;
	if (!fresh || !meta_folder_is_plain(&u->meta, i->n)) {
		fd = open_folder(i);
		if (fd < 0 || meta_set_fd(&u->meta, fd, i->n, fresh, e) < 0)
			return fd < 0 ? fail(i, fd, "open", e) : -1;
	}
	meta_folder_later(&u->meta, &u->place, i->path, i->n);
	return 0;
}

static int unpack_root(struct unpack *u, const struct tar_entry *n, struct err *e)
{
	if (n->type != TAR_FOLDER)
		return err_set(e, ERR_INVALID,
			"the archive is refused: its entry \"%.300s\" is no folder", n->path);
	auto_fd int fd = path_open(u->rootfd, "/", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return err_sys(e, fd, "open the layer's root");
	meta_folder_later(&u->meta, &u->place, "", n);
	return meta_set_fd(&u->meta, fd, n, 0, e);
}

/* ---- links and the rest */

static int try_symlink(struct unpack *u, struct item *i)
{
	return symlinkat(i->n->link, i->dirfd, i->name) < 0 ? -errno : 0;
}

static int try_fifo(struct unpack *u, struct item *i)
{
	return mknodat(i->dirfd, i->name, S_IFIFO | (i->n->mode & 0777), 0) < 0 ? -errno : 0;
}

static int unpack_named(struct unpack *u, struct item *i, struct err *e)
{
	int r = i->n->type == TAR_SYMLINK ? make(u, i, try_symlink, "create the link", e)
					  : make(u, i, try_fifo, "create the fifo", e);

	return r < 0 ? -1 : meta_set_name(&u->meta, i->dirfd, i->name, i->n, e);
}

static int same_file(int a, const char *a_name, int b, const char *b_name)
{
	struct stat x, y;

	return fstatat(a, a_name, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(b, b_name, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static int no_target(const struct item *i, const char *target, int err, struct err *e)
{
	if (err == -EMLINK)
		return err_set(e, ERR_UNSUPPORTED,
			"link %.300s to %.300s: the file has as many names by now as this file "
			"system allows (ext4: 65000)",
			i->path, target);
	if (err == -EPERM)
		return err_set(e, ERR_INVALID,
			"link %.300s to %.300s: a folder cannot have a second name", i->path,
			target);
	return err_sys(e, err, "link %.300s to %.300s, which must come before it", i->path, target);
}

static int unpack_hard_link(struct unpack *u, struct item *i, struct err *e)
{
	char target[PATH_MAX], name[NAME_MAX + 1];
	int r;

	if (place_clean(i->n->link, target, e) < 0)
		return -1;
	auto_fd int dirfd = path_open_parent(u->rootfd, target, name);
	if (dirfd < 0)
		return no_target(i, target, dirfd, e);
	r = linkat(dirfd, name, i->dirfd, i->name, 0) < 0 ? -errno : 0;
	if (r == -EEXIST) {
		if (same_file(dirfd, name, i->dirfd, i->name))
			return 0;
		/* Only when there is something to link to may the old one go. */
		if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return no_target(i, target, -errno, e);
		if (replace(u, i, e) < 0)
			return -1;
		r = linkat(dirfd, name, i->dirfd, i->name, 0) < 0 ? -errno : 0;
	}
	if (r < 0)
		return no_target(i, target, r, e);
	return nodes_linked(&u->nodes, i->dirfd, i->name, i->path, e);
}

static int unpack_device(struct unpack *u, struct item *i, struct err *e)
{
	/* 0:0 would be a whiteout which only names may ask for. */
	if (i->n->major == 0 && i->n->minor == 0) {
		u->meta.warnings++;
		return 0;
	}
	auto_fd int fd = make(u, i, try_file, "create", e);
	if (fd < 0 || meta_set_fd(&u->meta, fd, i->n, 1, e) < 0)
		return -1;
	return nodes_add(&u->nodes, take_fd(&fd), i->n->type == TAR_CHAR ? S_IFCHR : S_IFBLK,
		i->n->major, i->n->minor, i->path, e);
}

/* ---- whiteouts */

/* This kernel leaves them to the host's root. */
static int whiteout_by_parent(struct unpack *u, struct item *i, const char *name, struct err *e)
{
	auto_fd int fd = openat(i->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	char path[PATH_MAX];

	if (fd < 0)
		return fail(i, errno, "create", e);
	snprintf(path, sizeof(path), "%.*s%s", (int)(i->name - i->path), i->path, name);
	return nodes_add(&u->nodes, take_fd(&fd), S_IFCHR, 0, 0, path, e);
}

static int unpack_whiteout(struct unpack *u, struct item *i, const char *name, struct err *e)
{
	struct stat st;
	int r = whiteout_make(i->dirfd, name);

	if (r == -EPERM)
		return whiteout_by_parent(u, i, name, e);
	if (r != -EEXIST)
		return r < 0 ? fail(i, r, "create", e) : 0;
	/* The same layer has it anew: a file hides the old one anyway, a folder must be told to. */
	if (fstatat(i->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(i, errno, "create", e);
	if (S_ISDIR(st.st_mode))
		r = whiteout_opaque(i->dirfd, name);
	return r < 0 && r != -EEXIST ? fail(i, r, "mark", e) : 0;
}

/* 1: the entry was a mark, and is done with */
static int unpack_mark(struct unpack *u, struct item *i, struct err *e)
{
	const char *name = NULL;
	int r;

	switch (whiteout_kind(i->name, &name)) {
	case WHITEOUT_NONE:
		return 0;
	case WHITEOUT_NAME:
		return unpack_whiteout(u, i, name, e) < 0 ? -1 : 1;
	case WHITEOUT_OPAQUE:
		r = whiteout_opaque(i->dirfd, ".");
		return r < 0 ? fail(i, r, "mark the folder as opaque for", e) : 1;
	case WHITEOUT_OTHER:
		break;
	}
	return 1;
}

/* ---- all */

/* Its folder is none: a file has taken its place in this very layer, and hides what was beneath
 * already. umoci writes such marks. */
static int is_mark_of_nothing(const struct item *i, const struct err *e)
{
	const char *unused;

	return e->errnum == ENOTDIR && whiteout_kind(i->name, &unused) != WHITEOUT_NONE;
}

static int unpack_entry(struct unpack *u, const struct tar_entry *n, struct err *e)
{
	struct item i = {.n = n};
	struct err why = {0};
	int r;

	if (n->type == TAR_OTHER)
		return 0;
	if ((n->type == TAR_FOLDER || n->n_xattrs) && count_disk(u, BLOCK, e) < 0)
		return -1;
	if (place_clean(n->path, i.path, e) < 0)
		return -1;
	if (!*i.path)
		return unpack_root(u, n, e);
	i.dirfd = place_parent(&u->place, i.path, &i.name, &why);
	if (i.dirfd < 0 && is_mark_of_nothing(&i, &why))
		return 0;
	if (i.dirfd < 0) {
		if (e)
			*e = why;
		return -1;
	}
	r = unpack_mark(u, &i, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	switch (n->type) {
	case TAR_FILE:
		return unpack_file(u, &i, e);
	case TAR_FOLDER:
		return unpack_folder(u, &i, e);
	case TAR_HARD_LINK:
		return unpack_hard_link(u, &i, e);
	case TAR_SYMLINK:
	case TAR_FIFO:
		return unpack_named(u, &i, e);
	case TAR_CHAR:
	case TAR_BLOCK:
		return unpack_device(u, &i, e);
	case TAR_OTHER:
		break;
	}
	return 0;
}

static int unpack_all(struct unpack *u, struct err *e)
{
	const struct tar_entry *n;
	int r;

	while ((r = tar_next(u->tar, &n, e)) == 1) {
		uint64_t made = u->place.made;

		u->entries++;
		if (unpack_entry(u, n, e) < 0 ||
			count_disk(u, (u->place.made - made) * BLOCK, e) < 0)
			return -1;
		if (u->limit->entries && (uint64_t)u->entries + u->place.made > u->limit->entries)
			return limit_entries_exceeded(u->limit, e);
	}
	return r < 0 ? -1 : meta_folders_set(&u->meta, &u->place, e);
}

static void recipe_tap(void *ctx, const void *data, size_t len)
{
	recipe_bytes(ctx, data, len);
}

int unpack_run(const struct unpack_request *req, struct transfer_result *out, struct err *e)
{
	struct unpack u = {.rootfd = req->rootfd,
		.recipe = req->recipe,
		.limit = &req->limit,
		.place = {.rootfd = req->rootfd, .fd = -1}};
	int r;

	if (req->recipe)
		stream_set_tap(req->stream, &(struct stream_tap){recipe_tap, req->recipe});
	u.tar = tar_new(req->stream);
	r = unpack_all(&u, e);
	/* What is cleaned away may be what the recipe needs. */
	if (r == 0 && u.recipe && whiteout_has_to_clean(u.rootfd))
		r = recipe_break(u.recipe, e);
	if (r == 0 && u.recipe)
		r = recipe_finish(u.recipe, e);
	if (r == 0)
		whiteout_clean(u.rootfd);
	if (r == 0)
		r = nodes_tell(&u.nodes, req->node, req->ctx, e);
	if (r == 0) {
		*out = (struct transfer_result){
			.stream_bytes = (int64_t)stream_offset(req->stream),
			.bytes = u.bytes,
			.entries = u.entries,
			.uid_max = u.meta.uid_max,
			.warnings = u.meta.warnings,
			.squashed = u.meta.squashed,
		};
		stream_digest(req->stream, out->digest);
		out->compressed = stream_was(req->stream, out->blob_digest, &out->blob_bytes);
	}
	tar_free(u.tar);
	place_forget(&u.place);
	meta_done(&u.meta);
	nodes_done(&u.nodes);
	return r;
}
