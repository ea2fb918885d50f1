/* tar_write.c: writing tar archives. */
#include "image/transfer/tar_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "image/tar_header.h"

#define ROOM ((size_t)256 << 10)
#define RECORDS_MAX ((size_t)1 << 20) /* what tar_pax.c takes, too */
#define MAP_MAX ((size_t)16 << 20)

struct tar_out {
	int fd;
	uint64_t body; /* bytes of the current one so far */
	size_t used;
	uint8_t room[ROOM];
};

struct tar_out *tar_out_new(int fd)
{
	struct tar_out *o = xcalloc(1, sizeof(*o));

	o->fd = fd;
	return o;
}

void tar_out_free(struct tar_out *o)
{
	free(o);
}

static int flush(struct tar_out *o, struct err *e)
{
	int r = fd_write_all(o->fd, o->room, o->used);

	o->used = 0;
	return r < 0 ? err_sys(e, r, "write the archive") : 0;
}

static int put(struct tar_out *o, const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;

	while (len) {
		size_t n = ROOM - o->used;

		n = n < len ? n : len;
		memcpy(o->room + o->used, p, n);
		o->used += n;
		p += n;
		len -= n;
		if (o->used == ROOM && flush(o, e) < 0)
			return -1;
	}
	return 0;
}

static int pad(struct tar_out *o, uint64_t size, struct err *e)
{
	static const uint8_t zeros[TAR_UNIT];
	size_t rest = (size_t)(size % TAR_UNIT);

	return rest ? put(o, zeros, TAR_UNIT - rest, e) : 0;
}

/* ---- records */

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void add_record(struct buf *b, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3, total = body;
	char digits[24];
	int n;

	do {
		n = snprintf(digits, sizeof(digits), "%zu", total);
		total = body + (size_t)n;
		n = snprintf(digits, sizeof(digits), "%zu", total);
	} while (body + (size_t)n != total);
	buf_printf(b, "%s %s=", digits, key);
	buf_add(b, value, len);
	buf_putc(b, '\n');
}

static void add_text(struct buf *b, const char *key, const char *value)
{
	add_record(b, key, value, strlen(value));
}

static void add_number(struct buf *b, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	add_text(b, key, text);
}

/* Seconds and nanoseconds; both go down together for times before 1970. */
static void add_time(struct buf *b, const char *key, const struct timespec *t)
{
	char text[48];
	long long sec = t->tv_sec;
	long ns = t->tv_nsec;

	if (sec < 0 && ns) {
		sec++;
		ns = 1000000000 - ns;
		snprintf(text, sizeof(text), "-%lld.%09ld", -sec, ns);
	} else if (ns) {
		snprintf(text, sizeof(text), "%lld.%09ld", sec, ns);
	} else {
		snprintf(text, sizeof(text), "%lld", sec);
	}
	add_text(b, key, text);
}

static void add_xattrs(struct buf *b, const struct tar_entry *n)
{
	for (size_t i = 0; i < n->n_xattrs; i++) {
		auto_free char *key = xasprintf("SCHILY.xattr.%s", n->xattrs[i].name);

		add_record(b, key, n->xattrs[i].value, n->xattrs[i].len);
	}
}

/* ---- headers */

/* 0 when it fits, in prefix and name as ustar has them. */
static int put_path(uint8_t *h, const char *path)
{
	size_t len = strlen(path);
	const char *cut;

	if (len <= NAME_SIZE) {
		memcpy(h + AT_NAME, path, len);
		return 0;
	}
	memcpy(h + AT_NAME, path, NAME_SIZE); /* for who cannot read the record */
	if (len > NAME_SIZE + PREFIX_SIZE + 1)
		return -1;
	cut = strchr(path + len - NAME_SIZE - 1, '/');
	if (!cut || !cut[1] || cut == path || cut - path > PREFIX_SIZE)
		return -1;
	memset(h + AT_NAME, 0, NAME_SIZE);
	memcpy(h + AT_NAME, cut + 1, strlen(cut + 1));
	memcpy(h + AT_PREFIX, path, (size_t)(cut - path));
	return 0;
}

static const char types[] = {
	[TAR_FILE] = '0',
	[TAR_HARD_LINK] = '1',
	[TAR_SYMLINK] = '2',
	[TAR_CHAR] = '3',
	[TAR_BLOCK] = '4',
	[TAR_FOLDER] = '5',
	[TAR_FIFO] = '6',
};

static int put_pax(struct tar_out *o, const char *path, const struct buf *records, struct err *e)
{
	const char *slash = strrchr(path, '/');
	uint8_t h[TAR_UNIT];
	char name[NAME_SIZE + 1];

	snprintf(name, sizeof(name), "PaxHeaders.0/%.80s", slash && slash[1] ? slash + 1 : path);
	tar_header_start(h, 'x');
	put_path(h, name);
	tar_header_number(h + AT_MODE, 8, 0644);
	tar_header_number(h + AT_UID, 8, 0);
	tar_header_number(h + AT_GID, 8, 0);
	tar_header_number(h + AT_SIZE, 12, records->len);
	tar_header_number(h + AT_MTIME, 12, 0);
	tar_header_sum(h);
	if (put(o, h, sizeof(h), e) < 0 || put(o, records->data, records->len, e) < 0)
		return -1;
	return pad(o, records->len, e);
}

