/* buf.h: a growing byte buffer with a maximum from birth, always closed by a NUL that is not
 * counted. Crossing the maximum sets `over` and drops what does not fit: check it once at the end.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>

struct buf {
	char *data;
	size_t len, cap, max;
	int over;
};

#define BUF_MAX(limit) ((struct buf){.max = (limit)})

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for len more bytes to be written by the caller, who then adds to b->len; NULL when that
 * would cross the maximum. */
char *buf_room(struct buf *b, size_t len);
char *buf_steal(struct buf *b); /* the string, caller frees; never NULL; *b is empty after */
void buf_clear(struct buf *b);	/* length 0, memory kept */
void buf_done(struct buf *b);

#define auto_buf __attribute__((cleanup(buf_done)))
