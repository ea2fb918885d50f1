/* test_image_tar.c: tar archives as entries: what writers make, and what nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "image/transfer/tar.h"
#include "image_tar.h"

#define TEXT_MAX ((size_t)4 << 20)

struct reading {
	int fd;
	struct stream *stream;
	struct tar *tar;
	const struct tar_entry *n;
	struct err e;
};

static void start(struct reading *r, const struct buf *b)
{
	*r = (struct reading){.fd = bytes_fd(b->data, b->len)};
	assert_true(r->fd >= 0);
	if (stream_open(r->fd, 1, NULL, &r->stream, &r->e) == 0)
		r->tar = tar_new(r->stream);
}

static void stop(struct reading *r)
{
	tar_free(r->tar);
	stream_close(r->stream);
	close(r->fd);
}

static void next(struct reading *r)
{
	if (tar_next(r->tar, &r->n, &r->e) != 1)
		fail_msg("no entry: %s", r->e.text);
}

static void at_end(struct reading *r)
{
	int rc = tar_next(r->tar, &r->n, &r->e);

	if (rc != 0)
		fail_msg("not the end: %s", rc < 0 ? r->e.text : r->n->path);
}

/* The whole archive must be refused somewhere, with this text. */
static void refused(const struct buf *b, const char *text)
{
	struct reading r;
	int rc = -1;

	start(&r, b);
	while (r.tar && (rc = tar_next(r.tar, &r.n, &r.e)) == 1) {
		const uint8_t *p;
		uint64_t offset;

		while ((rc = (int)tar_data(r.tar, &p, &offset, &r.e)) > 0)
			;
		if (rc < 0)
			break;
	}
	assert_int_equal(rc, -1);
	if (!strstr(r.e.text, text))
		fail_msg("\"%s\", not \"%s\"", r.e.text, text);
	stop(&r);
}

static void read_content(struct reading *r, struct buf *out)
{
	const uint8_t *p;
	uint64_t offset;
	int64_t n;

	buf_clear(out);
	while ((n = tar_data(r->tar, &p, &offset, &r->e)) > 0) {
		while (out->len < offset)
			buf_putc(out, '.');
		buf_add(out, p, (size_t)n);
	}
	assert_int_equal(n, 0);
	while (out->len < r->n->size)
		buf_putc(out, '.');
}

static void test_plain(void **state)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX), c = BUF_MAX(TEXT_MAX);
	struct reading r;

	put_member(&b, &(struct member){.name = "./", .type = '5', .mode = 0755});
	put_member(&b, &(struct member){
			       .name = "a", .content = "hello", .uid = 7, .gid = 8, .mode = 04755});
	put_member(&b, &(struct member){.name = "skipped", .content = "not read"});
	put_member(&b, &(struct member){.name = "l", .type = '2', .link = "a"});
	put_member(&b, &(struct member){.name = "h", .type = '1', .link = "a"});
	put_member(&b, &(struct member){.name = "n", .type = '3', .major = 1, .minor = 3});
	put_member(&b, &(struct member){.name = "old/"});
	put_end(&b);
	start(&r, &b);
	next(&r);
	assert_int_equal(r.n->type, TAR_FOLDER);
	next(&r);
	assert_string_equal(r.n->path, "a");
	assert_int_equal(r.n->mode, 04755);
	assert_int_equal(r.n->uid, 7);
	assert_int_equal(r.n->gid, 8);
	assert_int_equal(r.n->mtime.tv_sec, 1000000000);
	read_content(&r, &c);
	assert_string_equal(c.data, "hello");
	next(&r);
	next(&r);
	assert_int_equal(r.n->type, TAR_SYMLINK);
	assert_string_equal(r.n->link, "a");
	next(&r);
	assert_int_equal(r.n->type, TAR_HARD_LINK);
	next(&r);
	assert_int_equal(r.n->type, TAR_CHAR);
	assert_int_equal(r.n->major, 1);
	assert_int_equal(r.n->minor, 3);
	next(&r);
	assert_int_equal(r.n->type, TAR_FOLDER);
	at_end(&r);
	at_end(&r);
	stop(&r);
}

