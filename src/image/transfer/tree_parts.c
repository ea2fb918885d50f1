/* tree_parts.c: what the walk of tree.c looks at: names, links, attributes, holes. */
#define _GNU_SOURCE
#include "image/transfer/tree_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "image/transfer/whiteout.h"

#define DENTS_SIZE ((size_t)64 << 10)
#define XATTR_LIST_MAX 65536
#define XATTR_VALUE_MAX 65536
#define XATTRS_MAX ((size_t)512 << 10) /* all values of a file */
#define EXTENTS_MAX 100000

/* ---- names */

struct tree_item {
	size_t text; /* where in tree_names.text */
	size_t layer;
};

static void add_name(struct tree_names *s, const char *name, size_t layer)
{
	size_t len = strlen(name) + 1;

	while (s->used + len > s->room) {
		s->room = s->room ? s->room * 2 : 1024;
		s->text = xrealloc(s->text, s->room);
	}
	if (s->n == s->n_room) {
		s->n_room = s->n_room ? s->n_room * 2 : 64;
		s->v = xreallocarray(s->v, s->n_room, sizeof(*s->v));
	}
	s->v[s->n++] = (struct tree_item){s->used, layer};
	memcpy(s->text + s->used, name, len);
	s->used += len;
}

/* struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name */
int tree_names_read(struct tree_names *s, int fd, size_t layer)
{
	auto_free char *room = xmalloc(DENTS_SIZE);

	for (;;) {
		long n = syscall(SYS_getdents64, fd, room, DENTS_SIZE);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const char *name = room + at + 19;
			unsigned short reclen;

			memcpy(&reclen, room + at + 16, sizeof(reclen));
			if (!streq(name, ".") && !streq(name, ".."))
				add_name(s, name, layer);
			at += reclen;
		}
	}
}

static int by_name(const void *a, const void *b, void *text)
{
	const struct tree_item *x = a, *y = b;
	int r = strcmp((char *)text + x->text, (char *)text + y->text);

	return r ? r : x->layer < y->layer ? -1 : x->layer > y->layer;
}

void tree_names_sort(struct tree_names *s)
{
	size_t kept = 0;

	if (s->n)
		qsort_r(s->v, s->n, sizeof(*s->v), by_name, s->text);
	for (size_t i = 0; i < s->n; i++)
		if (!kept || !streq(s->text + s->v[kept - 1].text, s->text + s->v[i].text))
			s->v[kept++] = s->v[i];
	s->n = kept;
}

const struct tree_name *tree_names_next(struct tree_names *s)
{
	if (s->at == s->n)
		return NULL;
	s->now = (struct tree_name){s->text + s->v[s->at].text, s->v[s->at].layer};
	s->at++;
	return &s->now;
}

void tree_names_done(struct tree_names *s)
{
	free(s->text);
	free(s->v);
	*s = (struct tree_names){0};
}

int tree_is_opaque(int fd)
{
	static const char *const names[] = {"user.overlay.opaque", "trusted.overlay.opaque"};
	char value;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fgetxattr(fd, names[i], &value, 1) == 1 && value == 'y')
			return 1;
	return 0;
}

/* ---- links */

struct tree_link {
	dev_t dev;
	ino_t ino; /* 0: free */
	char *path;
};

static struct tree_link *slot(struct tree_link *slots, size_t size, dev_t dev, ino_t ino)
{
	size_t i = (size_t)((ino ^ dev << 20) * 0x9e3779b97f4a7c15ULL) & (size - 1);

	while (slots[i].ino && (slots[i].ino != ino || slots[i].dev != dev))
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void grow(struct tree_links *s)
{
	size_t size = s->size ? s->size * 2 : 256;
	struct tree_link *slots = xcalloc(size, sizeof(*slots));

	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i].ino)
			*slot(slots, size, s->slots[i].dev, s->slots[i].ino) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->size = size;
}

const char *tree_links_see(struct tree_links *s, const struct stat *st, const char *path)
{
	struct tree_link *l;

	if (s->n * 2 >= s->size)
		grow(s);
	l = slot(s->slots, s->size, st->st_dev, st->st_ino);
	if (l->ino)
		return l->path;
	*l = (struct tree_link){st->st_dev, st->st_ino, xstrdup(path)};
	s->n++;
	return NULL;
}

void tree_links_done(struct tree_links *s)
{
	for (size_t i = 0; i < s->size; i++)
		free(s->slots[i].path);
	free(s->slots);
	*s = (struct tree_links){0};
}

/* ---- attributes */

/* Labels belong to the host that gave them. */
static int is_wanted(const char *name)
{
	return !whiteout_foreign_xattr(name) && !streq(name, "security.selinux");
}

static void add_xattr(struct tree_xattrs *s, char *name, char *value, size_t len)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 16;
		s->v = xreallocarray(s->v, s->room, sizeof(*s->v));
	}
	s->v[s->n++] = (struct tar_xattr){name, value, len};
}

int tree_xattrs_read(struct tree_xattrs *s, int dirfd, const char *name)
{
	size_t used = 0;
	ssize_t n;

	s->n = 0;
	/* By name from within the folder: nothing needs to be opened, and no link is followed. */
	if (fchdir(dirfd) < 0)
		return -errno;
	if (!s->list) {
		s->list = xmalloc(XATTR_LIST_MAX);
		s->values = xmalloc(XATTRS_MAX);
	}
	n = llistxattr(name, s->list, XATTR_LIST_MAX);
	if (n < 0)
		return errno == EOPNOTSUPP || errno == ENOENT ? 0 : -errno;
	for (char *x = s->list; x < s->list + n; x += strlen(x) + 1) {
		size_t room = XATTRS_MAX - used;
		ssize_t len;

		if (!is_wanted(x))
			continue;
		len = lgetxattr(
			name, x, s->values + used, room < XATTR_VALUE_MAX ? room : XATTR_VALUE_MAX);
		if (len < 0 && (errno == ENODATA || errno == ENOENT || errno == EOPNOTSUPP))
			continue;
		if (len < 0)
			return -errno;
		add_xattr(s, x, s->values + used, (size_t)len);
		used += (size_t)len;
	}
	return 0;
}

void tree_xattrs_done(struct tree_xattrs *s)
{
	free(s->v);
	free(s->list);
	free(s->values);
	*s = (struct tree_xattrs){0};
}

/* ---- holes */

static void add_extent(struct tree_extents *x, uint64_t offset, uint64_t len)
{
	if (x->n == x->room) {
		x->room = x->room ? x->room * 2 : 8;
		x->v = xreallocarray(x->v, x->room, sizeof(*x->v));
	}
	x->v[x->n++] = (struct tar_extent){offset, len};
}

void tree_extents_whole(struct tree_extents *x, uint64_t size)
{
	x->n = 0;
	if (size)
		add_extent(x, 0, size);
}

int tree_extents_read(struct tree_extents *x, int fd, const struct stat *st)
{
	off_t at = 0, end = st->st_size;

	if ((uint64_t)st->st_blocks * 512 >= (uint64_t)end)
		return 0;
	while (at < end) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || x->n == EXTENTS_MAX)
			return 0;
		hole = hole < end ? hole : end;
		if (data < end)
			add_extent(x, (uint64_t)data, (uint64_t)(hole - data));
		at = hole;
	}
	return !(x->n == 1 && x->v[0].len == (uint64_t)end);
}
