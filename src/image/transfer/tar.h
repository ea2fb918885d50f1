/* tar.h: reading tar archives: v7, ustar, pax (POSIX.1-2001) and GNU with their extensions for long
 * names, sub-second times, extended attributes and sparse files. Names are bytes: nothing is
 * converted or normalised. Speaking. */
#pragma once

#include <limits.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "image/transfer/stream.h"

enum tar_type {
	TAR_FILE,
	TAR_HARD_LINK,
	TAR_SYMLINK,
	TAR_CHAR,
	TAR_BLOCK,
	TAR_FOLDER,
	TAR_FIFO,
	TAR_OTHER, /* something that has no place in a file system: a volume label, ... */
};

struct tar_xattr {
	char *name; /* with its namespace: "user.x" */
	char *value;
	size_t len;
};

struct tar_entry {
	enum tar_type type;
	char path[PATH_MAX],
		link[PATH_MAX]; /* as in the archive; link: TAR_HARD_LINK, TAR_SYMLINK */
	uint32_t mode;		/* 07777 */
	uint32_t uid, gid;	/* at most 4294967294 */
	uint32_t major, minor;
	struct timespec mtime, atime; /* atime: mtime when the archive has none */
	uint64_t size;		      /* of the file, with its holes */
	int sparse;
	struct tar_xattr *xattrs;
	size_t n_xattrs;
};

struct tar;

struct tar *tar_new(struct stream *s); /* borrows s */
void tar_free(struct tar *t);	       /* NULL is accepted */
/* The next entry (t's own memory, valid until the next call): 1, or 0 at the end, when all that
 * follows was read and found to be zeros. What was not read of the last entry is skipped. */
int tar_next(struct tar *t, const struct tar_entry **out, struct err *e);
/* The next piece of the entry's content and where in the file it belongs: its length, 0 when there
 * is no more, -1. The bytes are valid until the next call. */
int64_t tar_data(struct tar *t, const uint8_t **out, uint64_t *out_offset, struct err *e);
