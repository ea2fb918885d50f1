/* test_image_decompress.c: gzip, xz, zstd as their writers make them, cut off, broken, and joined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>

#include "image/transfer/decompress.h"
#include "image_tar.h"

#define MAX ((size_t)8 << 20)

/* Half of it compresses well, half not at all. */
static char *make_text(size_t len)
{
	char *s = xmalloc(len + 1);
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		s[i] = i % 65536 < 32768 ? (char)('a' + i % 17) : (char)(x >> 24);
	}
	return s;
}

static void add_gzip(struct buf *b, const char *text, size_t len)
{
	char *out = buf_room(b, len + len / 8 + 1000);
	struct isal_zstream z;

	isal_deflate_stateless_init(&z);
	z.gzip_flag = IGZIP_GZIP;
	z.end_of_stream = 1;
	z.flush = NO_FLUSH;
	z.next_in = (uint8_t *)(uintptr_t)text;
	z.avail_in = (uint32_t)len;
	z.next_out = (uint8_t *)out;
	z.avail_out = (uint32_t)(len + len / 8 + 1000);
	assert_int_equal(isal_deflate_stateless(&z), COMP_OK);
	b->len += z.total_out;
}

static void add_xz(struct buf *b, const char *text, size_t len)
{
	size_t room = lzma_stream_buffer_bound(len), pos = 0;
	char *out = buf_room(b, room);

	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (const uint8_t *)text,
				 len, (uint8_t *)out, &pos, room),
		LZMA_OK);
	b->len += pos;
}

static void add_zstd(struct buf *b, const char *text, size_t len)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(
		c, buf_room(b, ZSTD_compressBound(len)), ZSTD_compressBound(len), text, len);
	assert_false(ZSTD_isError(n));
	b->len += n;
	ZSTD_freeCCtx(c);
}

static const struct {
	const char *name;
	void (*add)(struct buf *b, const char *text, size_t len);
} formats[] = {{"gzip", add_gzip}, {"xz", add_xz}, {"zstd", add_zstd}};

/* 0 and the bytes in out, or -1 and the error; in steps of `step` bytes. */
static int read_all(const void *data, size_t len, size_t step, struct buf *out, struct err *e)
{
	int fd = bytes_fd(data, len);
	struct decompress *d = NULL;
	int64_t n = -1;

	buf_clear(out);
	if (decompress_open(fd, &d, e) == 0)
		while ((n = decompress_read(d, buf_room(out, step), step, e)) > 0)
			out->len += (size_t)n;
	decompress_close(d);
	close(fd);
	return (int)n;
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 511, 32768, 131072, 1000003},
			    steps[] = {1, 777, 262144};

	for (size_t f = 0; f < ARRAY_SIZE(formats); f++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
			for (size_t t = 0; t < ARRAY_SIZE(steps); t++) {
				auto_buf struct buf b = BUF_MAX(MAX), out = BUF_MAX(MAX);
				auto_free char *text = make_text(sizes[s]);
				struct err e = {0};

				if (steps[t] == 1 && sizes[s] > 40000)
					continue;
				formats[f].add(&b, text, sizes[s]);
				if (read_all(b.data, b.len, steps[t], &out, &e) < 0)
					fail_msg("%s %zu: %s", formats[f].name, sizes[s], e.text);
				assert_int_equal(out.len, sizes[s]);
				if (out.len)
					assert_memory_equal(out.data, text, out.len);
			}
}

/* Members behind each other are one stream, wherever the input's buffer happens to end. */
static void test_joined(void **state)
{
	auto_free char *text = make_text(300000);

	for (size_t f = 0; f < ARRAY_SIZE(formats); f++)
		for (size_t first = 131000; first < 131150; first += 7) {
			auto_buf struct buf b = BUF_MAX(MAX), out = BUF_MAX(MAX);
			struct err e = {0};

			/* Random bytes: compressed sizes that move with the input's. */
			formats[f].add(&b, text + 32768, 32768);
			formats[f].add(&b, text, 0);
			formats[f].add(&b, text, first);
			formats[f].add(&b, text, 5);
			if (read_all(b.data, b.len, 262144, &out, &e) < 0)
				fail_msg("%s %zu: %s", formats[f].name, first, e.text);
			assert_int_equal(out.len, 32768 + first + 5);
			assert_memory_equal(out.data + 32768, text, first);
		}
}