/* Names are bytes: decomposed letters stay decomposed, what is no UTF-8 stays as it is. */
static void test_names(void **state)
{
	static const char nfd[] = "Fo\xcc\x8b.pem", raw[] = "lat\xe9in";
	auto_buf struct buf b = BUF_MAX(TEXT_MAX), pax = BUF_MAX(TEXT_MAX);
	char longest[PATH_MAX] = {0};
	struct reading r;

	memset(longest, 'x', sizeof(longest) - 1);
	put_record(&pax, "path", nfd, strlen(nfd));
	put_record(&pax, "linkpath", raw, strlen(raw));
	put_member(&b, &(struct member){.name = "short", .type = '2', .pax = pax.data});
	put_member(&b, &(struct member){.name = raw});
	put_header(&b, &(struct member){.name = "././@LongLink", .type = 'L'}, sizeof(longest));
	put_block(&b, longest, sizeof(longest));
	put_member(&b, &(struct member){.name = "cut"});
	put_header(&b, &(struct member){.name = "name"}, 0);
	memcpy(b.data + b.len - 512 + 345, "some/prefix", 11);
	put_sum(b.data + b.len - 512);
	put_end(&b);
	start(&r, &b);
	next(&r);
	assert_string_equal(r.n->path, nfd);
	assert_string_equal(r.n->link, raw);
	next(&r);
	assert_string_equal(r.n->path, raw);
	next(&r);
	assert_string_equal(r.n->path, longest);
	next(&r);
	assert_string_equal(r.n->path, "some/prefix/name");
	at_end(&r);
	stop(&r);
}

static void test_pax(void **state)
{
	static const char value[] = {0, 1, '\n', '='};
	auto_buf struct buf b = BUF_MAX(TEXT_MAX), pax = BUF_MAX(TEXT_MAX);
	struct reading r;

	put_record(&pax, "mtime", "1700000000.123456789999", 23);
	put_record(&pax, "atime", "-1.25", 5);
	put_record(&pax, "uid", "4294967294", 10);
	put_record(&pax, "gid", "70000", 5);
	put_record(&pax, "SCHILY.xattr.security.capability", value, sizeof(value));
	put_record(&pax, "SCHILY.xattr.user.twice", "a", 1);
	put_record(&pax, "LIBARCHIVE.xattr.user.twice", "Yg", 2);
	put_record(&pax, "LIBARCHIVE.xattr.user.b%3Dc", "aGVsbG8=", 8);
	put_record(&pax, "comment", "", 0);
	put_record(&pax, "linkpath", "nothing", 7);
	put_record(&pax, "linkpath", "", 0);
	put_member(&b, &(struct member){.name = "a",
			       .type = '2',
			       .link = "to",
			       .pax = pax.data,
			       .pax_len = pax.len});
	put_member(&b, &(struct member){.name = "next"});
	put_end(&b);
	start(&r, &b);
	next(&r);
	assert_int_equal(r.n->mtime.tv_sec, 1700000000);
	assert_int_equal(r.n->mtime.tv_nsec, 123456789);
	assert_int_equal(r.n->atime.tv_sec, -2);
	assert_int_equal(r.n->atime.tv_nsec, 750000000);
	assert_int_equal(r.n->uid, 4294967294u);
	assert_int_equal(r.n->gid, 70000);
	assert_string_equal(r.n->link, "to");
	assert_int_equal(r.n->n_xattrs, 3);
	assert_string_equal(r.n->xattrs[0].name, "security.capability");
	assert_int_equal(r.n->xattrs[0].len, sizeof(value));
	assert_memory_equal(r.n->xattrs[0].value, value, sizeof(value));
	assert_string_equal(r.n->xattrs[1].name, "user.twice");
	assert_memory_equal(r.n->xattrs[1].value, "b", 1);
	assert_string_equal(r.n->xattrs[2].name, "user.b=c");
	assert_memory_equal(r.n->xattrs[2].value, "hello", 5);
	next(&r);
	assert_int_equal(r.n->n_xattrs, 0);
	assert_int_equal(r.n->uid, 0);
	stop(&r);
}

static void sparse(const char *records, size_t len, const char *content, const char *want)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX), c = BUF_MAX(TEXT_MAX);
	struct reading r;

	put_member(&b, &(struct member){.name = "GNUSparseFile.0/s",
			       .content = content,
			       .pax = records,
			       .pax_len = len});
	put_member(&b, &(struct member){.name = "after"});
	put_end(&b);
	start(&r, &b);
	next(&r);
	assert_true(r.n->sparse);
	read_content(&r, &c);
	assert_string_equal(c.data, want);
	next(&r);
	assert_string_equal(r.n->path, "after");
	stop(&r);
}

