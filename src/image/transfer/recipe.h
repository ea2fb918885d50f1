/* recipe.h: how the tar of a layer is made again, byte for byte, from the layer's folder.
 *
 * A recipe is all of a tar but the contents of its files: headers, padding, and between them "here
 * goes the content of that file". So a layer that came uncompressed is not kept twice, and still
 * has the same diff id when it is saved. Compressed with zstd it takes some 1 % of the layer.
 *
 * The format is our own: 8 bytes "hullrcp1", then one or more zstd frames of records:
 *	'R' length bytes	bytes of the tar
 *	'F' length path		the file that the pieces which follow are of; beneath the layer
 *	'P' offset length	a piece of its content
 *	'E' length		the end, and how long the tar is
 * Numbers are LEB128. Whoever reads one does not trust it: the digest of what comes out decides. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct recipe;

/* fd (stays the caller's): an empty file, open for reading and writing; rootfd: the layer. */
int recipe_new(int fd, int rootfd, struct recipe **out, struct err *e);
void recipe_free(struct recipe *r); /* NULL is accepted */
/* The next bytes of the tar. They are dropped between recipe_file and recipe_file_end, where
 * recipe_piece says what they are. Errors are kept for recipe_finish. */
void recipe_bytes(struct recipe *r, const void *data, size_t len);
void recipe_file(struct recipe *r, const char *path);
void recipe_piece(struct recipe *r, uint64_t offset, uint64_t len);
void recipe_file_end(struct recipe *r);
/* A file that was told about may go now (an archive that has a name twice): what was written so far
 * is made again with the contents in it, and so is all that follows. */
int recipe_break(struct recipe *r, struct err *e);
int recipe_finish(struct recipe *r, struct err *e);

/* All bytes of the tar, in order. -1 *e: the recipe is damaged, a file is missing or too short, or
 * `sink` failed. recipe_fd is read from its start. */
int recipe_replay(int recipe_fd, int rootfd,
	int (*sink)(void *ctx, const void *data, size_t len, struct err *e), void *ctx,
	struct err *e);

/* -1 *e: the recipe's own bytes are not those that were written (each frame has a checksum). */
int recipe_check(int recipe_fd, struct err *e);
