/* test_image_recipe.c: the tar that was unpacked comes out again, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/hash.h"
#include "image/transfer/recipe.h"
#include "image/transfer/unpack.h"
#include "image_tar.h"
#include "kernel/fs.h"

#define MAX ((size_t)8 << 20)

struct scene {
	char path[64];
	int root, recipe;
	struct buf tar, again;
	struct err e;
};

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));

	umask(0);
	default_uid = getuid();
	default_gid = getgid();
	s->tar = s->again = BUF_MAX(MAX);
	snprintf(s->path, sizeof(s->path), "/tmp/hull-recipe-XXXXXX");
	if (!mkdtemp(s->path))
		return -1;
	s->root = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->recipe = bytes_fd("", 0);
	*state = s;
	return s->root < 0 || s->recipe < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	close(s->root);
	close(s->recipe);
	fs_remove_tree(AT_FDCWD, s->path);
	buf_done(&s->tar);
	buf_done(&s->again);
	free(s);
	return 0;
}

static int no_node(void *ctx, const struct transfer_node *n, struct err *e)
{
	return 0;
}

static int take(void *ctx, const void *data, size_t len, struct err *e)
{
	struct scene *s = ctx;

	buf_add(&s->again, data, len);
	return 0;
}

static void unpack(struct scene *s)
{
	struct unpack_request req = {.rootfd = s->root, .node = no_node};
	struct transfer_result result;
	char hex[HASH_HEX + 1];
	int fd = bytes_fd(s->tar.data, s->tar.len), r = -1;

	if (stream_open(fd, 0, NULL, &req.stream, &s->e) == 0 &&
		recipe_new(s->recipe, s->root, &req.recipe, &s->e) == 0)
		r = unpack_run(&req, &result, &s->e);
	if (r < 0)
		fail_msg("%s", s->e.text);
	recipe_free(req.recipe);
	stream_close(req.stream);
	close(fd);
	hash_sha256_hex(s->tar.data, s->tar.len, hex);
	assert_string_equal(result.digest, hex);
	assert_int_equal(result.stream_bytes, s->tar.len);
}

static void comes_out_again(struct scene *s)
{
	if (recipe_replay(s->recipe, s->root, take, s, &s->e) < 0)
		fail_msg("%s", s->e.text);
	assert_int_equal(s->again.len, s->tar.len);
	assert_memory_equal(s->again.data, s->tar.data, s->tar.len);
}

#define ROUND(s, ...)                                            \
	do {                                                     \
		const struct member members[] = {__VA_ARGS__};   \
		for (size_t i = 0; i < ARRAY_SIZE(members); i++) \
			put_member(&(s)->tar, &members[i]);      \
		put_end(&(s)->tar);                              \
		unpack(s);                                       \
		comes_out_again(s);                              \
	} while (0)

static void test_kinds(void **state)
{
	ROUND((struct scene *)*state, {.name = "./", .type = '5'},
		{.name = "./a", .content = "hello"}, {.name = "empty"},
		{.name = "d", .type = '5', .mode = 0700}, {.name = "d/b", .content = "more"},
		{.name = "d/l", .type = '2', .link = "../a"},
		{.name = "d/h", .type = '1', .link = "a"}, {.name = ".wh.gone"},
		{.name = "d/.wh..wh..opq"});
}

static void test_padding_behind_the_end(void **state)
{
	struct scene *s = *state;
	static const char zeros[8192];

	put_member(&s->tar, &(struct member){.name = "a", .content = "hello"});
	put_end(&s->tar);
	buf_add(&s->tar, zeros, sizeof(zeros));
	unpack(s);
	comes_out_again(s);
}

static void test_folders_that_are_links(void **state)
{
	ROUND((struct scene *)*state, {.name = "usr", .type = '5'},
		{.name = "usr/lib", .type = '5'}, {.name = "lib", .type = '2', .link = "usr/lib"},
		{.name = "lib/x", .content = "through the link"});
}

/* The first content is gone from the folder, and still has to come out. */
static void test_a_name_twice(void **state)
{
	ROUND((struct scene *)*state, {.name = "a", .content = "first"},
		{.name = "b", .content = "other"}, {.name = "a", .content = "second, and longer"},
		{.name = "c", .content = "after it"}, {.name = "b", .type = '5'},
		{.name = "b/c", .content = "in a folder now"});
}

static void test_a_folder_link_that_is_replaced(void **state)
{
	ROUND((struct scene *)*state, {.name = "x", .type = '5'},
		{.name = "l", .type = '2', .link = "x"}, {.name = "l/f", .content = "in x"},
		{.name = "l", .type = '5'}, {.name = "l/f", .content = "in l"});
}

static void test_large(void **state)
{
	struct scene *s = *state;
	auto_free char *text = xmalloc(700001);

	for (size_t i = 0; i < 700000; i++)
		text[i] = (char)('a' + (i * 7919 >> 5) % 26);
	text[700000] = '\0';
	ROUND(s, {.name = "big", .content = text}, {.name = "small", .content = "x"});
	assert_true(lseek(s->recipe, 0, SEEK_END) < 1000);
}

/* pax 1.0: the map is part of the body, the holes are not. */
static void test_sparse(void **state)
{
	struct scene *s = *state;
	auto_buf struct buf pax = BUF_MAX(4096), body = BUF_MAX(4096);
	char map[512] = "2\n0\n5\n100000\n4\n";

	put_record(&pax, "GNU.sparse.major", "1", 1);
	put_record(&pax, "GNU.sparse.minor", "0", 1);
	put_record(&pax, "GNU.sparse.name", "holes", 5);
	put_record(&pax, "GNU.sparse.realsize", "200000", 6);
	put_header(&s->tar, &(struct member){.name = "pax", .type = 'x'}, pax.len);
	put_block(&s->tar, pax.data, pax.len);
	buf_add(&body, map, sizeof(map));
	buf_puts(&body, "helloaway");
	put_header(&s->tar, &(struct member){.name = "holes"}, body.len);
	put_block(&s->tar, body.data, body.len);
	put_end(&s->tar);
	unpack(s);
	comes_out_again(s);
}

static void replay_fails(struct scene *s, const char *word)
{
	buf_clear(&s->again);
	assert_int_equal(recipe_replay(s->recipe, s->root, take, s, &s->e), -1);
	if (!strstr(s->e.text, word))
		fail_msg("\"%s\", not \"%s\"", s->e.text, word);
}

static void test_damage(void **state)
{
	struct scene *s = *state;
	off_t end;

	ROUND(s, {.name = "a", .content = "hello"});
	assert_int_equal(unlinkat(s->root, "a", 0), 0);
	replay_fails(s, "read a of the layer");
	assert_int_equal(symlinkat("/etc/passwd", s->root, "a"), 0);
	replay_fails(s, "read a of the layer");
	end = lseek(s->recipe, 0, SEEK_END);
	assert_int_equal(ftruncate(s->recipe, end / 2), 0);
	replay_fails(s, "damaged");
	assert_int_equal(ftruncate(s->recipe, 4), 0);
	replay_fails(s, "damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_padding_behind_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders_that_are_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_name_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_folder_link_that_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sparse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
