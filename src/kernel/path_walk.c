/* path_walk.c: resolving a hostile path beneath a folder, one component at a time.
 *
 * How it works: every component is opened with O_PATH | O_NOFOLLOW beneath the folder reached so
 * far. A folder is pushed on a stack of descriptors; a link is read and its text put before the
 * rest of the path, an absolute one after going back to the root. ".." never asks the kernel: it
 * pops the stack. So whatever somebody renames or exchanges meanwhile, the walk stands only in
 * folders that it entered downwards from rootfd, by names that were no links at the moment of the
 * open. The stack costs a descriptor for each level of depth; a path deeper than RLIMIT_NOFILE is
 * -EMFILE. */
#define _GNU_SOURCE
#include "kernel/path_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define PROC_MAGIC 0x9fa0
#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */
#define RACES_MAX 64

struct walk {
	int rootfd;
	int *fds; /* folders entered beneath rootfd, deepest last */
	size_t depth;
	char *rest; /* what is still to be walked */
	int links, races;
};

static int current(const struct walk *w)
{
	return w->depth ? w->fds[w->depth - 1] : w->rootfd;
}

static void pop(struct walk *w)
{
	if (w->depth)
		close(w->fds[--w->depth]);
}

static void push(struct walk *w, int fd)
{
	if ((w->depth & (w->depth + 1)) == 0)
		w->fds = xreallocarray(w->fds, (w->depth + 1) * 2, sizeof(int));
	w->fds[w->depth++] = fd;
}

static void walk_done(struct walk *w)
{
	while (w->depth)
		pop(w);
	free(w->fds);
	free(w->rest);
}

/* The text of a magic link of procfs ("/path", "pipe:[1]", "(unreachable)/path") is never that of
 * its ordinary ones ("self/net", "1234/task/1234"). Following the text could not leave the root,
 * but openat2 refuses these links and so do we. */
static int is_magic(int link_fd, const char *text)
{
	struct statfs fs;

	if (fstatfs(link_fd, &fs) < 0 || fs.f_type != PROC_MAGIC)
		return 0;
	return text[0] == '/' || text[0] == '(' || strchr(text, ':') != NULL;
}

/* Put the link's text before what follows it in the path. */
static int expand(struct walk *w, int link_fd, const char *after)
{
	char text[PATH_MAX];
	char *rest;
	ssize_t n;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	n = readlinkat(link_fd, "", text, sizeof(text));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	if ((size_t)n >= sizeof(text))
		return -ENAMETOOLONG;
	text[n] = '\0';
	if (is_magic(link_fd, text))
		return -ELOOP;
	if (text[0] == '/')
		while (w->depth)
			pop(w);
	rest = *after ? xasprintf("%s/%s", text, after) : xstrdup(text);
	free(w->rest);
	w->rest = rest;
	return 0;
}

/* Enter the folder `name`, or expand it if it is a link. `after` points into w->rest. */
static int step(struct walk *w, const char *name, const char *after)
{
	auto_fd int fd = -1;
	struct stat st;

	if (streq(name, "..")) {
		pop(w);
	} else if (!streq(name, ".")) {
		fd = openat(current(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -errno;
		if (S_ISLNK(st.st_mode))
			return expand(w, fd, after);
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
		push(w, take_fd(&fd));
	}
	memmove(w->rest, after, strlen(after) + 1);
	return 0;
}

/* What is at `name`, with following the link there: 1: a link, expanded into w->rest; 0: none. */
static int probe(struct walk *w, const char *name, int flags, int *out_fd)
{
	auto_fd int fd = openat(current(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT && (flags & O_CREAT) ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		r = expand(w, fd, "");
		return r < 0 ? r : 1;
	}
	if ((flags & O_DIRECTORY) && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (flags & O_PATH) /* that is all that is asked for: no second look-up */
		*out_fd = take_fd(&fd);
	return 0;
}

/* Open the last component for real. 1: it was a link and w->rest is what to walk now. */
static int finish(struct walk *w, const char *name, int flags, mode_t mode, int *out_fd)
{
	int follow = !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);

	if (follow) {
		int r = probe(w, name, flags, out_fd);
		if (r != 0 || *out_fd >= 0)
			return r;
	}
	*out_fd = openat(current(w), name, flags | O_NOFOLLOW, mode);
	if (*out_fd >= 0)
		return 0;
	/* Became a link since the probe: look again, not for ever. */
	if (follow && errno == ELOOP && ++w->races < RACES_MAX)
		return 1;
	return -errno;
}

/* One component: 1 to go on, 0 when *out_fd is the result. */
static int advance(struct walk *w, int *flags, mode_t mode, int *out_fd)
{
	char name[NAME_MAX + 1];
	const char *p = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(p, "/");
	const char *after = p + len + strspn(p + len, "/");
	int r;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, p, len);
	name[len] = '\0';
	if (!*after && p[len] == '/') {
		/* "name/": a folder, and a link there is followed whatever the flags say. */
		if (*flags & O_CREAT)
			return -EISDIR;
		*flags = (*flags | O_DIRECTORY) & ~O_NOFOLLOW;
	}
	if (*after || streq(name, "..")) {
		r = step(w, name, after);
		return r < 0 ? r : 1;
	}
	if (len && !streq(name, "."))
		return finish(w, name, *flags, mode, out_fd);
	*out_fd = openat(current(w), ".", *flags & ~O_NOFOLLOW, mode);
	return *out_fd < 0 ? -errno : 0;
}

int path_walk_open(int rootfd, const char *path, int flags, mode_t mode)
{
	struct walk w = {.rootfd = rootfd};
	int r, fd = -1;

	if (!*path)
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	w.rest = xstrdup(path);
	do
		r = advance(&w, &flags, mode, &fd);
	while (r == 1);
	walk_done(&w);
	return r < 0 ? r : fd;
}
