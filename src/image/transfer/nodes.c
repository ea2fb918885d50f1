/* nodes.c: devices of an archive, to be made by who started us.
 *
 * How it works: an empty file with the device's owner, mode and times takes its place, so that
 * later entries (the same name again, hard links) are treated as ever. At the end the starter is
 * told path, inode number and device, and replaces what is still there. */
#define _GNU_SOURCE
#include "image/transfer/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

/* Of all together: a device has a short name. */
#define PATH_BYTES_MAX ((size_t)1 << 20)

struct nodes_item {
	int fd; /* -1: a further link */
	ino_t ino;
	mode_t type;
	uint32_t major, minor;
	char *path;
};

static int is_mark(const struct nodes_item *i)
{
	return i->type == S_IFCHR && i->major == 0 && i->minor == 0;
}

static int add(struct nodes *s, const struct nodes_item *item, struct err *e)
{
	s->path_bytes += strlen(item->path) + 1;
	if (s->n == TRANSFER_NODES_MAX || s->path_bytes > PATH_BYTES_MAX)
		return err_set(e, ERR_UNSUPPORTED,
			"the archive has more devices (over %d) than any container needs, or with "
			"longer names: leave /dev out of it",
			TRANSFER_NODES_MAX);
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 16;
		s->items = xreallocarray(s->items, s->room, sizeof(*s->items));
	}
	s->items[s->n] = *item;
	s->items[s->n++].path = xstrdup(item->path);
	return 0;
}

int nodes_add(struct nodes *s, int fd, mode_t type, uint32_t major, uint32_t minor,
	const char *path, struct err *e)
{
	auto_fd int own = fd;
	struct nodes_item item = {
		.fd = own, .type = type, .major = major, .minor = minor, .path = (char *)path};
	struct stat st;

	if (fstat(own, &st) < 0)
		return err_sys(e, errno, "create %.500s", path);
	item.ino = st.st_ino;
	if (add(s, &item, e) < 0)
		return -1;
	take_fd(&own);
	return 0;
}

static const struct nodes_item *find(const struct nodes *s, ino_t ino)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].ino == ino)
			return &s->items[i];
	return NULL;
}

int nodes_linked(struct nodes *s, int dirfd, const char *name, const char *path, struct err *e)
{
	const struct nodes_item *known;
	struct nodes_item item;
	struct stat st;

	if (!s->n)
		return 0;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "create %.500s", path);
	known = find(s, st.st_ino);
	if (!known)
		return 0;
	item = *known;
	item.fd = -1;
	item.path = (char *)path;
	return add(s, &item, e);
}

int nodes_is_whiteout(const struct nodes *s, ino_t ino)
{
	const struct nodes_item *known = s->n ? find(s, ino) : NULL;

	return known && is_mark(known);
}

int nodes_tell(const struct nodes *s,
	int (*tell)(void *ctx, const struct transfer_node *n, struct err *e), void *ctx,
	struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct nodes_item *item = &s->items[i];
		struct transfer_node node = {
			.ino = item->ino,
			.type = item->type,
			.major = item->major,
			.minor = item->minor,
		};

		snprintf(node.path, sizeof(node.path), "%s", item->path);
		if (tell(ctx, &node, e) < 0)
			return -1;
	}
	return 0;
}

void nodes_done(struct nodes *s)
{
	for (size_t i = 0; i < s->n; i++) {
		fd_close_ptr(&s->items[i].fd);
		free(s->items[i].path);
	}
	free(s->items);
	*s = (struct nodes){0};
}
