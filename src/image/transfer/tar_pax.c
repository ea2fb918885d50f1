/* tar_pax.c: the records of pax extended headers: "LENGTH KEY=VALUE\n" (pax(1), "pax Extended
 * Header"), and what star, GNU tar and libarchive added to them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/transfer/tar_parts.h"

#define XATTR_NAME_SIZE 256
#define XATTRS_MAX 1000
#define XATTR_VALUE_MAX 65536 /* the kernel's XATTR_SIZE_MAX */

void tar_extended_clear(struct tar *t)
{
	t->ext.has = 0;
	t->ext.used = 0;
	t->ext.piece_open = 0;
	t->n_pieces = 0;
	for (size_t i = 0; i < t->entry.n_xattrs; i++) {
		free(t->entry.xattrs[i].name);
		free(t->entry.xattrs[i].value);
	}
	free(t->entry.xattrs);
	t->entry.xattrs = NULL;
	t->entry.n_xattrs = 0;
}

/* Takes value. The same name again (libarchive writes each in two spellings): the last wins. */
static void set_xattr(struct tar *t, const char *name, char *value, size_t len)
{
	struct tar_entry *n = &t->entry;
	size_t i;

	for (i = 0; i < n->n_xattrs; i++)
		if (streq(n->xattrs[i].name, name))
			break;
	if (i == n->n_xattrs) {
		n->xattrs = xreallocarray(n->xattrs, i + 1, sizeof(*n->xattrs));
		n->xattrs[i] = (struct tar_xattr){.name = xstrdup(name)};
		n->n_xattrs++;
	}
	free(n->xattrs[i].value);
	n->xattrs[i].value = value;
	n->xattrs[i].len = len;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* libarchive writes names as in a URL. */
static void url_decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		int hi = *s == '%' ? hex_digit(s[1]) : -1;
		int lo = hi < 0 ? -1 : hex_digit(s[2]);

		if (lo >= 0 && (hi || lo)) {
			*out++ = (char)(hi << 4 | lo);
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* In place, which base64 allows: what is written is never ahead of what is read. */
static int base64_decode(char *s, size_t len, size_t *out_len)
{
	unsigned bits = 0, n = 0;
	size_t out = 0;

	while (len && s[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int d = base64_digit(s[i]);

		if (d < 0)
			return -1;
		bits = bits << 6 | (unsigned)d;
		n += 6;
		if (n >= 8) {
			n -= 8;
			s[out++] = (char)(bits >> n);
		}
	}
	*out_len = out;
	return 0;
}

struct record {
	const char *key;
	const char *value; /* closed by a NUL */
	size_t len;
};

static int read_xattr(
	struct tar *t, const char *key, const struct record *r, int encoded, struct err *e)
{
	char name[XATTR_NAME_SIZE];
	auto_free char *value = NULL;
	size_t len = r->len;

	if (!*key || strlen(key) >= sizeof(name) || t->entry.n_xattrs == XATTRS_MAX ||
		len > XATTR_VALUE_MAX * (encoded ? 2 : 1))
		return tar_damaged(t, "an extended attribute that no file system can have", e);
	str_copy(name, sizeof(name), key);
	value = xmalloc(len + 1);
	memcpy(value, r->value, len);
	if (encoded) {
		url_decode(name);
		if (base64_decode(value, len, &len) < 0)
			return tar_damaged(t, "a bad extended attribute", e);
	}
	set_xattr(t, name, take_ptr(value), len);
	return 0;
}

static int read_path(
	struct tar *t, const struct record *r, char out[PATH_MAX], unsigned bit, struct err *e)
{
	if (r->len >= PATH_MAX)
		return tar_damaged(t, "a name longer than 4095 bytes", e);
	if (memchr(r->value, '\0', r->len))
		return tar_damaged(t, "a name with a NUL in it", e);
	memcpy(out, r->value, r->len + 1);
	t->ext.has |= bit;
	return 0;
}

static int read_u64(struct tar *t, const struct record *r, uint64_t max, uint64_t *out,
	unsigned bit, struct err *e)
{
	if (tar_decimal(r->value, max, out) < 0)
		return tar_damaged(t, "a bad number in an extended header", e);
	t->ext.has |= bit;
	return 0;
}

static int read_id(
	struct tar *t, const struct record *r, uint32_t *out, unsigned bit, struct err *e)
{
	uint64_t v;

	/* 4294967295 is (uid_t)-1: "leave it" to chown(2). */
	if (read_u64(t, r, UINT32_MAX - 1, &v, bit, e) < 0)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

static int read_time(
	struct tar *t, const struct record *r, struct timespec *out, unsigned bit, struct err *e)
{
	if (tar_time(r->value, out) < 0)
		return tar_damaged(t, "a bad time in an extended header", e);
	t->ext.has |= bit;
	return 0;
}

static int read_sparse(struct tar *t, const char *key, const struct record *r, struct err *e)
{
	struct tar_extended *x = &t->ext;
	uint64_t v;

	if (streq(key, "name"))
		return read_path(t, r, x->sparse_name, TAR_HAS_SPARSE_NAME, e);
	if (streq(key, "size") || streq(key, "realsize"))
		return read_u64(t, r, INT64_MAX, &x->realsize, TAR_HAS_REALSIZE, e);
	if (streq(key, "map"))
		return tar_sparse_list(t, r->value, e);
	if (streq(key, "major")) {
		if (read_u64(t, r, 1, &v, 0, e) < 0)
			return -1;
		x->has |= v ? TAR_HAS_SPARSE_1 : 0;
	} else if (streq(key, "offset")) {
		if (read_u64(t, r, INT64_MAX, &x->piece_offset, 0, e) < 0)
			return -1;
		x->piece_open = 1;
	} else if (streq(key, "numbytes")) {
		if (!x->piece_open || read_u64(t, r, INT64_MAX, &v, 0, e) < 0)
			return tar_damaged(t, "a bad sparse map", e);
		x->piece_open = 0;
		return tar_piece_add(t, x->piece_offset, v, e);
	}
	return 0; /* minor, numblocks */
}

static unsigned key_bit(const char *key)
{
	static const struct {
		const char *key;
		unsigned bit;
	} keys[] = {
		{"path", TAR_HAS_PATH},
		{"linkpath", TAR_HAS_LINK},
		{"size", TAR_HAS_SIZE},
		{"uid", TAR_HAS_UID},
		{"gid", TAR_HAS_GID},
		{"mtime", TAR_HAS_MTIME},
		{"atime", TAR_HAS_ATIME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (streq(key, keys[i].key))
			return keys[i].bit;
	return 0;
}

static int read_record(struct tar *t, const struct record *r, struct err *e)
{
	struct tar_extended *x = &t->ext;
	unsigned bit = key_bit(r->key);
	const char *rest;

	if (bit && !r->len) { /* an empty value takes back what was said before */
		x->has &= ~bit;
		return 0;
	}
	switch (bit) {
	case TAR_HAS_PATH:
		return read_path(t, r, x->path, bit, e);
	case TAR_HAS_LINK:
		return read_path(t, r, x->link, bit, e);
	case TAR_HAS_SIZE:
		return read_u64(t, r, INT64_MAX, &x->size, bit, e);
	case TAR_HAS_UID:
		return read_id(t, r, &x->uid, bit, e);
	case TAR_HAS_GID:
		return read_id(t, r, &x->gid, bit, e);
	case TAR_HAS_MTIME:
		return read_time(t, r, &x->mtime, bit, e);
	case TAR_HAS_ATIME:
		return read_time(t, r, &x->atime, bit, e);
	default:
		break;
	}
	if ((rest = str_after(r->key, "GNU.sparse.")))
		return read_sparse(t, rest, r, e);
	if ((rest = str_after(r->key, "SCHILY.xattr.")))
		return read_xattr(t, rest, r, 0, e);
	if ((rest = str_after(r->key, "LIBARCHIVE.xattr.")))
		return read_xattr(t, rest, r, 1, e);
	return 0;
}

/* One record at p; its length, or 0 when it is none. Its '=' and '\n' become NULs. */
static size_t cut_record(char *p, size_t room, struct record *r)
{
	size_t len = 0, digits = 0;
	char *eq;

	while (digits < room && digits < 8 && p[digits] >= '0' && p[digits] <= '9')
		len = len * 10 + (size_t)(p[digits++] - '0');
	if (!digits || digits == room || p[digits] != ' ' || len > room || len < digits + 4 ||
		p[len - 1] != '\n')
		return 0;
	r->key = p + digits + 1;
	eq = memchr(r->key, '=', len - digits - 2);
	if (!eq || eq == r->key)
		return 0;
	*eq = '\0';
	p[len - 1] = '\0';
	r->value = eq + 1;
	r->len = (size_t)(p + len - 1 - r->value);
	return len;
}

int tar_pax(struct tar *t, const struct buf *b, struct err *e)
{
	for (size_t pos = 0; pos < b->len;) {
		struct record r;
		size_t len = cut_record(b->data + pos, b->len - pos, &r);

		if (!len)
			return tar_damaged(t, "a bad extended header", e);
		if (read_record(t, &r, e) < 0)
			return -1;
		pos += len;
	}
	return 0;
}