static void test_sparse_pax(void **state)
{
	auto_buf struct buf p = BUF_MAX(TEXT_MAX), body = BUF_MAX(TEXT_MAX);

	put_record(&p, "GNU.sparse.size", "12", 2);
	put_record(&p, "GNU.sparse.numblocks", "2", 1);
	put_record(&p, "GNU.sparse.offset", "2", 1);
	put_record(&p, "GNU.sparse.numbytes", "3", 1);
	put_record(&p, "GNU.sparse.offset", "8", 1);
	put_record(&p, "GNU.sparse.numbytes", "2", 1);
	sparse(p.data, p.len, "abcde", "..abc...de..");
	buf_clear(&p);
	put_record(&p, "GNU.sparse.size", "12", 2);
	put_record(&p, "GNU.sparse.map", "0,3,8,2", 7);
	sparse(p.data, p.len, "abcde", "abc.....de..");
	buf_clear(&p);
	put_record(&p, "GNU.sparse.major", "1", 1);
	put_record(&p, "GNU.sparse.minor", "0", 1);
	put_record(&p, "GNU.sparse.name", "real", 4);
	put_record(&p, "GNU.sparse.realsize", "12", 2);
	buf_puts(&body, "2\n1\n3\n9\n2\n");
	while (body.len < 512)
		buf_putc(&body, '#'); /* the writer's zeros, which strlen would not count */
	buf_puts(&body, "abcde");
	sparse(p.data, p.len, body.data, ".abc.....de.");
}

static void test_sparse_gnu(void **state)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX), c = BUF_MAX(TEXT_MAX);
	struct reading r;
	char *h;

	put_header(&b, &(struct member){.name = "s", .type = 'S'}, 5);
	h = b.data + b.len - 512;
	memcpy(h + 257, "ustar  ", 8);
	put_number(h + 386, 12, 1);
	put_number(h + 398, 12, 3);
	h[482] = 1;
	put_number(h + 483, 12, 12);
	put_sum(h);
	char more[512] = {0};
	put_number(more, 12, 7);
	put_number(more + 12, 12, 2);
	put_block(&b, more, sizeof(more));
	put_block(&b, "abcde", 5);
	put_end(&b);
	start(&r, &b);
	next(&r);
	read_content(&r, &c);
	assert_string_equal(c.data, ".abc...de...");
	at_end(&r);
	stop(&r);
}

static void bad_pax(const char *key, const char *value, const char *text)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX), p = BUF_MAX(TEXT_MAX);

	put_record(&p, key, value, strlen(value));
	put_member(&b, &(struct member){.name = "x", .pax = p.data, .content = "x"});
	put_end(&b);
	refused(&b, text);
}

static void test_bad_pax(void **state)
{
	static const char *const raw[] = {"", "x", "5 a=b\n", "99 a=b\n", "6 ab\n\n", "6 a=b\n\n",
		"7 =abc\n", "00000000007 a=b\n", "6 a=bc"};

	for (size_t i = 1; i < ARRAY_SIZE(raw); i++) {
		auto_buf struct buf b = BUF_MAX(TEXT_MAX);

		put_member(&b, &(struct member){.name = "x", .pax = raw[i]});
		put_end(&b);
		refused(&b, "a bad extended header");
	}
	bad_pax("uid", "4294967295", "a bad number");
	bad_pax("uid", "-1", "a bad number");
	bad_pax("size", "1e9", "a bad number");
	bad_pax("size", "99999999999999999999", "a bad number");
	bad_pax("mtime", "now", "a bad time");
	bad_pax("GNU.sparse.map", "1,2", "a sparse file without a size");
	bad_pax("GNU.sparse.map", "1,x", "a bad sparse map");
	bad_pax("GNU.sparse.numbytes", "1", "a bad sparse map");
	bad_pax("LIBARCHIVE.xattr.user.x", "a b", "a bad extended attribute");
}

static void test_bad_sparse(void **state)
{
	static const struct {
		const char *map, *text;
	} cases[] = {
		{"4,1,0,1", "out of order"},
		{"0,2,1,2", "out of order"},
		{"0,9223372036854775807,1,1", "out of order"},
		{"5,9223372036854775807", "out of order"},
		{"0,20", "does not fit"},
		{"99,1", "does not fit"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf b = BUF_MAX(TEXT_MAX), p = BUF_MAX(TEXT_MAX);

		put_record(&p, "GNU.sparse.size", "12", 2);
		put_record(&p, "GNU.sparse.map", cases[i].map, strlen(cases[i].map));
		put_member(&b, &(struct member){.name = "x", .pax = p.data, .content = "x"});
		put_end(&b);
		refused(&b, cases[i].text);
	}
}

static void test_limits(void **state)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX), p = BUF_MAX(TEXT_MAX);
	auto_free char *big = xcalloc(1, 1 << 20);

	memset(big, 'x', (1 << 20) - 1);
	bad_pax("comment", big, "more than 1 MiB");
	big[70000] = '\0';
	bad_pax("SCHILY.xattr.user.x", big, "an extended attribute");
	big[4096] = '\0';
	bad_pax("path", big, "a name longer than 4095 bytes");
	big[4095] = '\0';
	put_record(&p, "path", big, 4095);
	put_member(&b, &(struct member){.name = "x", .pax = p.data});
	put_end(&b);
	struct reading r;
	start(&r, &b);
	next(&r);
	assert_int_equal(strlen(r.n->path), 4095);
	stop(&r);
	buf_clear(&p);
	buf_clear(&b);
	put_record(&p, "path", "a\0b", 3);
	put_member(&b, &(struct member){.name = "x", .pax = p.data, .pax_len = p.len});
	refused(&b, "a name with a NUL");
}

