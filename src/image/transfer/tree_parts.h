/* tree_parts.h: what the walk of tree.c looks at: names, links, attributes, holes. Quiet. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "image/transfer/tar_write.h"

struct tree_name {
	const char *text;
	size_t layer; /* of the level's, the topmost that has it */
};
struct tree_names {
	char *text; /* all of them, each closed */
	size_t used, room;
	struct tree_item *v;
	size_t n, n_room, at;
	struct tree_name now;
};
/* All of fd's. */
int tree_names_read(struct tree_names *s, int fd, size_t layer);
/* By bytes; of equal ones the topmost layer's stays. */
void tree_names_sort(struct tree_names *s);
const struct tree_name *tree_names_next(struct tree_names *s); /* NULL at the end */
void tree_names_done(struct tree_names *s);

struct tree_level {
	int *fds; /* topmost first */
	size_t n;
	struct tree_names names;
	size_t path_len; /* what it adds to the path */
};

/* 1: either of overlay's marks. */
int tree_is_opaque(int fd);

/* Files with several names. NULL when st's is seen for the first time: then it is remembered. */
struct tree_links {
	struct tree_link *slots;
	size_t n, size;
};
const char *tree_links_see(struct tree_links *s, const struct stat *st, const char *path);
void tree_links_done(struct tree_links *s);

struct tree_xattrs {
	struct tar_xattr *v;
	size_t n, room;
	char *list, *values;
};
/* Those of name in dirfd but overlay's marks. */
int tree_xattrs_read(struct tree_xattrs *s, int dirfd, const char *name);
void tree_xattrs_done(struct tree_xattrs *s);

struct tree_extents {
	struct tar_extent *v;
	size_t n, room;
};
/* 1: it has holes that are worth it, and these are its parts with data. */
int tree_extents_read(struct tree_extents *x, int fd, const struct stat *st);
void tree_extents_whole(struct tree_extents *x, uint64_t size);
