/* tar.c: from blocks to entries.
 *
 * How it works: an entry is a 512-byte header and its body, rounded up to whole blocks. Entries of
 * type x (pax) and L, K (GNU) only say something about the one that follows; it is collected in
 * t->ext and laid over the header's own fields. Two blocks of zeros end the archive; what pads it
 * behind them is read (its bytes count for the digest) and must be zero too. A stream that just
 * stops between two entries was cut off: every writer closes its archive. */
#include "image/transfer/tar.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/tar_header.h"
#include "image/transfer/tar_parts.h"

struct tar *tar_new(struct stream *s)
{
	struct tar *t = xcalloc(1, sizeof(*t));

	t->stream = s;
	return t;
}

void tar_free(struct tar *t)
{
	if (!t)
		return;
	tar_extended_clear(t);
	free(t->pieces);
	free(t);
}

int tar_damaged(const struct tar *t, const char *what, struct err *e)
{
	return err_set(e, ERR_INVALID, "the archive is damaged: %s at byte %llu", what,
		(unsigned long long)t->header_at);
}

static int truncated(const struct tar *t, struct err *e)
{
	return err_set(e, ERR_INVALID,
		"the archive is truncated: it ends after %llu bytes without its end mark; fetch "
		"or make it again",
		(unsigned long long)stream_offset(t->stream));
}

static int no_tar(struct err *e)
{
	return err_set(e, ERR_INVALID,
		"this is no tar archive (plain, or compressed with gzip, xz or zstd)");
}

int tar_block(struct tar *t, const uint8_t **out, struct err *e)
{
	int64_t n = stream_peek(t->stream, STREAM_BLOCK, out, e);

	if (n <= 0)
		return (int)n;
	if (n < STREAM_BLOCK) {
		int text = stream_offset(t->stream) == 0 && **out;

		stream_advance(t->stream, (uint64_t)n);
		return text ? no_tar(e) : truncated(t, e);
	}
	stream_advance(t->stream, STREAM_BLOCK);
	return 1;
}

static int skip(struct tar *t, uint64_t n, struct err *e)
{
	while (n) {
		const uint8_t *p;
		uint64_t jumped = stream_skip(t->stream, n);
		int64_t got;

		n -= jumped;
		if (jumped)
			continue;
		got = stream_peek(t->stream, n, &p, e);
		if (got <= 0)
			return got < 0 ? -1 : truncated(t, e);
		stream_advance(t->stream, (uint64_t)got);
		n -= (uint64_t)got;
	}
	return 0;
}

static int skip_body(struct tar *t, struct err *e)
{
	if (skip(t, t->left, e) < 0 || skip(t, t->padding, e) < 0)
		return -1;
	t->left = t->padding = 0;
	return 0;
}

int tar_body(struct tar *t, struct buf *b, struct err *e)
{
	while (t->left) {
		const uint8_t *p;
		int64_t got = stream_peek(t->stream, t->left, &p, e);

		if (got <= 0)
			return got < 0 ? -1 : truncated(t, e);
		buf_add(b, p, (size_t)got);
		stream_advance(t->stream, (uint64_t)got);
		t->left -= (uint64_t)got;
	}
	return skip_body(t, e);
}

/* ---- headers */

