/* recipe_read.c: a tar is made again by its recipe. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/transfer/recipe.h"
#include "image/transfer/recipe_parts.h"
#include "kernel/path.h"

#define IN_SIZE ((size_t)64 << 10)
#define OUT_SIZE ((size_t)128 << 10)
#define PIECE_SIZE ((size_t)256 << 10)

struct replay {
	int fd, rootfd;
	int (*sink)(void *ctx, const void *data, size_t len, struct err *e);
	void *ctx;
	struct err *e;
	ZSTD_DCtx *zstd;
	uint8_t *in, *out, *piece;
	size_t in_pos, in_len, out_pos, out_len;
	int frame_done;
	int file; /* whose pieces follow */
	char path[PATH_MAX];
	uint64_t total;
};

static int damaged(struct replay *r, const char *what)
{
	return err_set(r->e, ERR_SYSTEM, "the layer's recipe is damaged (%s)", what);
}

/* More uncompressed bytes; 1, 0 at the end, -1. */
static int more(struct replay *r)
{
	r->out_pos = r->out_len = 0;
	while (!r->out_len) {
		ZSTD_outBuffer out = {r->out, OUT_SIZE, 0};
		size_t rc;

		if (r->in_pos == r->in_len) {
			ssize_t n = read(r->fd, r->in, IN_SIZE);

			if (n < 0)
				return err_sys(r->e, errno, "read the layer's recipe");
			if (n == 0)
				return r->frame_done ? 0 : damaged(r, "it is cut off");
			r->in_pos = 0;
			r->in_len = (size_t)n;
		}
		ZSTD_inBuffer in = {r->in, r->in_len, r->in_pos};
		rc = ZSTD_decompressStream(r->zstd, &out, &in);
		if (ZSTD_isError(rc))
			return damaged(r, ZSTD_getErrorName(rc));
		r->in_pos = in.pos;
		r->out_len = out.pos;
		r->frame_done = rc == 0;
	}
	return 1;
}

static int byte(struct replay *r, uint8_t *out)
{
	if (r->out_pos == r->out_len) {
		int rc = more(r);

		if (rc <= 0)
			return rc < 0 ? -1 : damaged(r, "it has no end");
	}
	*out = r->out[r->out_pos++];
	return 0;
}

static int number(struct replay *r, uint64_t *out)
{
	uint64_t v = 0;
	uint8_t b = 0;

	for (int shift = 0; shift < 63; shift += 7) {
		if (byte(r, &b) < 0)
			return -1;
		v |= (uint64_t)(b & 127) << shift;
		if (!(b & 128)) {
			*out = v;
			return 0;
		}
	}
	return damaged(r, "a number");
}

static int pass(struct replay *r, const void *data, size_t len)
{
	r->total += len;
	return r->sink(r->ctx, data, len, r->e);
}

static int take_bytes(struct replay *r)
{
	uint64_t left;

	if (number(r, &left) < 0)
		return -1;
	while (left) {
		size_t n;
		int rc = r->out_pos < r->out_len ? 1 : more(r);

		if (rc <= 0)
			return rc < 0 ? -1 : damaged(r, "it has no end");
		n = r->out_len - r->out_pos;
		n = n < left ? n : (size_t)left;
		if (pass(r, r->out + r->out_pos, n) < 0)
			return -1;
		r->out_pos += n;
		left -= n;
	}
	return 0;
}

static int take_file(struct replay *r)
{
	struct stat st;
	uint64_t len;

	if (number(r, &len) < 0)
		return -1;
	if (!len || len >= PATH_MAX)
		return damaged(r, "a name");
	for (uint64_t i = 0; i < len; i++)
		if (byte(r, (uint8_t *)&r->path[i]) < 0)
			return -1;
	r->path[len] = '\0';
	fd_close_ptr(&r->file);
	r->file = path_open(r->rootfd, r->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (r->file < 0)
		return err_sys(r->e, r->file, "read %.500s of the layer", r->path);
	if (fstat(r->file, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(
			r->e, ERR_SYSTEM, "%.500s of the layer is no file any more", r->path);
	return 0;
}

static int take_piece(struct replay *r)
{
	uint64_t at, left;

	if (number(r, &at) < 0 || number(r, &left) < 0)
		return -1;
	if (r->file < 0)
		return damaged(r, "content of no file");
	while (left) {
		size_t want = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
		ssize_t n = pread(r->file, r->piece, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(r->e, errno, "read %.500s of the layer", r->path);
		if (n == 0)
			return err_set(r->e, ERR_SYSTEM,
				"%.500s of the layer is shorter than it was", r->path);
		if (pass(r, r->piece, (size_t)n) < 0)
			return -1;
		at += (uint64_t)n;
		left -= (uint64_t)n;
	}
	return 0;
}

static int take_end(struct replay *r)
{
	uint64_t total;

	if (number(r, &total) < 0)
		return -1;
	return total == r->total ? 1 : damaged(r, "the length of the whole");
}

/* 1 at the end */
static int record(struct replay *r)
{
	uint8_t kind;

	if (byte(r, &kind) < 0)
		return -1;
	switch (kind) {
	case RECIPE_BYTES:
		return take_bytes(r);
	case RECIPE_FILE:
		return take_file(r);
	case RECIPE_PIECE:
		return take_piece(r);
	case RECIPE_END:
		return take_end(r);
	default:
		return damaged(r, "an unknown record");
	}
}

static int start(struct replay *r)
{
	char magic[RECIPE_MAGIC_LEN];

	if (lseek(r->fd, 0, SEEK_SET) < 0)
		return err_sys(r->e, errno, "read the layer's recipe");
	if (fd_read_full(r->fd, magic, sizeof(magic)) != sizeof(magic) ||
		memcmp(magic, RECIPE_MAGIC, sizeof(magic)) != 0)
		return damaged(r, "it does not begin as one");
	r->zstd = ZSTD_createDCtx();
	return r->zstd ? 0 : err_sys(r->e, ENOMEM, "read the layer's recipe");
}

static int open_replay(struct replay *r)
{
	r->in = xmalloc(IN_SIZE);
	r->out = xmalloc(OUT_SIZE);
	r->piece = xmalloc(PIECE_SIZE);
	return start(r);
}

static void close_replay(struct replay *r)
{
	fd_close_ptr(&r->file);
	ZSTD_freeDCtx(r->zstd);
	free(r->in);
	free(r->out);
	free(r->piece);
}

int recipe_replay(int recipe_fd, int rootfd,
	int (*sink)(void *ctx, const void *data, size_t len, struct err *e), void *ctx,
	struct err *e)
{
	struct replay r = {
		.fd = recipe_fd, .rootfd = rootfd, .sink = sink, .ctx = ctx, .e = e, .file = -1};
	int rc = open_replay(&r);

	while (rc == 0)
		rc = record(&r);
	close_replay(&r);
	return rc < 0 ? -1 : 0;
}

int recipe_check(int recipe_fd, struct err *e)
{
	struct replay r = {.fd = recipe_fd, .rootfd = -1, .e = e, .file = -1};
	int rc = open_replay(&r) < 0 ? -1 : 1;

	while (rc > 0)
		rc = more(&r);
	close_replay(&r);
	return rc;
}
