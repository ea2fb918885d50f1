/* fs_copy.c: copying a folder as a whole.
 *
 * How it works: two walks in step, one reading the source, one standing in the same place of the
 * copy. A folder gets its owner, mode and times when it is left, because filling it changes them.
 * Order for everything: owner (which clears setuid and security.capability), xattrs (which need
 * write permission), mode, times. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/fs.h"
#include "kernel/fs_walk.h"

#define XATTR_MAX 65536 /* XATTR_LIST_MAX and XATTR_SIZE_MAX */
#define CHUNK (256 * 1024)

struct copy {
	struct fs_walk src, dst;
	struct fs_inodes links;
	char *room; /* CHUNK bytes */
	int top_fd; /* of the copy */
	int merge;  /* the source is a layer, the copy has lower ones already */
	int marks;  /* overlay's own are copied */
	const struct fs_owners *owners;
};

static int skip_xattr(const struct copy *c, const char *name)
{
	return streq(name, "security.selinux") || str_after(name, "trusted.overlay.") ||
	       (!c->marks && str_after(name, "user.overlay."));
}

static int copy_xattr(struct copy *c, int src, int dst, const char *name)
{
	ssize_t n = fgetxattr(src, name, c->room, XATTR_MAX);

	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	if (fsetxattr(dst, name, c->room, (size_t)n, 0) == 0)
		return 0;
	/* What the target's file system has no place for; trusted.* in a user namespace. */
	if (errno == ENOTSUP || (errno == EPERM && str_after(name, "trusted.")))
		return 0;
	return -errno;
}

static int copy_xattrs(struct copy *c, int src, int dst)
{
	auto_free char *list = NULL;
	ssize_t n = flistxattr(src, NULL, 0);
	int r = 0;

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	if (n == 0)
		return 0;
	list = xmalloc(XATTR_MAX);
	n = flistxattr(src, list, XATTR_MAX);
	if (n < 0)
		return -errno;
	for (const char *name = list; name < list + n && r == 0; name += strlen(name) + 1)
		if (!skip_xattr(c, name))
			r = copy_xattr(c, src, dst, name);
	return r;
}

static uint32_t mapped(const struct ns_idmap *map, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= map[i].inside && id - map[i].inside < map[i].count)
			return map[i].outside + (id - map[i].inside);
	return n && id ? mapped(map, n, 0) : id;
}

static uid_t owner_of(const struct copy *c, const struct stat *st)
{
	return c->owners ? mapped(c->owners->uids, c->owners->n_uids, st->st_uid) : st->st_uid;
}

static gid_t group_of(const struct copy *c, const struct stat *st)
{
	return c->owners ? mapped(c->owners->gids, c->owners->n_gids, st->st_gid) : st->st_gid;
}

/* Regular files and folders, both open. */
static int copy_attributes(struct copy *c, int src, int dst, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	int r;

	if (fchown(dst, owner_of(c, st), group_of(c, st)) < 0)
		return -errno;
	r = copy_xattrs(c, src, dst);
	if (r < 0)
		return r;
	if (fchmod(dst, st->st_mode & 07777) < 0 || futimens(dst, times) < 0)
		return -errno;
	return 0;
}

static int copy_range(struct copy *c, int src, int dst, off_t from, off_t to)
{
	while (from < to) {
		size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
		ssize_t n = pread(src, c->room, want, from);
		ssize_t put = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* 0: shorter than a moment ago */
			return n < 0 ? -errno : 0;
		while (put < n) {
			ssize_t w = pwrite(dst, c->room + put, (size_t)(n - put), from + put);
			if (w < 0 && errno != EINTR)
				return -errno;
			put += w < 0 ? 0 : w;
		}
		from += n;
	}
	return 0;
}

/* Holes stay holes. */
static int copy_data(struct copy *c, int src, int dst, off_t size)
{
	off_t from = 0;
	int r = 0;

	if (size == 0 || ioctl(dst, FICLONE, src) == 0)
		return 0;
	while (from < size && r == 0) {
		off_t data = lseek(src, from, SEEK_DATA), hole;
		if (data < 0 && errno == ENXIO)
			break; /* nothing but a hole until the end */
		if (data < 0)
			data = from; /* a file system that does not know */
		hole = lseek(src, data, SEEK_HOLE);
		if (hole < 0 || hole > size)
			hole = size;
		r = copy_range(c, src, dst, data, hole);
		from = hole;
	}
	return r == 0 && ftruncate(dst, size) < 0 ? -errno : r;
}