static int is_zero(const uint8_t *p, size_t len)
{
	return !len || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* Some old writers summed up signed characters. */
static int sum_ok(const uint8_t *h)
{
	int64_t want, plain = 0, with_sign = 0;

	if (tar_number(h + AT_SUM, 8, &want) < 0)
		return 0;
	for (int i = 0; i < STREAM_BLOCK; i++) {
		uint8_t c = i >= AT_SUM && i < AT_SUM + 8 ? ' ' : h[i];
		plain += c;
		with_sign += (int8_t)c;
	}
	return want == plain || want == with_sign;
}

static int bad_sum(const struct tar *t, struct err *e)
{
	return t->header_at == 0 ? no_tar(e) : tar_damaged(t, "a header with a wrong checksum", e);
}

/* All that follows the end mark. */
static int read_to_end(struct tar *t, struct err *e)
{
	for (;;) {
		const uint8_t *p;
		int64_t n = stream_peek(t->stream, UINT64_MAX, &p, e);

		if (n <= 0)
			return (int)n;
		if (!is_zero(p, (size_t)n))
			return err_set(e, ERR_INVALID,
				"the archive has garbage after its end, behind byte %llu",
				(unsigned long long)stream_offset(t->stream));
		stream_advance(t->stream, (uint64_t)n);
	}
}

static uint64_t padding_of(uint64_t size)
{
	return (STREAM_BLOCK - size % STREAM_BLOCK) % STREAM_BLOCK;
}

/* A field of up to n bytes that need not be closed by a NUL. */
static size_t copy_field(char *out, const uint8_t *field, size_t n)
{
	size_t len = strnlen((const char *)field, n);

	memcpy(out, field, len);
	out[len] = '\0';
	return len;
}

static void header_path(const uint8_t *h, char out[PATH_MAX])
{
	int posix = memcmp(h + AT_MAGIC, "ustar", 6) == 0;
	int star = posix && memcmp(h + AT_STAR, "tar", 4) == 0;
	size_t len = 0;

	if (posix && h[AT_PREFIX]) {
		len = copy_field(out, h + AT_PREFIX, star ? STAR_PREFIX_SIZE : PREFIX_SIZE);
		out[len++] = '/';
	}
	copy_field(out + len, h + AT_NAME, NAME_SIZE);
}

/* L and K: the whole body is the name. */
static int long_name(struct tar *t, char out[PATH_MAX], unsigned bit, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(PATH_MAX * 2);

	if (tar_body(t, &b, e) < 0)
		return -1;
	if (b.over || strnlen(b.data ? b.data : "", b.len) >= PATH_MAX)
		return tar_damaged(t, "a name longer than 4095 bytes", e);
	copy_field(out, (const uint8_t *)(b.data ? b.data : ""), b.len);
	t->ext.has |= bit;
	return 0;
}

static int extended(struct tar *t, char type, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(TAR_EXTENDED_MAX);

	if (type == 'g') /* for all that follows: nobody says anything of weight there */
		return skip_body(t, e);
	t->ext.used += t->left < TAR_EXTENDED_MAX ? t->left : TAR_EXTENDED_MAX + 1;
	if (t->ext.used > TAR_EXTENDED_MAX)
		return tar_damaged(t, "more than 1 MiB of extended headers", e);
	if (type == 'L')
		return long_name(t, t->ext.path, TAR_HAS_PATH, e);
	if (type == 'K')
		return long_name(t, t->ext.link, TAR_HAS_LINK, e);
	return tar_body(t, &b, e) < 0 ? -1 : tar_pax(t, &b, e);
}

static int entry_type(struct tar *t, char c, struct err *e)
{
	switch (c) {
	case '0':
	case '\0':
	case '7':
	case 'S':
		return TAR_FILE;
	case '1':
		return TAR_HARD_LINK;
	case '2':
		return TAR_SYMLINK;
	case '3':
		return TAR_CHAR;
	case '4':
		return TAR_BLOCK;
	case '5':
	case 'D':
		return TAR_FOLDER;
	case '6':
		return TAR_FIFO;
	case 'V':
		return TAR_OTHER;
	case 'M':
		return err_set(e, ERR_UNSUPPORTED,
			"the archive is one part of several (multi-volume): join them first");
	default:
		return err_set(e, ERR_UNSUPPORTED,
			"the archive has an entry of unknown type 0x%02x at byte %llu", (uint8_t)c,
			(unsigned long long)t->header_at);
	}
}

static int field_id(struct tar *t, const uint8_t *field, uint32_t *out, struct err *e)
{
	int64_t v;

	if (tar_number(field, 8, &v) < 0 || v < 0 || v >= UINT32_MAX)
		return tar_damaged(t, "an owner that no file can have", e);
	*out = (uint32_t)v;
	return 0;
}

static int field_u32(
	struct tar *t, const uint8_t *field, const char *what, uint32_t *out, struct err *e)
{
	int64_t v;

	if (tar_number(field, 8, &v) < 0 || v < 0 || v > UINT32_MAX)
		return tar_damaged(t, what, e);
	*out = (uint32_t)v;
	return 0;
}

static int set_owner(struct tar *t, const uint8_t *h, struct err *e)
{
	struct tar_entry *n = &t->entry;

	if (t->ext.has & TAR_HAS_UID)
		n->uid = t->ext.uid;
	else if (field_id(t, h + AT_UID, &n->uid, e) < 0)
		return -1;
	if (t->ext.has & TAR_HAS_GID)
		n->gid = t->ext.gid;
	else if (field_id(t, h + AT_GID, &n->gid, e) < 0)
		return -1;
	return 0;
}

static int set_times(struct tar *t, const uint8_t *h, struct err *e)
{
	struct tar_entry *n = &t->entry;
	int64_t sec;

	if (t->ext.has & TAR_HAS_MTIME) {
		n->mtime = t->ext.mtime;
	} else {
		if (tar_number(h + AT_MTIME, 12, &sec) < 0)
			return tar_damaged(t, "a bad time", e);
		n->mtime = (struct timespec){.tv_sec = sec};
	}
	n->atime = t->ext.has & TAR_HAS_ATIME ? t->ext.atime : n->mtime;
	return 0;
}

static int set_names(struct tar *t, const uint8_t *h, struct err *e)
{
	struct tar_entry *n = &t->entry;

	if (t->ext.has & TAR_HAS_SPARSE_NAME)
		str_copy(n->path, sizeof(n->path), t->ext.sparse_name);
	else if (t->ext.has & TAR_HAS_PATH)
		str_copy(n->path, sizeof(n->path), t->ext.path);
	else
		header_path(h, n->path);
	if (t->ext.has & TAR_HAS_LINK)
		str_copy(n->link, sizeof(n->link), t->ext.link);
	else
		copy_field(n->link, h + AT_LINK, NAME_SIZE);
	if (!*n->path)
		return tar_damaged(t, "an entry without a name", e);
	if ((n->type == TAR_HARD_LINK || n->type == TAR_SYMLINK) && !*n->link)
		return tar_damaged(t, "a link to nowhere", e);
	return 0;
}

static int set_content(struct tar *t, const uint8_t *h, struct err *e)
{
	struct tar_entry *n = &t->entry;
	size_t len = strlen(n->path);

	n->sparse = 0;
	n->size = t->left;
	if (n->type != TAR_FILE)
		return 0;
	/* How folders were written before there was a type for them. */
	if (n->path[len - 1] == '/' && !t->left)
		n->type = TAR_FOLDER;
	if (h[AT_TYPE] == 'S' && tar_sparse_gnu(t, h, e) < 0)
		return -1;
	if (t->ext.has & TAR_HAS_SPARSE_1 && tar_sparse_body(t, e) < 0)
		return -1;
	if (t->ext.has & TAR_HAS_REALSIZE) {
		n->sparse = 1;
		n->size = t->ext.realsize;
	}
	if (n->sparse)
		return tar_sparse_check(t, e);
	return t->n_pieces ? tar_damaged(t, "a sparse file without a size", e) : 0;
}

/* The header h is that of a real entry. */
static int take_entry(struct tar *t, const uint8_t *h, struct err *e)
{
	uint8_t copy[STREAM_BLOCK]; /* more blocks may be read */
	struct tar_entry *n = &t->entry;
	int type = entry_type(t, (char)h[AT_TYPE], e);

	memcpy(copy, h, sizeof(copy));
	h = copy;
	if (type < 0)
		return -1;
	n->type = (enum tar_type)type;
	if (t->ext.has & TAR_HAS_SIZE)
		t->left = t->ext.size;
	/* Links, folders, devices have no body, whatever their size field says. */
	if (type != TAR_FILE && type != TAR_OTHER && h[AT_TYPE] != 'D')
		t->left = 0;
	t->padding = padding_of(t->left);
	t->piece = 0;
	t->piece_pos = t->file_pos = 0;
	if (field_u32(t, h + AT_MODE, "a bad mode", &n->mode, e) < 0 || set_owner(t, h, e) < 0 ||
		set_times(t, h, e) < 0 || set_names(t, h, e) < 0)
		return -1;
	n->mode &= 07777;
	if ((type == TAR_CHAR || type == TAR_BLOCK) &&
		(field_u32(t, h + AT_MAJOR, "a bad device number", &n->major, e) < 0 ||
			field_u32(t, h + AT_MINOR, "a bad device number", &n->minor, e) < 0))
		return -1;
	t->entries++;
	return set_content(t, h, e);
}

/* 1: an entry, 2: an extended header was taken, 0: the end mark */
static int next_header(struct tar *t, struct err *e)
{
	const uint8_t *h;
	int64_t size;
	int r;

	t->header_at = stream_offset(t->stream);
	r = tar_block(t, &h, e);
	if (r <= 0)
		return r < 0 ? -1 : truncated(t, e);
	if (is_zero(h, STREAM_BLOCK))
		return 0;
	if (!sum_ok(h))
		return bad_sum(t, e);
	if (tar_number(h + AT_SIZE, 12, &size) < 0 || size < 0)
		return tar_damaged(t, "a bad size", e);
	t->left = (uint64_t)size;
	t->padding = padding_of(t->left);
	if (h[AT_TYPE] && strchr("xXgLK", h[AT_TYPE]))
		return extended(t, (char)h[AT_TYPE], e) < 0 ? -1 : 2;
	return take_entry(t, h, e) < 0 ? -1 : 1;
}

int tar_next(struct tar *t, const struct tar_entry **out, struct err *e)
{
	int r;

	if (t->ended)
		return 0;
	if (skip_body(t, e) < 0)
		return -1;
	tar_extended_clear(t);
	do
		r = next_header(t, e);
	while (r == 2);
	if (r == 1) {
		*out = &t->entry;
		return 1;
	}
	if (r < 0)
		return -1;
	t->ended = 1;
	return read_to_end(t, e);
}

int64_t tar_data(struct tar *t, const uint8_t **out, uint64_t *out_offset, struct err *e)
{
	uint64_t want = t->left;
	int64_t n;

	if (t->entry.sparse) {
		while (t->piece < t->n_pieces && t->piece_pos == t->pieces[t->piece].len) {
			t->piece++;
			t->piece_pos = 0;
		}
		if (t->piece == t->n_pieces)
			return 0;
		want = t->pieces[t->piece].len - t->piece_pos;
		t->file_pos = t->pieces[t->piece].offset + t->piece_pos;
	}
	if (!want)
		return 0;
	n = stream_peek(t->stream, want, out, e);
	if (n <= 0)
		return n < 0 ? -1 : truncated(t, e);
	stream_advance(t->stream, (uint64_t)n);
	*out_offset = t->file_pos;
	t->file_pos += (uint64_t)n;
	t->piece_pos += (uint64_t)n;
	t->left -= (uint64_t)n;
	return n;
}
