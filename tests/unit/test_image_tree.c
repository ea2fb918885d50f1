/* test_image_tree.c: folders become a tar that our reader takes back. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "image/transfer/tar.h"
#include "image/transfer/tree.h"
#include "image_tar.h"
#include "kernel/fs.h"

struct scene {
	char path[64];
	int root, layers[3];
	struct buf list; /* "path|kind|..." lines of the archive */
	struct err e;
};

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	char name[2] = "0";

	umask(022);
	s->list = BUF_MAX((size_t)1 << 20);
	snprintf(s->path, sizeof(s->path), "/tmp/hull-tree-XXXXXX");
	if (!mkdtemp(s->path))
		return -1;
	s->root = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3; i++, name[0]++) {
		mkdirat(s->root, name, 0755);
		s->layers[i] = openat(s->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	*state = s;
	return s->layers[2] < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	for (int i = 0; i < 3; i++)
		close(s->layers[i]);
	close(s->root);
	fs_remove_tree(AT_FDCWD, s->path);
	buf_done(&s->list);
	free(s);
	return 0;
}

static void file(struct scene *s, int layer, const char *path, const char *content)
{
	auto_free char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');

	if (slash) {
		*slash = '\0';
		assert_int_equal(fd_mkdirs(s->layers[layer], folder, 0755), 0);
	}
	assert_int_equal(
		fd_write_file(s->layers[layer], path, content, strlen(content), 0644, 0), 0);
}

static void whiteout(struct scene *s, int layer, const char *path)
{
	/* 5.8 and newer let everybody. */
	if (mknodat(s->layers[layer], path, S_IFCHR | 0600, makedev(0, 0)) < 0)
		skip();
}

static void opaque(struct scene *s, int layer, const char *path, const char *mark)
{
	int fd = openat(s->layers[layer], path, O_RDONLY | O_DIRECTORY);
	int r = fsetxattr(fd, mark, "y", 1, 0);

	close(fd);
	if (r < 0)
		skip();
}

static void read_back(struct scene *s, int fd)
{
	struct stream *stream = NULL;
	const struct tar_entry *n;
	const uint8_t *data;
	struct tar *t;
	uint64_t at;
	int r;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	if (stream_open(fd, 0, 0, &stream, &s->e) < 0)
		fail_msg("%s", s->e.text);
	t = tar_new(stream);
	while ((r = tar_next(t, &n, &s->e)) == 1) {
		int64_t len;

		buf_printf(&s->list, "%s%s%s", n->path, *n->link ? " -> " : "", n->link);
		while ((len = tar_data(t, &data, &at, &s->e)) > 0)
			if (!n->sparse)
				buf_printf(&s->list, " %.*s", (int)(len < 40 ? len : 40),
					(const char *)data);
			else
				buf_printf(&s->list, " %llu+%lld", (unsigned long long)at,
					(long long)len);
		for (size_t i = 0; i < n->n_xattrs; i++)
			buf_printf(&s->list, " %s=%.*s", n->xattrs[i].name, (int)n->xattrs[i].len,
				n->xattrs[i].value);
		buf_putc(&s->list, '\n');
	}
	if (r < 0)
		fail_msg("%s", s->e.text);
	tar_free(t);
	stream_close(stream);
}

static void is_written(struct scene *s, size_t n, int mode, const char *want)
{
	struct transfer_result result = {0};
	int fd = bytes_fd("", 0);

	if (tree_write(s->layers, n, mode, fd, &result, &s->e) < 0)
		fail_msg("%s", s->e.text);
	read_back(s, fd);
	close(fd);
	assert_string_equal(s->list.data ? s->list.data : "", want);
}

static void test_merged(void **state)
{
	struct scene *s = *state;

	file(s, 2, "a", "low");
	file(s, 2, "gone", "low");
	file(s, 2, "d/one", "low");
	file(s, 2, "d/two", "low");
	file(s, 2, "hidden/x", "low");
	file(s, 2, "was/folder", "low");
	file(s, 1, "d/two", "mid");
	file(s, 1, "was.not", "mid");
	file(s, 0, "a", "top");
	file(s, 0, "d/three", "top");
	whiteout(s, 0, "gone");
	whiteout(s, 1, "hidden");
	file(s, 0, "was", "top");
	is_written(s, 3, TREE_MERGED,
		"a top\nd/\nd/one low\nd/three top\nd/two mid\nwas top\nwas.not mid\n");
}

static void test_opaque(void **state)
{
	struct scene *s = *state;

	file(s, 2, "d/one", "low");
	file(s, 1, "d/two", "mid");
	file(s, 0, "d/three", "top");
	opaque(s, 1, "d", "user.overlay.opaque");
	is_written(s, 3, TREE_MERGED, "d/\nd/three top\nd/two mid\n");
}

static void test_trusted_opaque(void **state)
{
	struct scene *s = *state;

	file(s, 1, "d/one", "low");
	file(s, 0, "d/two", "top");
	opaque(s, 0, "d", "trusted.overlay.opaque");
	is_written(s, 2, TREE_MERGED, "d/\nd/two top\n");
}

/* A folder anew, above a whiteout, above a folder. */
static void test_folder_above_a_whiteout(void **state)
{
	struct scene *s = *state;

	file(s, 2, "d/old", "low");
	whiteout(s, 1, "d");
	file(s, 0, "d/new", "top");
	is_written(s, 3, TREE_MERGED, "d/\nd/new top\n");
}

static void test_marks(void **state)
{
	struct scene *s = *state;

	file(s, 0, "d/a", "one");
	file(s, 0, "e/b", "two");
	whiteout(s, 0, "d/gone");
	opaque(s, 0, "e", "user.overlay.opaque");
	is_written(s, 1, TREE_MARKS, "d/\nd/a one\nd/.wh.gone\ne/\ne/.wh..wh..opq\ne/b two\n");
}

static void test_links_and_attributes(void **state)
{
	struct scene *s = *state;

	file(s, 0, "b", "text");
	assert_int_equal(linkat(s->layers[0], "b", s->layers[0], "a", 0), 0);
	assert_int_equal(linkat(s->layers[0], "b", s->layers[0], "c", 0), 0);
	assert_int_equal(symlinkat("b", s->layers[0], "s"), 0);
	int fd = openat(s->layers[0], "a", O_RDONLY);
	int r = fsetxattr(fd, "user.x", "yes", 3, 0);
	close(fd);
	if (r < 0)
		skip();
	is_written(s, 1, TREE_MERGED, "a text user.x=yes\nb -> a\nc -> a\ns -> b\n");
}

static void test_holes(void **state)
{
	struct scene *s = *state;
	int fd = openat(s->layers[0], "h", O_RDWR | O_CREAT, 0644);

	assert_int_equal(pwrite(fd, "begin", 5, 1 << 20), 5);
	assert_int_equal(ftruncate(fd, 5 << 20), 0);
	if (lseek(fd, 0, SEEK_DATA) == 0)
		skip(); /* a file system without holes */
	off_t data = lseek(fd, 0, SEEK_DATA), hole = lseek(fd, data, SEEK_HOLE);
	close(fd);
	auto_free char *want = xasprintf(
		"h %lld+%lld\n", (long long)data, (long long)(hole - data));
	is_written(s, 1, TREE_MERGED, want);
}

/* Where ustar's prefix ends, and one more. */
static void test_names_of_all_lengths(void **state)
{
	static const size_t lengths[] = {98, 99, 100, 101, 155, 200, 240};
	struct scene *s = *state;
	auto_buf struct buf want = BUF_MAX((size_t)1 << 20);
	char names[ARRAY_SIZE(lengths)][256] = {{0}};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(names[i], 'a' + (int)i, lengths[i]);
		auto_free char *path = xasprintf("%s/%s", names[i], names[i]);
		file(s, 0, path, "x");
		buf_printf(&want, "%s/\n%s x\n", names[i], path);
	}
	is_written(s, 1, TREE_MERGED, want.data);
}

