/* decompress.h: gzip, xz, zstd or nothing, told by the first bytes and never by a name or a media
 * type. Speaking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct decompress;

/* Looks at the first bytes. fd stays the caller's. */
int decompress_open(int fd, struct decompress **out, struct err *e);
void decompress_close(struct decompress *d); /* NULL is accepted */
/* Exactly len bytes, fewer only at the end, which is only reported when all checksums were right
 * and nothing but zeros (gzip) follows. -1 *e. */
int64_t decompress_read(struct decompress *d, void *out, size_t len, struct err *e);