static void test_bad_headers(void **state)
{
	static const struct {
		int at;
		const char *bytes, *text;
	} cases[] = {
		{0, "q", "wrong checksum"},
		{100, "9", "a bad mode"},
		{108, "\x80\0\0\1\xff\xff\xff\xff", "an owner"},
		{116, "\xff\xff\xff\xff\xff\xff\xff\xff", "an owner"},
		{124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "a bad size"},
		{124, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "a bad size"},
		{136, "x", "a bad time"},
		{156, "Z", "unknown type 0x5a"},
		{156, "M", "multi-volume"},
		{156, "2", "a link to nowhere"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf b = BUF_MAX(TEXT_MAX);
		size_t len = cases[i].bytes[0] & 0x80 ? (cases[i].at < 124 ? 8 : 12)
						      : strlen(cases[i].bytes);

		put_member(&b, &(struct member){.name = "first"});
		put_member(&b, &(struct member){.name = "bad"});
		memcpy(b.data + 512 + cases[i].at, cases[i].bytes, len);
		if (i)
			put_sum(b.data + 512);
		put_end(&b);
		refused(&b, cases[i].text);
	}
}

static void test_ends(void **state)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);
	struct reading r;
	size_t whole;

	put_member(&b, &(struct member){.name = "a", .content = "hello"});
	for (size_t cut = b.len; cut > 0; cut -= cut > 100 ? 100 : cut) {
		struct buf part = {.data = b.data, .len = cut};
		refused(&part, cut < 512 ? "no tar archive" : "truncated");
	}
	put_end(&b);
	whole = b.len;
	for (int i = 0; i < 20; i++) /* tar pads to 10 KiB; more is no harm */
		put_end(&b);
	start(&r, &b);
	next(&r);
	at_end(&r);
	assert_int_equal(stream_offset(r.stream), b.len);
	stop(&r);
	b.data[b.len - 1] = 'x';
	refused(&b, "garbage after its end");
	b.len = whole - 512; /* a lone block of zeros is an end, too */
	start(&r, &b);
	next(&r);
	at_end(&r);
	stop(&r);
	b.len = 0;
	refused(&b, "empty");
	buf_puts(&b, "#!/bin/sh\necho hello\n");
	refused(&b, "no tar archive");
}

/* Bigger than all chunks in flight; the digest is that of the bytes. */
static void test_stream(void **state)
{
	auto_buf struct buf b = BUF_MAX((size_t)32 << 20), c = BUF_MAX((size_t)32 << 20);
	auto_free char *text = xcalloc(1, (5 << 20) + 1);
	struct reading r;
	char digest[65], want[65];

	for (int i = 0; i < 5 << 20; i++)
		text[i] = (char)('a' + i % 26);
	put_member(&b, &(struct member){.name = "big", .content = text});
	put_member(&b, &(struct member){.name = "small", .content = "x"});
	put_end(&b);
	start(&r, &b);
	next(&r);
	read_content(&r, &c);
	assert_string_equal(c.data, text);
	next(&r);
	at_end(&r);
	stream_digest(r.stream, digest);
	stop(&r);
	int fd = bytes_fd(b.data, b.len);
	assert_int_equal(stream_open(fd, 0, NULL, &r.stream, &r.e), 0);
	r.tar = tar_new(r.stream);
	next(&r);
	next(&r);
	at_end(&r);
	stream_digest(r.stream, want);
	assert_string_equal(digest, want);
	r.fd = fd;
	stop(&r);
}

static void test_limit_bytes(void **state)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);
	struct limit limit = {0};
	struct stream *s = NULL;
	const uint8_t *p;
	struct err e;
	int fd;

	put_member(&b, &(struct member){.name = "a", .content = "hello"});
	put_end(&b);
	fd = bytes_fd(b.data, b.len);
	limit.bytes = b.len - 1;
	assert_int_equal(stream_open(fd, 0, &limit, &s, &e), 0);
	assert_int_equal(stream_peek(s, 1, &p, &e), -1);
	assert_non_null(strstr(e.text, "more than"));
	stream_close(s);
	lseek(fd, 0, SEEK_SET);
	limit.bytes = b.len;
	assert_int_equal(stream_open(fd, 0, &limit, &s, &e), 0);
	assert_int_equal(stream_peek(s, 1, &p, &e), 1);
	stream_close(s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pax),
		cmocka_unit_test(test_sparse_pax),
		cmocka_unit_test(test_sparse_gnu),
		cmocka_unit_test(test_bad_pax),
		cmocka_unit_test(test_bad_sparse),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_limit_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