static void test_times(void **state)
{
	static const struct timespec times[] = {{.tv_sec = 0}, {.tv_sec = 981173106, .tv_nsec = 5},
		{.tv_sec = -2, .tv_nsec = 250000000}, {.tv_sec = -1, .tv_nsec = 1},
		{.tv_sec = 4294967296, .tv_nsec = 999999999}};
	struct scene *s = *state;
	struct transfer_result result = {0};
	const struct tar_entry *n;
	struct stream *stream = NULL;
	int fd = bytes_fd("", 0);
	char name[2] = "a";

	for (size_t i = 0; i < ARRAY_SIZE(times); i++, name[0]++) {
		const struct timespec both[2] = {times[i], times[i]};
		file(s, 0, name, "");
		assert_int_equal(utimensat(s->layers[0], name, both, 0), 0);
	}
	assert_int_equal(tree_write(s->layers, 1, TREE_MERGED, fd, &result, &s->e), 0);
	assert_int_equal(result.entries, ARRAY_SIZE(times));
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(stream_open(fd, 0, 0, &stream, &s->e), 0);
	struct tar *t = tar_new(stream);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		assert_int_equal(tar_next(t, &n, &s->e), 1);
		assert_int_equal(n->mtime.tv_sec, times[i].tv_sec);
		assert_int_equal(n->mtime.tv_nsec, times[i].tv_nsec);
	}
	tar_free(t);
	stream_close(stream);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_merged),
		TEST(test_opaque),
		TEST(test_trusted_opaque),
		TEST(test_folder_above_a_whiteout),
		TEST(test_marks),
		TEST(test_links_and_attributes),
		TEST(test_holes),
		TEST(test_names_of_all_lengths),
		TEST(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
