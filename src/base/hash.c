/* hash.c: SHA-256 as hex digits, random ids. */
#include "base/hash.h"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fd.h"
#include "base/mem.h"

static void to_hex(const uint8_t *in, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

void hash_start(struct hash *h)
{
	sha256_init(&h->sha256);
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	sha256_update(&h->sha256, len, data);
}

void hash_end(struct hash *h, char out[HASH_HEX + 1])
{
	uint8_t raw[SHA256_DIGEST_SIZE];

	sha256_digest(&h->sha256, sizeof(raw), raw);
	to_hex(raw, sizeof(raw), out);
}

void hash_sha256_hex(const void *data, size_t len, char out[HASH_HEX + 1])
{
	struct hash h;

	hash_start(&h);
	hash_add(&h, data, len);
	hash_end(&h, out);
}

int hash_is_digest(const char *s)
{
	const char *hex = str_after(s, "sha256:");

	return hex && strlen(hex) == HASH_HEX && strspn(hex, "0123456789abcdef") == HASH_HEX;
}

/* getrandom(2) is of 3.17. */
static int read_urandom(uint8_t *out, size_t n)
{
	auto_fd int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fd_read_full(fd, out, n) == (ssize_t)n ? 0 : -1;
}

int hash_random_bytes(void *out, size_t n)
{
	return getrandom(out, n, GRND_NONBLOCK) == (ssize_t)n ? 0 : read_urandom(out, n);
}

void hash_random_hex(size_t n, char *out)
{
	uint8_t raw[64];

	if (n > sizeof(raw) || (getrandom(raw, n, 0) != (ssize_t)n && read_urandom(raw, n) < 0))
		abort();
	to_hex(raw, n, out);
}
