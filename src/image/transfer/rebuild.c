/* rebuild.c: a layer's tar is made again and hashed on its way out. */
#include "image/transfer/rebuild.h"

#include <nettle/sha2.h>
#include <stdio.h>

#include "base/fd.h"
#include "image/transfer/recipe.h"

struct rebuild {
	int out_fd; /* -1: only the digest is wanted */
	int64_t bytes;
	struct sha256_ctx hash;
};

static int sink(void *ctx, const void *data, size_t len, struct err *e)
{
	struct rebuild *r = ctx;
	int rc = r->out_fd < 0 ? 0 : fd_write_all(r->out_fd, data, len);

	sha256_update(&r->hash, len, data);
	r->bytes += (int64_t)len;
	return rc < 0 ? err_sys(e, rc, "write the archive") : 0;
}

int rebuild_run(int recipe_fd, int rootfd, int out_fd, struct transfer_result *out, struct err *e)
{
	uint8_t raw[SHA256_DIGEST_SIZE];
	struct rebuild r = {.out_fd = out_fd};

	sha256_init(&r.hash);
	if (recipe_replay(recipe_fd, rootfd, sink, &r, e) < 0)
		return -1;
	sha256_digest(&r.hash, sizeof(raw), raw);
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(out->digest + 2 * i, 3, "%02x", raw[i]);
	out->stream_bytes = r.bytes;
	return 0;
}

int rebuild_verify(int recipe_fd, int rootfd, struct transfer_result *out, struct err *e)
{
	if (recipe_check(recipe_fd, e) < 0) {
		e->kind = ERR_INVALID;
		return -1;
	}
	if (rebuild_run(recipe_fd, rootfd, -1, out, e) < 0) {
		e->kind = ERR_CONFLICT;
		return -1;
	}
	return 0;
}
