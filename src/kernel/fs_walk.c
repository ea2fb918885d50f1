/* fs_walk.c: going through a tree of any depth.
 *
 * How it works: one level for each folder on the way down, on the heap. The deepest OPEN_MAX of
 * them hold a descriptor and the rest of their listing; a level above that has given both back and
 * keeps the position of its listing. It is opened again by ".." from its child when the walk
 * returns, and counts only if device and inode are still those: who moves a folder while it is
 * walked through stops the walk (-ESTALE) instead of leading it elsewhere. */
#define _GNU_SOURCE
#include "kernel/fs_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "kernel/sys.h"

#define OPEN_MAX_LEVELS 48
#define LIST_SIZE 16384
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define PATH_LIMIT (1UL << 20)

static struct fs_level *top(const struct fs_walk *w)
{
	return &w->levels[w->n - 1];
}

static void give_back(struct fs_level *l)
{
	fd_close_ptr(&l->fd);
	free(l->list.room);
	l->list.room = NULL;
}

/* Takes fd. */
static int push(struct fs_walk *w, const char *name, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	if (w->n == w->room) {
		w->room = w->room ? w->room * 2 : 16;
		w->levels = xreallocarray(w->levels, w->room, sizeof(*w->levels));
	}
	w->levels[w->n++] = (struct fs_level){
		.name = xstrdup(name),
		.dev = st.st_dev,
		.ino = st.st_ino,
		.fd = fd,
	};
	if (w->n > OPEN_MAX_LEVELS)
		give_back(&w->levels[w->n - 1 - OPEN_MAX_LEVELS]);
	return 0;
}

int fs_walk_start(struct fs_walk *w, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, DIR_FLAGS);

	*w = (struct fs_walk){0};
	return fd < 0 ? -errno : push(w, NULL, fd);
}

int fs_walk_fd(const struct fs_walk *w)
{
	return top(w)->fd;
}

int fs_walk_next(struct fs_walk *w, const char **out_name, unsigned *out_type)
{
	struct fs_level *l = top(w);
	int r;

	if (!l->list.room) {
		off_t resume = l->list.off;
		l->list = (struct dents){
			.fd = l->fd, .room = xmalloc(LIST_SIZE), .size = LIST_SIZE};
		l->list.off = resume;
		if (resume && lseek(l->fd, resume, SEEK_SET) < 0)
			return -errno;
	}
	r = dents_next(&l->list, out_name);
	*out_type = l->list.type;
	return r;
}

/* The mount is compared by openat2 (5.6), else the device, which misses binds of the same one. */
static int open_child(const struct fs_walk *w, const char *name)
{
	struct sys_open_how how = {.flags = DIR_FLAGS, .resolve = RESOLVE_NO_XDEV};
	int fd = sys_openat2(top(w)->fd, name, &how);
	struct stat st;

	if (fd != -ENOSYS && fd != -EPERM)
		return fd;
	fd = openat(top(w)->fd, name, DIR_FLAGS);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && st.st_dev == w->levels[0].dev)
		return fd;
	close(fd);
	return -EXDEV;
}

int fs_walk_enter(struct fs_walk *w, const char *name)
{
	int fd = open_child(w, name);

	return fd < 0 ? fd : push(w, name, fd);
}

static int open_parent(struct fs_level *l, int child_fd)
{
	auto_fd int fd = openat(child_fd, "..", DIR_FLAGS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != l->dev || st.st_ino != l->ino)
		return -ESTALE;
	l->fd = take_fd(&fd);
	return 0;
}

int fs_walk_leave(struct fs_walk *w)
{
	struct fs_level *l = top(w);

	if (l[-1].fd < 0) {
		int r = open_parent(&l[-1], l->fd);
		if (r < 0)
			return r;
	}
	give_back(l);
	free(w->left);
	w->left = l->name;
	w->n--;
	return 0;
}

void fs_walk_done(struct fs_walk *w)
{
	for (; w->n; w->n--) {
		give_back(top(w));
		free(top(w)->name);
	}
	free(w->levels);
	free(w->left);
	*w = (struct fs_walk){0};
}

char *fs_walk_path(const struct fs_walk *w, const char *name)
{
	struct buf b = BUF_MAX(PATH_LIMIT);

	for (size_t i = 1; i < w->n; i++) {
		buf_puts(&b, w->levels[i].name);
		buf_putc(&b, '/');
	}
	buf_puts(&b, name);
	return buf_steal(&b);
}

static struct fs_inode *find_slot(const struct fs_inodes *s, dev_t dev, ino_t ino)
{
	size_t i = (size_t)((ino ^ (uint64_t)dev << 7) * UINT64_C(0x9e3779b97f4a7c15) >> 17);

	for (i &= s->size - 1; s->slots[i].ino; i = (i + 1) & (s->size - 1))
		if (s->slots[i].ino == ino && s->slots[i].dev == dev)
			break;
	return &s->slots[i];
}

static void grow(struct fs_inodes *s)
{
	struct fs_inodes bigger = {.n = s->n, .size = s->size ? s->size * 2 : 64};

	bigger.slots = xcalloc(bigger.size, sizeof(*bigger.slots));
	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i].ino)
			*find_slot(&bigger, s->slots[i].dev, s->slots[i].ino) = s->slots[i];
	free(s->slots);
	*s = bigger;
}

const char *fs_inodes_see(struct fs_inodes *s, dev_t dev, ino_t ino, char *path, int *out_new)
{
	struct fs_inode *slot;

	if (s->n * 2 >= s->size)
		grow(s);
	slot = find_slot(s, dev, ino);
	*out_new = !slot->ino;
	if (slot->ino) {
		free(path);
		return slot->path;
	}
	*slot = (struct fs_inode){.dev = dev, .ino = ino, .path = path};
	s->n++;
	return NULL;
}

void fs_inodes_done(struct fs_inodes *s)
{
	for (size_t i = 0; i < s->size; i++)
		free(s->slots[i].path);
	free(s->slots);
	*s = (struct fs_inodes){0};
}