static void put_owner(uint8_t *h, const struct tar_entry *n, struct buf *records)
{
	if (tar_header_number(h + AT_UID, 8, n->uid) < 0) {
		tar_header_number(h + AT_UID, 8, 0);
		add_number(records, "uid", n->uid);
	}
	if (tar_header_number(h + AT_GID, 8, n->gid) < 0) {
		tar_header_number(h + AT_GID, 8, 0);
		add_number(records, "gid", n->gid);
	}
}

static void put_time(uint8_t *h, const struct tar_entry *n, struct buf *records)
{
	int fits = n->mtime.tv_sec >= 0 &&
		   tar_header_number(h + AT_MTIME, 12, (uint64_t)n->mtime.tv_sec) == 0;

	if (!fits)
		tar_header_number(h + AT_MTIME, 12, 0);
	if (!fits || n->mtime.tv_nsec)
		add_time(records, "mtime", &n->mtime);
}

static void put_size(uint8_t *h, uint64_t size, struct buf *records)
{
	if (tar_header_number(h + AT_SIZE, 12, size) == 0)
		return;
	tar_header_number(h + AT_SIZE, 12, 0);
	add_number(records, "size", size);
}

static void put_link(uint8_t *h, const struct tar_entry *n, struct buf *records)
{
	size_t len = strlen(n->link);

	if (n->type != TAR_HARD_LINK && n->type != TAR_SYMLINK)
		return;
	memcpy(h + AT_LINK, n->link, len < NAME_SIZE ? len : NAME_SIZE);
	if (len > NAME_SIZE)
		add_text(records, "linkpath", n->link);
}

/* GNU.sparse 1.0: the body begins with the map, as decimal lines, padded to a block. */
static void make_map(const struct tar_extent *v, size_t n, uint64_t size, struct buf *map)
{
	/* A hole at the end is said by an empty piece, as GNU tar has it. */
	int tail = !n || v[n - 1].offset + v[n - 1].len != size;

	buf_printf(map, "%zu\n", n + (size_t)tail);
	for (size_t i = 0; i < n; i++)
		buf_printf(map, "%llu\n%llu\n", (unsigned long long)v[i].offset,
			(unsigned long long)v[i].len);
	if (tail)
		buf_printf(map, "%llu\n0\n", (unsigned long long)size);
	while (map->len % TAR_UNIT)
		buf_putc(map, '\0');
}

static void put_sparse(const struct tar_entry *n, const char *path, struct buf *records)
{
	add_text(records, "GNU.sparse.major", "1");
	add_text(records, "GNU.sparse.minor", "0");
	add_text(records, "GNU.sparse.name", path);
	add_number(records, "GNU.sparse.realsize", n->size);
}

int tar_out_entry(struct tar_out *o, const struct tar_entry *n, const struct tar_extent *extents,
	size_t n_extents, struct err *e)
{
	auto_buf struct buf records = BUF_MAX(RECORDS_MAX), map = BUF_MAX(MAP_MAX);
	auto_free char *path = xasprintf("%s%s", n->path, n->type == TAR_FOLDER ? "/" : "");
	uint64_t size = n->type == TAR_FILE ? n->size : 0;
	uint8_t h[TAR_UNIT];

	tar_header_start(h, types[n->type]);
	if (n->sparse) {
		put_sparse(n, path, &records);
		make_map(extents, n_extents, n->size, &map);
		size = map.len;
		for (size_t i = 0; i < n_extents; i++)
			size += extents[i].len;
	}
	if (put_path(h, path) < 0 && !n->sparse)
		add_text(&records, "path", path);
	tar_header_number(h + AT_MODE, 8, n->mode & 07777);
	put_owner(h, n, &records);
	put_size(h, size, &records);
	put_time(h, n, &records);
	put_link(h, n, &records);
	add_xattrs(&records, n);
	if (n->type == TAR_CHAR || n->type == TAR_BLOCK) {
		tar_header_number(h + AT_MAJOR, 8, n->major);
		tar_header_number(h + AT_MINOR, 8, n->minor);
	}
	tar_header_sum(h);
	if (records.over || map.over)
		return err_set(e, ERR_UNSUPPORTED,
			"%.300s has attributes or holes beyond what an archive takes", n->path);
	if (records.len && put_pax(o, path, &records, e) < 0)
		return -1;
	o->body = map.len;
	return put(o, h, sizeof(h), e) < 0 ? -1 : put(o, map.data, map.len, e);
}

int tar_out_data(struct tar_out *o, const void *data, size_t len, struct err *e)
{
	o->body += len;
	return put(o, data, len, e);
}

void *tar_out_room(struct tar_out *o, size_t *out_len, struct err *e)
{
	if (o->used > ROOM - ROOM / 4 && flush(o, e) < 0)
		return NULL;
	*out_len = ROOM - o->used;
	return o->room + o->used;
}

void tar_out_took(struct tar_out *o, size_t len)
{
	o->used += len;
	o->body += len;
}

int tar_out_pad(struct tar_out *o, struct err *e)
{
	uint64_t body = o->body;

	o->body = 0;
	return pad(o, body, e);
}

int tar_out_finish(struct tar_out *o, struct err *e)
{
	static const uint8_t zeros[2 * TAR_UNIT];

	return put(o, zeros, sizeof(zeros), e) < 0 ? -1 : flush(o, e);
}
