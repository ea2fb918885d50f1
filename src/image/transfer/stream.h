/* stream.h: the uncompressed bytes of an archive, in order, hashed on the way. Speaking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define STREAM_BLOCK 512 /* tar's unit; every chunk but the last is a multiple of it */

struct stream;

/* fd stays the caller's. threaded: a thread of its own reads, decompresses and hashes. limit_bytes:
 * more uncompressed bytes than that are an error; 0: no limit. */
int stream_open(int fd, int threaded, uint64_t limit_bytes, struct stream **out, struct err *e);
void stream_close(struct stream *s); /* NULL is accepted */

/* What is there now, at least one byte, at most max, valid until the next call: returns the count;
 * 0 is the end (of a whole and sound stream: the compressor's own checks are done), -1 *e. */
int64_t stream_peek(struct stream *s, uint64_t max, const uint8_t **out, struct err *e);
/* Consume n bytes of what was peeked. */
void stream_advance(struct stream *s, uint64_t n);
uint64_t stream_offset(const struct stream *s); /* bytes consumed so far */
/* After the end: SHA-256 of all of it. */
void stream_digest(const struct stream *s, char out_hex[65]);
