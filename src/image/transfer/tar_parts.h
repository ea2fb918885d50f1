/* tar_parts.h: shared by the files that read tar. */
#pragma once

#include "base/buf.h"
#include "image/transfer/tar.h"

/* All extended headers of one entry. What a file system takes as attributes of one file is far
 * less; star and GNU tar write at most a few KiB. */
#define TAR_EXTENDED_MAX ((size_t)1 << 20)
/* Of one sparse file: 4 MiB of map. */
#define TAR_PIECES_MAX ((size_t)1 << 18)

struct tar_piece {
	uint64_t offset, len;
};

enum tar_has {
	TAR_HAS_PATH = 1,
	TAR_HAS_LINK = 2,
	TAR_HAS_SIZE = 4,
	TAR_HAS_UID = 8,
	TAR_HAS_GID = 16,
	TAR_HAS_MTIME = 32,
	TAR_HAS_ATIME = 64,
	TAR_HAS_REALSIZE = 128,
	TAR_HAS_SPARSE_NAME = 256,
	TAR_HAS_SPARSE_1 = 512, /* GNU.sparse 1.x: the map lies before the content */
};

/* What extended headers said about the entry that follows. */
struct tar_extended {
	unsigned has;
	char path[PATH_MAX], sparse_name[PATH_MAX], link[PATH_MAX];
	uint64_t size, realsize;
	uint32_t uid, gid;
	struct timespec mtime, atime;
	size_t used; /* bytes of them so far */
	uint64_t piece_offset;
	int piece_open; /* GNU.sparse.offset came, numbytes did not yet */
};

struct tar {
	struct stream *stream;
	struct tar_entry entry;
	struct tar_extended ext;
	uint64_t header_at;	/* offset of the header that is looked at */
	uint64_t left, padding; /* of the current entry's bytes in the archive */
	struct tar_piece *pieces;
	size_t n_pieces, room_pieces, piece; /* piece: the one that is read */
	uint64_t piece_pos;
	uint64_t file_pos;
	size_t entries;
	int ended;
};

int tar_damaged(const struct tar *t, const char *what, struct err *e);

/* ---- tar.c: bytes */

/* The next 512 bytes, or 0 when the stream ends right here, or -1. */
int tar_block(struct tar *t, const uint8_t **out, struct err *e);
/* The current entry's body (t->left) into b, padding skipped. */
int tar_body(struct tar *t, struct buf *b, struct err *e);

/* ---- tar_pax.c */

void tar_extended_clear(struct tar *t);
/* A pax header's records into t->ext and t->entry's attributes. */
int tar_pax(struct tar *t, const struct buf *b, struct err *e);

/* ---- tar_sparse.c */

int tar_piece_add(struct tar *t, uint64_t offset, uint64_t len, struct err *e);
/* pax 0.1: "offset,len,offset,len" */
int tar_sparse_list(struct tar *t, const char *text, struct err *e);
/* GNU 'S': from the header, and the blocks that follow it. */
int tar_sparse_gnu(struct tar *t, const uint8_t *header, struct err *e);
/* pax 1.0: the map at the start of the body. */
int tar_sparse_body(struct tar *t, struct err *e);
/* Ascending, within the size, and as long as the body: else damaged. */
int tar_sparse_check(struct tar *t, struct err *e);

/* ---- tar_number.c */

/* A number field of a header: octal, or base-256 (GNU, star). -1: neither, or out of range. */
int tar_number(const uint8_t *field, size_t len, int64_t *out);
/* Decimal text with nothing else. */
int tar_decimal(const char *s, uint64_t max, uint64_t *out);
/* "-1.5" and the like. */
int tar_time(const char *s, struct timespec *out);
