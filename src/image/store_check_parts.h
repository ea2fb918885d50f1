/* store_check_parts.h: what the files of the store's check share. */
#pragma once

#include "image/store_check.h"
#include "image/store_parts.h"

struct store_checking {
	struct store *s;
	struct store_check *c;
};

void store_check_tell(struct store_checking *k, enum store_finding_state state, const char *kind,
	const char *name, const char *repair, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* What became of a repair; r < 0: it failed. */
enum store_finding_state store_check_outcome(const struct store_checking *k, int r);
int store_check_is_hex(const char *s);
/* Does a regular file of these bytes (by digest) lie there? Up to 16 MiB; *b gets them. */
enum store_copy { COPY_GOOD, COPY_MISSING, COPY_BAD };
enum store_copy store_check_read_blob(struct store_checking *k, const char *hex, struct buf *b);

/* store_check_deep.c: reads; what is damaged is added to (later: kept in) k->c->deep. */
int store_check_deep(struct store_checking *k, struct err *e);
/* Within the transaction: why the thing of this row is damaged, NULL. */
const char *store_check_bad(
	const struct store_checking *k, int what, const char *digest, int64_t stored_ns);

/* store_check_files.c. Within the transaction: blobs, recipes, layers' folders. */
int store_check_files(struct store_checking *k, struct err *e);
/* Outside of it, for removing takes long. */
void store_check_tmp(struct store_checking *k);
