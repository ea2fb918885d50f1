/* decompress.h: gzip, xz, zstd or nothing, told by the first bytes and never by a name or a media
 * type. Speaking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct decompress;

/* What is read: len bytes of fd from where it stands (UINT64_MAX: to its end). The bytes as they
 * are read, still compressed, are copied to copy_fd (-1: not) and hashed: decompress_was. Both
 * only when they are compressed at all. */
struct decompress_source {
	int fd, copy_fd;
	uint64_t len;
	int window_dirfd; /* window.h */
};
#define DECOMPRESS_WHOLE(f)                                                     \
	{                                                                       \
		.fd = (f), .copy_fd = -1, .len = UINT64_MAX, .window_dirfd = -1 \
	}

/* Looks at the first bytes. fd stays the caller's. */
int decompress_open(int fd, struct decompress **out, struct err *e);
int decompress_open_source(
	const struct decompress_source *source, struct decompress **out, struct err *e);
/* After the end: 1 when it was compressed, with the digest and number of the bytes that were read;
 * 0 when what was read is what came out. */
int decompress_was(const struct decompress *d, char out_hex[65], int64_t *out_bytes);
void decompress_close(struct decompress *d); /* NULL is accepted */
/* Exactly len bytes, fewer only at the end, which is only reported when all checksums were right
 * and nothing but zeros (gzip) follows. -1 *e. */
int64_t decompress_read(struct decompress *d, void *out, size_t len, struct err *e);
