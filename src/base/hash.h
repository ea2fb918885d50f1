/* hash.h: SHA-256 (nettle) as hex digits, for digests of small documents and for cache keys. */
#pragma once

#include <nettle/sha2.h>
#include <stddef.h>

#define HASH_HEX 64

void hash_sha256_hex(const void *data, size_t len, char out[HASH_HEX + 1]);
/* The same for bytes as they come. */
struct hash {
	struct sha256_ctx sha256;
};
void hash_start(struct hash *h);
void hash_add(struct hash *h, const void *data, size_t len);
void hash_end(struct hash *h, char out[HASH_HEX + 1]);
/* 1 when s is exactly "sha256:" and 64 lower-case hex digits. Check before any use in a path. */
int hash_is_digest(const char *s);
/* n bytes for names and places to start a search from: never waits, so early at boot they may be
 * guessed. 0 or -1. */
int hash_random_bytes(void *out, size_t n);
/* n random bytes (getrandom) as 2n hex digits and a NUL. */
void hash_random_hex(size_t n, char *out);