static void test_cut(void **state)
{
	auto_free char *text = make_text(70000);

	for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
		auto_buf struct buf b = BUF_MAX(MAX), out = BUF_MAX(MAX);
		struct err e = {0};

		formats[f].add(&b, text, 70000);
		for (size_t cut = 10; cut < b.len; cut += cut + 50 < b.len ? 37 : 1) {
			if (read_all(b.data, cut, 4096, &out, &e) == 0)
				fail_msg("%s: %zu of %zu bytes", formats[f].name, cut, b.len);
			assert_non_null(strstr(e.text, "truncated"));
		}
	}
}

static void test_broken(void **state)
{
	auto_free char *text = make_text(70000);

	for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
		auto_buf struct buf b = BUF_MAX(MAX), out = BUF_MAX(MAX);
		struct err e = {0};

		formats[f].add(&b, text, 70000);
		for (size_t at = b.len / 2; at < b.len; at += at + 30 < b.len ? 997 : 1) {
			b.data[at] ^= 0x10;
			/* Some bits mean nothing (xz has padding); then the text must be right. */
			if (read_all(b.data, b.len, 4096, &out, &e) == 0)
				assert_memory_equal(out.data, text, 70000);
			b.data[at] ^= 0x10;
		}
	}
}

static void test_garbage(void **state)
{
	for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
		auto_buf struct buf b = BUF_MAX(MAX), out = BUF_MAX(MAX);
		struct err e = {0};

		formats[f].add(&b, "hello", 5);
		buf_puts(&b, "this is not a further member");
		assert_int_equal(read_all(b.data, b.len, 4096, &out, &e), -1);
		/* liblzma takes it for a further, broken stream. */
		if (!strstr(e.text, f == 1 ? "damaged" : "garbage after the end"))
			fail_msg("%s: %s", formats[f].name, e.text);
	}
}

static void test_padding(void **state)
{
	static const char zeros[512];
	auto_buf struct buf b = BUF_MAX(MAX), out = BUF_MAX(MAX);
	struct err e;

	add_gzip(&b, "hello", 5);
	buf_add(&b, zeros, sizeof(zeros));
	assert_int_equal(read_all(b.data, b.len, 4096, &out, &e), 0);
	assert_int_equal(out.len, 5);
	add_gzip(&b, "hello", 5);
	assert_int_equal(read_all(b.data, b.len, 4096, &out, &e), -1);
	buf_clear(&b);
	add_xz(&b, "hello", 5);
	buf_add(&b, zeros, 8);
	add_xz(&b, "world", 5);
	assert_int_equal(read_all(b.data, b.len, 4096, &out, &e), 0);
	assert_int_equal(out.len, 10);
	assert_memory_equal(out.data, "helloworld", 10);
}

/* zstd:chunked begins and ends with frames that are to be skipped. */
static void test_skippable(void **state)
{
	static const char frame[] = "\x5a\x2a\x4d\x18\3\0\0\0abc";
	auto_buf struct buf b = BUF_MAX(MAX), out = BUF_MAX(MAX);
	struct err e;

	buf_add(&b, frame, 11);
	add_zstd(&b, "hello", 5);
	buf_add(&b, frame, 11);
	assert_int_equal(read_all(b.data, b.len, 4096, &out, &e), 0);
	assert_int_equal(out.len, 5);
}

static void test_others(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{"BZh91AY&SY----", "bzip2"},
		{"PK\x03\x04----", "zip"},
		{"LZIP\x01----", "lzip"},
		{"", "empty"},
	};
	auto_buf struct buf out = BUF_MAX(MAX);
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			read_all(cases[i].bytes, strlen(cases[i].bytes), 99, &out, &e), -1);
		assert_non_null(strstr(e.text, cases[i].text));
	}
	/* A plain tar may begin with a file of such a name. */
	assert_int_equal(read_all("BZhello", 7, 3, &out, &e), 0);
	assert_int_equal(out.len, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_skippable),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
