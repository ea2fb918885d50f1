/* tar_sparse.c: the maps of sparse files: GNU's own format, and its three ways to say it in pax
 * headers (info tar, "Sparse Formats"). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/transfer/tar_parts.h"

int tar_piece_add(struct tar *t, uint64_t offset, uint64_t len, struct err *e)
{
	if (t->n_pieces == TAR_PIECES_MAX)
		return tar_damaged(t, "a sparse file in more pieces than any writer makes", e);
	if (t->n_pieces == t->room_pieces) {
		t->room_pieces = t->room_pieces ? t->room_pieces * 2 : 16;
		t->pieces = xreallocarray(t->pieces, t->room_pieces, sizeof(*t->pieces));
	}
	t->pieces[t->n_pieces++] = (struct tar_piece){offset, len};
	return 0;
}

int tar_sparse_list(struct tar *t, const char *text, struct err *e)
{
	uint64_t v[2];

	for (size_t n = 0; *text; n++) {
		char number[24];
		size_t len = strcspn(text, ",");

		if (len >= sizeof(number))
			return tar_damaged(t, "a bad sparse map", e);
		memcpy(number, text, len);
		number[len] = '\0';
		if (tar_decimal(number, INT64_MAX, &v[n % 2]) < 0)
			return tar_damaged(t, "a bad sparse map", e);
		if (n % 2 && tar_piece_add(t, v[0], v[1], e) < 0)
			return -1;
		text += len + (text[len] == ',');
	}
	return 0;
}

/* n pairs of 12-byte numbers; an empty one ends the list. */
static int add_pairs(struct tar *t, const uint8_t *p, size_t n, struct err *e)
{
	for (; n && p[0]; n--, p += 24) {
		int64_t offset, len;

		if (tar_number(p, 12, &offset) < 0 || tar_number(p + 12, 12, &len) < 0 ||
			offset < 0 || len < 0)
			return tar_damaged(t, "a bad sparse map", e);
		if (tar_piece_add(t, (uint64_t)offset, (uint64_t)len, e) < 0)
			return -1;
	}
	return 0;
}

int tar_sparse_gnu(struct tar *t, const uint8_t *header, struct err *e)
{
	int64_t real;
	int more = header[482];

	if (tar_number(header + 483, 12, &real) < 0 || real < 0)
		return tar_damaged(t, "a bad size", e);
	if (add_pairs(t, header + 386, 4, e) < 0)
		return -1;
	while (more) {
		const uint8_t *b;
		int r = tar_block(t, &b, e);

		if (r <= 0)
			return r < 0 ? -1 : tar_damaged(t, "an end within a sparse map", e);
		more = b[504];
		if (add_pairs(t, b, 21, e) < 0)
			return -1;
	}
	t->entry.sparse = 1;
	t->entry.size = (uint64_t)real;
	return 0;
}

/* Decimal lines, in whole blocks: the count of pieces, then offset and length of each. */
struct lines {
	const uint8_t *block;
	size_t pos;
};

static int line(struct tar *t, struct lines *l, uint64_t *out, struct err *e)
{
	char number[24];
	size_t n = 0;

	for (;;) {
		if (l->pos == STREAM_BLOCK) {
			if (t->left < STREAM_BLOCK)
				return tar_damaged(t, "an end within a sparse map", e);
			int r = tar_block(t, &l->block, e);
			if (r <= 0)
				return r < 0 ? -1 : tar_damaged(t, "an end within a sparse map", e);
			t->left -= STREAM_BLOCK;
			l->pos = 0;
		}
		char c = (char)l->block[l->pos++];
		if (c == '\n')
			break;
		if (n + 1 >= sizeof(number))
			return tar_damaged(t, "a bad sparse map", e);
		number[n++] = c;
	}
	number[n] = '\0';
	return tar_decimal(number, INT64_MAX, out) < 0 ? tar_damaged(t, "a bad sparse map", e) : 0;
}

int tar_sparse_body(struct tar *t, struct err *e)
{
	struct lines l = {.pos = STREAM_BLOCK};
	uint64_t n, offset, len;

	if (line(t, &l, &n, e) < 0)
		return -1;
	for (; n; n--) {
		if (line(t, &l, &offset, e) < 0 || line(t, &l, &len, e) < 0 ||
			tar_piece_add(t, offset, len, e) < 0)
			return -1;
	}
	return 0;
}

int tar_sparse_check(struct tar *t, struct err *e)
{
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < t->n_pieces; i++) {
		const struct tar_piece *p = &t->pieces[i];

		if (p->offset < end || p->len > (uint64_t)INT64_MAX - p->offset)
			return tar_damaged(t, "a sparse map out of order", e);
		end = p->offset + p->len;
		sum += p->len;
	}
	if (end > t->entry.size || sum != t->left)
		return tar_damaged(t, "a sparse map that does not fit its file", e);
	return 0;
}
