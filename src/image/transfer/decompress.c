/* decompress.c: gzip (ISA-L), xz (liblzma), zstd, or plain bytes.
 *
 * How it works: each format has one function that turns some input into some output and says when a
 * member (gzip), a frame (zstd) or the whole file (xz) is over. Several members behind each other
 * are one stream, as all three command-line tools have it. The end of the input inside of a member
 * is a truncated archive; anything else behind the last one is garbage, which the tools ignore and
 * we do not: what is stored must be what was sent.
 *
 * Memory: gzip 32 KiB; xz what the file's dictionary needs, at most that of `xz -9`; zstd likewise,
 * at most the 128 MiB that `zstd -d` takes without being asked. Large ones are lent by window.c,
 * and output is made in small steps then, so that not much of them is mapped at a time. */
#include "image/transfer/decompress.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define ZSTD_STATIC_LINKING_ONLY /* for allocators of our own */
#include <zstd.h>
#include <zstd_errors.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/transfer/window.h"

#define IN_SIZE ((size_t)128 << 10)
#define SNIFF_SIZE 8
#define XZ_MEMORY_MAX ((uint64_t)100 << 20)
#define ZSTD_WINDOW_LOG_MAX 27
/* Bytes that are made at once with a large window. zstd makes a block (128 KiB) in any case. */
#define XZ_WINDOW_STEP 256
#define ZSTD_WINDOW_STEP ((size_t)64 << 10)

struct format {
	const char *name;
	int (*start)(struct decompress *d, struct err *e);
	/* Advance d->in_pos and d->out_pos; set d->between at the end of a member. */
	int (*step)(struct decompress *d, struct err *e);
	void (*stop)(struct decompress *d);
};

struct decompress {
	const struct format *format;
	int fd, in_eof;
	int copy_fd;
	uint64_t left; /* to be read of fd */
	int64_t bytes; /* read, and hashed */
	struct sha256_ctx hash;
	struct windows windows;
	lzma_allocator allocator;
	int between; /* no member has begun, or the last one is complete */
	int began;
	int finished; /* padding or the end was seen: no member may follow */
	uint8_t *in;
	size_t in_pos, in_len;
	uint8_t *out; /* the caller's */
	size_t out_pos, out_len;
	union {
		struct inflate_state *gzip;
		lzma_stream *xz;
		ZSTD_DCtx *zstd;
	} u;
};

static ssize_t take(struct decompress *d, void *out, size_t len)
{
	size_t want = d->left < len ? (size_t)d->left : len;
	ssize_t n = want ? read(d->fd, out, want) : 0;

	if (n > 0)
		d->left -= (uint64_t)n;
	return n;
}

/* Compressed bytes that were just read: no compressor makes the same ones twice, so whoever wants
 * them back needs a copy. */
static int note(struct decompress *d, const void *data, size_t len, struct err *e)
{
	int r = d->copy_fd >= 0 ? fd_write_all(d->copy_fd, data, len) : 0;

	sha256_update(&d->hash, len, data);
	d->bytes += (int64_t)len;
	return r < 0 ? err_sys(e, r, "write the layer as it came") : 0;
}