static int copy_file(struct copy *c, const char *name, const struct stat *want)
{
	auto_fd int src = openat(fs_walk_fd(&c->src), name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_fd int dst = -1;
	struct stat st;
	int r;

	if (src < 0 || fstat(src, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_ino != want->st_ino)
		return -ESTALE;
	dst = openat(fs_walk_fd(&c->dst), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (dst < 0)
		return -errno;
	r = copy_data(c, src, dst, st.st_size);
	return r < 0 ? r : copy_attributes(c, src, dst, &st);
}

/* What cannot be opened: symbolic links, devices, FIFOs, sockets. */
static int copy_special(struct copy *c, const char *name, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	int dst = fs_walk_fd(&c->dst);
	char text[PATH_MAX];

	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(fs_walk_fd(&c->src), name, text, sizeof(text));
		if (n < 0 || (size_t)n >= sizeof(text))
			return n < 0 ? -errno : -ENAMETOOLONG;
		text[n] = '\0';
		if (symlinkat(text, dst, name) < 0)
			return -errno;
	} else if (mknodat(dst, name, st->st_mode, st->st_rdev) < 0) {
		return -errno;
	}
	if (fchownat(dst, name, owner_of(c, st), group_of(c, st), AT_SYMLINK_NOFOLLOW) < 0 ||
		utimensat(dst, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* A second name of a file that was copied: 1, or 0 when it has to be copied. */
static int link_known(struct copy *c, const char *name, const struct stat *st)
{
	char *path = fs_walk_path(&c->dst, name);
	const char *known;
	int is_new;

	if (strlen(path) >= PATH_MAX) { /* cannot be named from the top: a copy of its own */
		free(path);
		return 0;
	}
	known = fs_inodes_see(&c->links, st->st_dev, st->st_ino, path, &is_new);
	if (is_new)
		return 0;
	return linkat(c->top_fd, known, fs_walk_fd(&c->dst), name, 0) < 0 ? -errno : 1;
}

static int enter_both(struct copy *c, const char *name)
{
	int r;

	if (mkdirat(fs_walk_fd(&c->dst), name, 0700) < 0 && !(c->merge && errno == EEXIST))
		return -errno;
	r = fs_walk_enter(&c->src, name);
	if (r == -EXDEV) /* another mount: its place only */
		return 0;
	return r < 0 ? r : fs_walk_enter(&c->dst, name);
}

static int is_opaque(const struct copy *c, const char *name)
{
	auto_fd int fd = openat(
		fs_walk_fd(&c->src), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char value;

	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* What lower layers left under the name goes, unless two folders merge. 1: that was all. */
static int make_way(const struct copy *c, const char *name, const struct stat *st)
{
	const int whiteout = S_ISCHR(st->st_mode) && st->st_rdev == 0;
	struct stat there;
	int r = 0;

	if (fstatat(fs_walk_fd(&c->dst), name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		(!S_ISDIR(st->st_mode) || !S_ISDIR(there.st_mode) || is_opaque(c, name)))
		r = fs_remove_tree(fs_walk_fd(&c->dst), name);
	return r < 0 ? r : whiteout;
}

static int copy_entry(struct copy *c, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(fs_walk_fd(&c->src), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (c->merge) {
		r = make_way(c, name, &st);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (S_ISDIR(st.st_mode))
		return enter_both(c, name);
	if (st.st_nlink > 1) {
		r = link_known(c, name, &st);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return S_ISREG(st.st_mode) ? copy_file(c, name, &st) : copy_special(c, name, &st);
}

/* The current folder is full: its attributes, and up. 1: it was the top. */
static int leave_both(struct copy *c)
{
	int src = fs_walk_fd(&c->src), r;
	struct stat st;

	if (fstat(src, &st) < 0)
		return -errno;
	r = copy_attributes(c, src, fs_walk_fd(&c->dst), &st);
	if (r < 0 || c->src.n == 1)
		return r < 0 ? r : 1;
	r = fs_walk_leave(&c->src);
	return r < 0 ? r : fs_walk_leave(&c->dst);
}

static int copy_all(struct copy *c)
{
	for (;;) {
		const char *name = NULL;
		unsigned type = 0;
		int r = fs_walk_next(&c->src, &name, &type);

		if (r > 0)
			r = copy_entry(c, name);
		else if (r == 0)
			r = leave_both(c);
		if (r != 0)
			return r < 0 ? r : 0;
	}
}

static int copy_from(struct copy *c, int src_fd, int dst_fd)
{
	mode_t mask = umask(0); /* mknodat takes the mode as it is then */
	int r = fs_walk_start(&c->src, src_fd, ".");

	c->top_fd = dst_fd;
	if (r == 0)
		r = fs_walk_start(&c->dst, dst_fd, ".");
	c->room = xmalloc(CHUNK);
	if (r == 0)
		r = copy_all(c);
	umask(mask);
	free(c->room);
	fs_walk_done(&c->src);
	fs_walk_done(&c->dst);
	fs_inodes_done(&c->links);
	return r;
}

int fs_copy_tree(int src_fd, int dst_fd)
{
	struct copy c = {0};

	return copy_from(&c, src_fd, dst_fd);
}

int fs_copy_layer(int src_fd, int dst_fd, const struct fs_owners *owners)
{
	struct copy c = {.merge = 1, .owners = owners};

	return copy_from(&c, src_fd, dst_fd);
}

int fs_copy_shifted(int src_fd, int dst_fd, const struct fs_owners *owners)
{
	struct copy c = {.marks = 1, .owners = owners};

	return copy_from(&c, src_fd, dst_fd);
}
