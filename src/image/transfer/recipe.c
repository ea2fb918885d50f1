/* recipe.c: writing recipes.
 *
 * How it works: bytes are gathered in a buffer and become one 'R' record when something else comes
 * or the buffer is full. A break copies the recipe into a file without a name, as one that needs no
 * other file, and goes on there; recipe_finish copies that back. */
#define _GNU_SOURCE
#include "image/transfer/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/transfer/recipe_parts.h"

#define LEVEL 1
#define GATHER ((size_t)64 << 10)
#define SCRATCH_NAME ".hull-recipe"

struct recipe {
	int fd;	    /* the caller's */
	int out_fd; /* where it is written: fd, or after a break a file of ours */
	int rootfd;
	int broken, inside, failed;
	struct err error;
	uint64_t total;
	ZSTD_CCtx *zstd;
	uint64_t piece_at, piece_len; /* not yet written */
	size_t used;
	uint8_t gather[GATHER];
	uint8_t out[GATHER];
};

static void keep_error(struct recipe *r, const struct err *e)
{
	if (!r->failed)
		r->error = *e;
	r->failed = 1;
}

/* Through the compressor to the file. */
static void put(struct recipe *r, const void *data, size_t len, ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {data, len, 0};
	size_t left = 1;
	struct err e = {0};

	while (!r->failed && (in.pos < in.size || (end != ZSTD_e_continue && left))) {
		ZSTD_outBuffer out = {r->out, sizeof(r->out), 0};
		int rc;

		left = ZSTD_compressStream2(r->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			err_sys(&e, ENOMEM, "write the layer's recipe");
		rc = ZSTD_isError(left) ? -ENOMEM : fd_write_all(r->out_fd, r->out, out.pos);
		if (rc < 0) {
			err_sys(&e, rc, "write the layer's recipe");
			keep_error(r, &e);
		}
	}
}

static void put_number(struct recipe *r, uint64_t v)
{
	uint8_t b[10];
	size_t n = 0;

	do
		b[n++] = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
	while (v >>= 7);
	put(r, b, n, ZSTD_e_continue);
}

static void put_head(struct recipe *r, char kind, uint64_t number)
{
	put(r, &kind, 1, ZSTD_e_continue);
	put_number(r, number);
}

static void flush_gathered(struct recipe *r)
{
	if (!r->used)
		return;
	put_head(r, RECIPE_BYTES, r->used);
	put(r, r->gather, r->used, ZSTD_e_continue);
	r->used = 0;
}

static void flush_piece(struct recipe *r)
{
	if (!r->piece_len)
		return;
	put_head(r, RECIPE_PIECE, r->piece_at);
	put_number(r, r->piece_len);
	r->piece_len = 0;
}

static int begin(struct recipe *r, int fd, struct err *e)
{
	int rc = fd_write_all(fd, RECIPE_MAGIC, RECIPE_MAGIC_LEN);

	r->out_fd = fd;
	r->total = 0;
	return rc < 0 ? err_sys(e, rc, "write the layer's recipe") : 0;
}

int recipe_new(int fd, int rootfd, struct recipe **out, struct err *e)
{
	struct recipe *r = xcalloc(1, sizeof(*r));

	r->fd = fd;
	r->rootfd = rootfd;
	r->zstd = ZSTD_createCCtx();
	if (!r->zstd ||
		ZSTD_isError(ZSTD_CCtx_setParameter(r->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
		ZSTD_isError(ZSTD_CCtx_setParameter(r->zstd, ZSTD_c_checksumFlag, 1))) {
		recipe_free(r);
		return err_sys(e, ENOMEM, "write the layer's recipe");
	}
	if (begin(r, fd, e) < 0) {
		recipe_free(r);
		return -1;
	}
	*out = r;
	return 0;
}

void recipe_free(struct recipe *r)
{
	if (!r)
		return;
	if (r->out_fd != r->fd)
		close(r->out_fd);
	ZSTD_freeCCtx(r->zstd);
	free(r);
}

void recipe_bytes(struct recipe *r, const void *data, size_t len)
{
	const uint8_t *p = data;

	r->total += len;
	if (r->inside)
		return;
	while (len) {
		size_t n = sizeof(r->gather) - r->used;

		n = n < len ? n : len;
		memcpy(r->gather + r->used, p, n);
		r->used += n;
		p += n;
		len -= n;
		if (r->used == sizeof(r->gather))
			flush_gathered(r);
	}
}

void recipe_file(struct recipe *r, const char *path)
{
	size_t len = strlen(path);

	if (r->broken)
		return;
	flush_gathered(r);
	put_head(r, RECIPE_FILE, len);
	put(r, path, len, ZSTD_e_continue);
	r->inside = 1;
}

void recipe_piece(struct recipe *r, uint64_t offset, uint64_t len)
{
	if (!r->inside)
		return;
	if (r->piece_len && offset == r->piece_at + r->piece_len) {
		r->piece_len += len;
		return;
	}
	flush_piece(r);
	r->piece_at = offset;
	r->piece_len = len;
}

void recipe_file_end(struct recipe *r)
{
	if (r->inside)
		flush_piece(r);
	r->inside = 0;
}

static void finish_frame(struct recipe *r)
{
	flush_gathered(r);
	put_head(r, RECIPE_END, r->total);
	put(r, NULL, 0, ZSTD_e_end);
}

static int again(void *ctx, const void *data, size_t len, struct err *e)
{
	recipe_bytes(ctx, data, len);
	return 0;
}

/* A file without a name on the layer's own file system. */
static int scratch(int rootfd)
{
	int fd = openat(rootfd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* A file system that has no O_TMPFILE. */
	fd = openat(rootfd, SCRATCH_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlinkat(rootfd, SCRATCH_NAME, 0);
	return fd;
}

int recipe_break(struct recipe *r, struct err *e)
{
	struct stat before;
	int fd;

	if (r->broken)
		return 0;
	/* What is made for a moment must not show in the root's time. */
	if (fstat(r->rootfd, &before) < 0)
		return err_sys(e, errno, "write the layer's recipe");
	fd = scratch(r->rootfd);
	if (fd < 0)
		return err_sys(e, fd, "write the layer's recipe");
	const struct timespec times[2] = {before.st_atim, before.st_mtim};
	futimens(r->rootfd, times);
	finish_frame(r);
	r->broken = 1;
	if (begin(r, fd, e) < 0)
		return -1;
	if (r->failed) {
		if (e)
			*e = r->error;
		return -1;
	}
	return recipe_replay(r->fd, r->rootfd, again, r, e);
}

static int copy_back(struct recipe *r, struct err *e)
{
	if (lseek(r->out_fd, 0, SEEK_SET) < 0 || lseek(r->fd, 0, SEEK_SET) < 0 ||
		ftruncate(r->fd, 0) < 0)
		return err_sys(e, errno, "write the layer's recipe");
	for (;;) {
		ssize_t n = read(r->out_fd, r->out, sizeof(r->out));
		int rc = n < 0 ? -errno : fd_write_all(r->fd, r->out, (size_t)n);

		if (rc < 0)
			return err_sys(e, rc, "write the layer's recipe");
		if (n == 0)
			return 0;
	}
}

int recipe_finish(struct recipe *r, struct err *e)
{
	finish_frame(r);
	if (r->failed) {
		if (e)
			*e = r->error;
		return -1;
	}
	return r->broken ? copy_back(r, e) : 0;
}