static int refill(struct decompress *d, struct err *e)
{
	while (d->in_pos == d->in_len && !d->in_eof) {
		ssize_t n = take(d, d->in, IN_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read the archive");
		if (note(d, d->in, (size_t)n, e) < 0)
			return -1;
		d->in_pos = 0;
		d->in_len = (size_t)n;
		d->in_eof = n == 0;
	}
	return 0;
}

static int truncated(const struct decompress *d, struct err *e)
{
	return err_set(e, ERR_INVALID,
		"the archive is truncated: its %s stream ends in the middle; fetch or make it "
		"again",
		d->format->name);
}

static int damaged(const struct decompress *d, const char *why, struct err *e)
{
	return err_set(e, ERR_INVALID, "the archive is damaged: its %s stream is broken (%s)",
		d->format->name, why);
}

static int garbage(const struct decompress *d, struct err *e)
{
	return err_set(e, ERR_INVALID, "the archive has garbage after the end of its %s stream",
		d->format->name);
}

/* ---- gzip */

static int gzip_start(struct decompress *d, struct err *e)
{
	d->u.gzip = xcalloc(1, sizeof(*d->u.gzip));
	isal_inflate_init(d->u.gzip);
	d->u.gzip->crc_flag = ISAL_GZIP;
	d->between = 1;
	return 0;
}

static const char *gzip_error(int rc)
{
	switch (rc) {
	case ISAL_INVALID_WRAPPER:
		return "wrong header";
	case ISAL_UNSUPPORTED_METHOD:
		return "unknown method";
	case ISAL_INCORRECT_CHECKSUM:
		return "wrong checksum";
	default:
		return "invalid data";
	}
}

/* Between members gzip(1) takes zeros for padding (tapes), anything but the magic for garbage. */
static int gzip_next_member(struct decompress *d, struct err *e)
{
	while (d->in_pos < d->in_len && !d->in[d->in_pos]) {
		d->in_pos++;
		d->finished = 1;
	}
	if (d->in_pos == d->in_len)
		return 0;
	if (d->finished || d->in[d->in_pos] != 0x1f)
		return garbage(d, e);
	isal_inflate_reset(d->u.gzip);
	d->u.gzip->crc_flag = ISAL_GZIP;
	d->between = 0;
	d->began++;
	return 0;
}

static int gzip_step(struct decompress *d, struct err *e)
{
	struct inflate_state *z = d->u.gzip;
	int rc;

	if (d->between && gzip_next_member(d, e) < 0)
		return -1;
	if (d->between)
		return 0;
	z->next_in = d->in + d->in_pos;
	z->avail_in = (uint32_t)(d->in_len - d->in_pos);
	z->next_out = d->out + d->out_pos;
	z->avail_out = (uint32_t)(d->out_len - d->out_pos);
	rc = isal_inflate(z);
	d->in_pos = d->in_len - z->avail_in;
	d->out_pos = d->out_len - z->avail_out;
	if (rc == ISAL_INVALID_WRAPPER && d->began > 1)
		return garbage(d, e);
	if (rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT)
		return damaged(d, gzip_error(rc), e);
	d->between = z->block_state == ISAL_BLOCK_FINISH;
	return 0;
}

static void gzip_stop(struct decompress *d)
{
	free(d->u.gzip);
}

/* ---- xz */

/* How much is to be made at once. */
static size_t step_room(const struct decompress *d, size_t step)
{
	size_t room = d->out_len - d->out_pos;

	return d->windows.n_maps && room > step ? step : room;
}

static void *lzma_alloc_cb(void *opaque, size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : windows_alloc(opaque, bytes);
}

static int xz_start(struct decompress *d, struct err *e)
{
	static const lzma_stream empty = LZMA_STREAM_INIT;

	d->u.xz = xcalloc(1, sizeof(*d->u.xz));
	*d->u.xz = empty;
	d->allocator = (lzma_allocator){lzma_alloc_cb, windows_free, &d->windows};
	d->u.xz->allocator = &d->allocator;
	if (lzma_stream_decoder(d->u.xz, XZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
		return err_sys(e, ENOMEM, "read the archive");
	return 0;
}

static int xz_error(const struct decompress *d, lzma_ret rc, struct err *e)
{
	switch (rc) {
	case LZMA_MEMLIMIT_ERROR:
		return err_set(e, ERR_UNSUPPORTED,
			"the archive needs more than %d MiB to be uncompressed: compress it "
			"with xz -9 or less",
			(int)(XZ_MEMORY_MAX >> 20));
	case LZMA_BUF_ERROR:
		return truncated(d, e);
	case LZMA_OPTIONS_ERROR:
		return damaged(d, "unknown options", e);
	case LZMA_MEM_ERROR:
		return err_sys(e, ENOMEM, "read the archive");
	default:
		return damaged(d, "invalid data", e);
	}
}

static int xz_step(struct decompress *d, struct err *e)
{
	lzma_stream *z = d->u.xz;
	lzma_ret rc;

	z->next_in = d->in + d->in_pos;
	z->avail_in = d->in_len - d->in_pos;
	z->next_out = d->out + d->out_pos;
	z->avail_out = step_room(d, XZ_WINDOW_STEP);
	rc = lzma_code(z, d->in_eof ? LZMA_FINISH : LZMA_RUN);
	d->in_pos = d->in_len - z->avail_in;
	d->out_pos = (size_t)(z->next_out - d->out);
	if (rc == LZMA_STREAM_END)
		d->finished = d->between = 1;
	else if (rc != LZMA_OK)
		return xz_error(d, rc, e);
	return 0;
}

static void xz_stop(struct decompress *d)
{
	lzma_end(d->u.xz);
	free(d->u.xz);
}

/* ---- zstd */

static int zstd_start(struct decompress *d, struct err *e)
{
	const ZSTD_customMem memory = {windows_alloc, windows_free, &d->windows};

	d->u.zstd = ZSTD_createDCtx_advanced(memory);
	if (!d->u.zstd || ZSTD_isError(ZSTD_DCtx_setParameter(
				  d->u.zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
		return err_sys(e, ENOMEM, "read the archive");
	d->between = 1;
	return 0;
}

static int zstd_step(struct decompress *d, struct err *e)
{
	ZSTD_inBuffer in = {d->in, d->in_len, d->in_pos};
	ZSTD_outBuffer out = {d->out, d->out_pos + step_room(d, ZSTD_WINDOW_STEP), d->out_pos};
	size_t rc = ZSTD_decompressStream(d->u.zstd, &out, &in);

	if (ZSTD_isError(rc) && d->between && d->began)
		return garbage(d, e);
	if (ZSTD_isError(rc) && ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return err_sys(e, ENOMEM, "read the archive");
	if (ZSTD_isError(rc) && ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
		return err_set(e, ERR_UNSUPPORTED,
			"the archive needs a window of more than %d MiB to be uncompressed: "
			"compress "
			"it with zstd --long=%d or less",
			1 << (ZSTD_WINDOW_LOG_MAX - 20), ZSTD_WINDOW_LOG_MAX);
	if (ZSTD_isError(rc))
		return damaged(d, ZSTD_getErrorName(rc), e);
	d->in_pos = in.pos;
	d->out_pos = out.pos;
	d->between = rc == 0;
	d->began = 1;
	return 0;
}

static void zstd_stop(struct decompress *d)
{
	ZSTD_freeDCtx(d->u.zstd);
}

/* ---- all */

static const struct format gzip = {"gzip", gzip_start, gzip_step, gzip_stop};
static const struct format xz = {"xz", xz_start, xz_step, xz_stop};
static const struct format zstd = {"zstd", zstd_start, zstd_step, zstd_stop};

static const struct {
	const char *magic;
	size_t len;
	const struct format *format;
	const char *unsupported;
} magics[] = {
	{"\x1f\x8b", 2, &gzip, NULL},
	{"\xfd"
	 "7zXZ",
		6, &xz, NULL},
	{"\x28\xb5\x2f\xfd", 4, &zstd, NULL},
	{"LZIP\x01", 5, NULL, "lzip"},
	{"\x04\x22\x4d\x18", 4, NULL, "lz4"},
	{"\x1f\x9d", 2, NULL, "compress"},
	{"PK\x03\x04", 4, NULL, "zip"},
};

/* "BZh" may well begin a plain tar whose first file is named so. */
static int is_bzip2(const uint8_t *p, size_t len)
{
	return len >= 7 && memcmp(p, "BZh", 3) == 0 && memcmp(p + 4, "1AY", 3) == 0;
}

/* A skippable frame (zstd:chunked has them) may come first: 0x184D2A50 to 5F, little-endian. */
static int is_skippable(const uint8_t *p, size_t len)
{
	return len >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18;
}

static int unsupported(const char *name, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED,
		"the archive is compressed with %s: give a tar that is plain or compressed with "
		"gzip, xz or zstd",
		name);
}

/* d->format stays NULL for plain bytes. */
static int sniff(struct decompress *d, struct err *e)
{
	if (is_bzip2(d->in, d->in_len))
		return unsupported("bzip2", e);
	if (is_skippable(d->in, d->in_len))
		d->format = &zstd;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		if (d->in_len < magics[i].len || memcmp(d->in, magics[i].magic, magics[i].len) != 0)
			continue;
		if (!magics[i].format)
			return unsupported(magics[i].unsupported, e);
		d->format = magics[i].format;
	}
	return 0;
}

/* A pipe may give the first bytes one by one. */
static int read_start(struct decompress *d, struct err *e)
{
	while (d->in_len < SNIFF_SIZE && !d->in_eof) {
		ssize_t n = take(d, d->in + d->in_len, IN_SIZE - d->in_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read the archive");
		d->in_len += (size_t)n;
		d->in_eof = n == 0;
	}
	if (!d->in_len)
		return err_set(e, ERR_INVALID, "the archive is empty (0 bytes)");
	return 0;
}

int decompress_open(int fd, struct decompress **out, struct err *e)
{
	const struct decompress_source source = DECOMPRESS_WHOLE(fd);

	return decompress_open_source(&source, out, e);
}

int decompress_open_source(
	const struct decompress_source *source, struct decompress **out, struct err *e)
{
	struct decompress *d = xcalloc(1, sizeof(*d));

	d->fd = source->fd;
	d->copy_fd = source->copy_fd;
	d->left = source->len;
	d->windows.dirfd = source->window_dirfd;
	sha256_init(&d->hash);
	d->in = xmalloc(IN_SIZE);
	if (read_start(d, e) < 0 || sniff(d, e) < 0 ||
		(d->format && note(d, d->in, d->in_len, e) < 0) ||
		(d->format && d->format->start(d, e) < 0)) {
		decompress_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

int decompress_was(const struct decompress *d, char out_hex[65], int64_t *out_bytes)
{
	struct sha256_ctx copy = d->hash;
	uint8_t raw[SHA256_DIGEST_SIZE];

	if (!d->format)
		return 0;
	sha256_digest(&copy, sizeof(raw), raw);
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(out_hex + 2 * i, 3, "%02x", raw[i]);
	*out_bytes = d->bytes;
	return 1;
}

void decompress_close(struct decompress *d)
{
	if (!d)
		return;
	if (d->format && d->u.gzip)
		d->format->stop(d);
	free(d->in);
	free(d);
}

/* Straight into the caller's memory, after what was looked at. */
static int64_t read_plain(struct decompress *d, uint8_t *out, size_t len, struct err *e)
{
	size_t n = d->in_len - d->in_pos;

	n = n < len ? n : len;
	memcpy(out, d->in + d->in_pos, n);
	d->in_pos += n;
	while (n < len && !d->in_eof) {
		ssize_t got = take(d, out + n, len - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, errno, "read the archive");
		n += (size_t)got;
		d->in_eof = got == 0;
	}
	return (int64_t)n;
}

int64_t decompress_read(struct decompress *d, void *out, size_t len, struct err *e)
{
	if (!d->format)
		return read_plain(d, out, len, e);
	d->out = out;
	d->out_pos = 0;
	d->out_len = len;
	while (d->out_pos < d->out_len) {
		size_t in_pos, out_pos = d->out_pos;

		if (refill(d, e) < 0)
			return -1;
		in_pos = d->in_pos;
		if (d->in_eof && d->in_pos == d->in_len && d->between)
			break;
		if (d->format->step(d, e) < 0)
			return -1;
		windows_trim(&d->windows);
		/* No input, no output, no end: nothing more can come of it. */
		if (d->in_eof && d->in_pos == in_pos && d->out_pos == out_pos && !d->between)
			return truncated(d, e);
	}
	return (int64_t)d->out_pos;
}
