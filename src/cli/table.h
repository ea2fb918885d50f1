/* table.h: columns as Docker prints them, ids and times as users read them. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table {
	size_t columns;
	char **cells; /* row by row, own copies */
	size_t n, cap;
};

void table_start(struct table *t, const char *const *headings, size_t n);
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Each column is as wide as its longest cell and three blanks, at least ten; the last one unpadded.
 */
void table_print(struct table *t, FILE *out);
void table_done(struct table *t);

/* "sha256:0123456789ab..." -> "0123456789ab" unless full. */
const char *table_id(const char *id, int full, char buf[72]);
/* At most width characters (code points), the last one "…" when cut. Caller frees. */
char *table_cut(const char *text, size_t width);
/* "2 minutes ago" of a time in ns; "N/A" for 0. */
const char *table_ago(int64_t ns, char buf[48]);
/* As Go prints a time: "2006-01-02 15:04:05 -0700 MST", local. */
const char *table_time(int64_t ns, char buf[48]);
/* In double quotes, what is not printable as an escape (Go's strconv.Quote). Caller frees. */
char *table_quote(const char *text);
