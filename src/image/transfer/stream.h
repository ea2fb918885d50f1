/* stream.h: the uncompressed bytes of an archive, in order, hashed on the way. Speaking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/transfer/limit.h"

#define STREAM_BLOCK 512 /* tar's unit; every chunk but the last is a multiple of it */

struct stream;

/* Told of all that is consumed, in order. */
struct stream_tap {
	void (*bytes)(void *ctx, const void *data, size_t len);
	void *ctx;
};

/* fd stays the caller's. threaded: a thread of its own reads, decompresses and hashes. More
 * uncompressed bytes than limit (may be NULL) allows are an error. */
int stream_open(
	int fd, int threaded, const struct limit *limit, struct stream **out, struct err *e);
/* The same for a part of a file, of which the bytes that are read can be copied and hashed:
 * decompress.h. */
struct decompress_source;
int stream_open_source(const struct decompress_source *source, int threaded,
	const struct limit *limit, struct stream **out, struct err *e);
/* A plain file of which most is skipped: what is skipped is not read, and nothing is hashed. */
int stream_open_sparse(int fd, struct stream **out, struct err *e);
void stream_close(struct stream *s); /* NULL is accepted */
void stream_set_tap(struct stream *s, const struct stream_tap *tap);

/* What is there now, at least one byte, at most max, valid until the next call: returns the count;
 * 0 is the end (of a whole and sound stream: the compressor's own checks are done), -1 *e. */
int64_t stream_peek(struct stream *s, uint64_t max, const uint8_t **out, struct err *e);
/* Consume n bytes of what was peeked. */
void stream_advance(struct stream *s, uint64_t n);
/* Skip up to n bytes that need not be looked at; returns how many (0: peek and advance). */
uint64_t stream_skip(struct stream *s, uint64_t n);
uint64_t stream_offset(const struct stream *s); /* bytes consumed so far */
/* After the end: as decompress_was(). */
int stream_was(const struct stream *s, char out_hex[65], int64_t *out_bytes);
/* After the end: SHA-256 of all of it. */
void stream_digest(const struct stream *s, char out_hex[65]);
