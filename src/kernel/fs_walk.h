/* fs_walk.h: inside the kernel folder only: going through a folder and all beneath it, however
 * deep, with a bounded number of descriptors and no recursion. Never follows a link, never enters
 * another mount. Quiet. */
#pragma once

#include <sys/types.h>

#include "kernel/dents.h"

struct fs_level {
	char *name; /* in the level above; NULL at the top */
	dev_t dev;
	ino_t ino;
	int fd; /* -1: given back, see fs_walk.c */
	struct dents list;
};
struct fs_walk {
	struct fs_level *levels;
	size_t n, room; /* n - 1 is where we are */
	char *left;	/* name of the folder that was left last */
};

/* Start in the folder name beneath dirfd (no link; "." is dirfd itself). */
int fs_walk_start(struct fs_walk *w, int dirfd, const char *name);
/* Next entry of the current folder: 1, or 0 at its end. The name is valid until the next call. */
int fs_walk_next(struct fs_walk *w, const char **out_name, unsigned *out_type);
/* Descend. -EXDEV for another mount, -ENOTDIR for what is no folder (a link). */
int fs_walk_enter(struct fs_walk *w, const char *name);
/* Go up and on with the listing there; w->left is the name of what was left. -ESTALE when somebody
 * moved the folder meanwhile. */
int fs_walk_leave(struct fs_walk *w);
void fs_walk_done(struct fs_walk *w);
/* The current folder, O_RDONLY. */
int fs_walk_fd(const struct fs_walk *w);
/* "a/b/name" from the top; caller frees. */
char *fs_walk_path(const struct fs_walk *w, const char *name);

/* Files with several names, each seen once. */
struct fs_inodes {
	struct fs_inode {
		dev_t dev;
		ino_t ino; /* 0: free */
		char *path;
	} * slots;
	size_t n, size;
};
/* The path that was remembered for the file, NULL when it was not seen before: then path (taken,
 * may be NULL) is remembered now. *out_new says which. */
const char *fs_inodes_see(struct fs_inodes *s, dev_t dev, ino_t ino, char *path, int *out_new);
void fs_inodes_done(struct fs_inodes *s);
