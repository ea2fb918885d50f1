/* test_image_unpack.c: archives become folders. Without root: everything belongs to whoever runs
 * it, devices stay the empty files that they are until the importer replaces them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "image/transfer/unpack.h"
#include "image/transfer/whiteout.h"
#include "image_tar.h"
#include "kernel/fs.h"

#define MAX ((size_t)4 << 20)

struct place_of {
	char path[64];
	int fd;
	struct limit limit;
	struct transfer_result result;
	struct transfer_node nodes[8];
	size_t n_nodes;
	struct err e;
};

static int setup(void **state)
{
	struct place_of *p = xcalloc(1, sizeof(*p));

	umask(0);
	default_uid = getuid();
	default_gid = getgid();
	snprintf(p->path, sizeof(p->path), "/tmp/hull-unpack-XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return p->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct place_of *p = *state;

	close(p->fd);
	fs_remove_tree(AT_FDCWD, p->path);
	free(p);
	return 0;
}

static int take_node(void *ctx, const struct transfer_node *n, struct err *e)
{
	struct place_of *p = ctx;

	if (p->n_nodes < ARRAY_SIZE(p->nodes))
		p->nodes[p->n_nodes++] = *n;
	return 0;
}

static int unpack(struct place_of *p, const struct member *members, size_t n)
{
	auto_buf struct buf b = BUF_MAX(MAX);
	struct unpack_request req = {
		.rootfd = p->fd, .limit = p->limit, .node = take_node, .ctx = p};
	int fd, r = -1;

	for (size_t i = 0; i < n; i++)
		put_member(&b, &members[i]);
	put_end(&b);
	fd = bytes_fd(b.data, b.len);
	if (stream_open(fd, 0, NULL, &req.stream, &p->e) == 0)
		r = unpack_run(&req, &p->result, &p->e);
	stream_close(req.stream);
	close(fd);
	return r;
}

#define UNPACK(p, ...)                                    \
	unpack((p), (const struct member[]){__VA_ARGS__}, \
		ARRAY_SIZE(((const struct member[]){__VA_ARGS__})))
#define UNPACK_OK(p, ...)                            \
	do {                                         \
		if (UNPACK(p, __VA_ARGS__) < 0)      \
			fail_msg("%s", (p)->e.text); \
	} while (0)
#define REFUSED(p, word, ...)                                              \
	do {                                                               \
		assert_int_equal(UNPACK(p, __VA_ARGS__), -1);              \
		if (!strstr((p)->e.text, word))                            \
			fail_msg("\"%s\", not \"%s\"", (p)->e.text, word); \
	} while (0)

static struct stat look(const struct place_of *p, const char *path)
{
	struct stat st = {0};

	if (fstatat(p->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return st;
}

static int is_there(const struct place_of *p, const char *path)
{
	struct stat st;

	return fstatat(p->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void content_is(const struct place_of *p, const char *path, const char *want)
{
	char text[100] = {0};
	int fd = openat(p->fd, path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
	assert_string_equal(text, want);
}

static int is_opaque(const struct place_of *p, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", p->path, path);
	char v;

	return lgetxattr(full, "user.overlay.opaque", &v, 1) == 1 && v == 'y';
}

/* tmpfs has user.* since 6.6. */
static void need_xattrs(const struct place_of *p)
{
	if (fsetxattr(p->fd, "user.test", "y", 1, 0) < 0)
		skip();
}

static void test_kinds(void **state)
{
	struct place_of *p = *state;

	UNPACK_OK(p, {.name = "./", .type = '5', .mode = 0750, .mtime = 5},
		{.name = "./d/", .type = '5', .mode = 0700, .mtime = 7},
		{.name = "./d/f", .content = "hello", .mode = 0641, .mtime = 9},
		{.name = "./d/g", .content = "x", .mode = 04711},
		{.name = "l", .type = '2', .link = "/nowhere/at/all", .mtime = 11},
		{.name = "h", .type = '1', .link = "./d/f"},
		{.name = "p", .type = '6', .mode = 0620}, {.name = "/abs//./x"});
	assert_int_equal(look(p, ".").st_mode & 07777, 0750);
	assert_int_equal(look(p, ".").st_mtime, 5);
	assert_int_equal(look(p, "d").st_mtime, 7);
	assert_int_equal(look(p, "d/f").st_mode, S_IFREG | 0641);
	assert_int_equal(look(p, "d/f").st_mtime, 9);
	assert_int_equal(look(p, "d/g").st_mode, S_IFREG | 04711);
	assert_int_equal(look(p, "d/f").st_ino, look(p, "h").st_ino);
	assert_int_equal(look(p, "l").st_mtime, 11);
	assert_int_equal(look(p, "p").st_mode, S_IFIFO | 0620);
	assert_true(is_there(p, "abs/x"));
	content_is(p, "d/f", "hello");
	assert_int_equal(p->result.entries, 8);
	assert_int_equal(p->result.bytes, 6);
	assert_int_equal(strlen(p->result.digest), 64);
}

static void test_through_links(void **state)
{
	struct place_of *p = *state;

	UNPACK_OK(p, {.name = "usr/lib/a"}, {.name = "lib", .type = '2', .link = "usr/lib"},
		{.name = "lib/b", .content = "b"}, {.name = "root", .type = '2', .link = "/"},
		{.name = "root/c"}, {.name = "up", .type = '2', .link = "../../../../usr"},
		{.name = "up/d"}, {.name = "h", .type = '1', .link = "lib/b"});
	assert_true(is_there(p, "usr/lib/b"));
	assert_true(is_there(p, "c"));
	assert_true(is_there(p, "usr/d"));
	assert_int_equal(look(p, "h").st_ino, look(p, "usr/lib/b").st_ino);
	assert_true(S_ISLNK(look(p, "lib").st_mode));
}

static void test_refused(void **state)
{
	struct place_of *p = *state;

	REFUSED(p, "climbs out", {.name = "../x"});
	REFUSED(p, "climbs out", {.name = "a/../../x"});
	REFUSED(p, "climbs out", {.name = "h", .type = '1', .link = "../../etc/passwd"});
	REFUSED(p, "link h to nothing", {.name = "h", .type = '1', .link = "nothing"});
	REFUSED(p, "unpack f/x", {.name = "f"}, {.name = "f/x"});
	REFUSED(p, "unpack loop/x", {.name = "loop", .type = '2', .link = "loop"},
		{.name = "loop/x"});
	REFUSED(p, "unpack gone/x", {.name = "gone", .type = '2', .link = "/not/there"},
		{.name = "gone/x"});
	REFUSED(p, "is no folder",
		{.name = "./"
			 "/.",
			.type = '2',
			.link = "x"});
	assert_false(is_there(p, "not"));
}

/* The last one wins, whatever was there. */
static void test_again(void **state)
{
	struct place_of *p = *state;

	UNPACK_OK(p, {.name = "f", .content = "old"}, {.name = "keep", .type = '1', .link = "f"},
		{.name = "f", .content = "new"}, {.name = "d/e/f", .content = "1"},
		{.name = "d", .content = "file"}, {.name = "x", .content = "file"},
		{.name = "x", .type = '5', .mode = 0755}, {.name = "x/y", .content = "in"},
		{.name = "x", .type = '5', .mode = 0700, .mtime = 77},
		{.name = "l", .type = '2', .link = "x"}, {.name = "l", .type = '5'},
		{.name = "l/z"}, {.name = "s", .content = "s"},
		{.name = "s", .type = '1', .link = "s"});
	content_is(p, "f", "new");
	content_is(p, "keep", "old");
	content_is(p, "d", "file");
	content_is(p, "x/y", "in");
	content_is(p, "s", "s");
	assert_int_equal(look(p, "x").st_mode, S_IFDIR | 0700);
	assert_int_equal(look(p, "x").st_mtime, 77);
	assert_true(S_ISDIR(look(p, "l").st_mode));
	assert_false(is_there(p, "x/z"));
}

static void test_whiteouts(void **state)
{
	struct place_of *p = *state;
	struct stat st;

	need_xattrs(p);
	UNPACK_OK(p, {.name = "d/.wh.gone"}, {.name = "d/.wh.before"}, {.name = "d/before"},
		{.name = "d/after"}, {.name = "d/.wh.after"}, {.name = "o/.wh..wh..opq"},
		{.name = "o/kept"}, {.name = ".wh.dir1"}, {.name = "dir1", .type = '5'},
		{.name = "dir2", .type = '5'}, {.name = ".wh.dir2"}, {.name = ".wh.dir3"},
		{.name = "dir3/deep/x"}, {.name = ".wh..wh.plnk"}, {.name = ".wh."},
		{.name = ".wh.."}, {.name = ".wh..."});
	st = look(p, "d/gone");
	/* Before 5.8 the importer has to make it. */
	assert_true(whiteout_is(&st) || p->n_nodes);
	assert_true(S_ISREG(look(p, "d/before").st_mode));
	assert_true(S_ISREG(look(p, "d/after").st_mode));
	assert_true(is_opaque(p, "o"));
	assert_true(is_there(p, "o/kept"));
	assert_true(is_opaque(p, "dir1"));
	assert_true(is_opaque(p, "dir2"));
	assert_true(is_opaque(p, "dir3"));
	assert_false(is_opaque(p, "d"));
	assert_true(is_there(p, "dir3/deep/x"));
	assert_false(is_there(p, ".wh."));
	assert_false(is_there(p, "plnk"));
	assert_false(is_opaque(p, "."));
}

/* Overlay's own marks do not come out of archives. */
static void test_foreign_marks(void **state)
{
	struct place_of *p = *state;
	auto_buf struct buf pax = BUF_MAX(MAX);

	need_xattrs(p);
	put_record(&pax, "SCHILY.xattr.user.overlay.opaque", "y", 1);
	put_record(&pax, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
	put_record(&pax, "SCHILY.xattr.user.mine", "abc", 3);
	UNPACK_OK(p, {.name = "d", .type = '5', .pax = pax.data}, {.name = "w", .type = '3'},
		{.name = "f", .pax = pax.data});
	assert_false(is_opaque(p, "d"));
	assert_false(is_there(p, "w"));
	assert_int_equal(p->result.warnings, 5);
	auto_free char *f = xasprintf("%s/f", p->path);
	char v[4] = {0};
	assert_int_equal(lgetxattr(f, "user.mine", v, 3), 3);
	assert_string_equal(v, "abc");
}

static void test_devices(void **state)
{
	struct place_of *p = *state;

	UNPACK_OK(p, {.name = "null", .type = '3', .major = 1, .minor = 3, .mode = 0666},
		{.name = "link", .type = '1', .link = "null"},
		{.name = "disk", .type = '4', .major = 8, .minor = 300},
		{.name = "disk", .content = "a file"});
	assert_int_equal(p->n_nodes, 3);
	assert_string_equal(p->nodes[0].path, "null");
	assert_int_equal(p->nodes[0].type, S_IFCHR);
	assert_int_equal(p->nodes[0].minor, 3);
	assert_int_equal(p->nodes[0].ino, look(p, "null").st_ino);
	assert_string_equal(p->nodes[1].path, "link");
	assert_int_equal(p->nodes[1].ino, p->nodes[0].ino);
	assert_int_equal(p->nodes[2].minor, 300);
	/* What replaced it is another file, and could not get its number. */
	assert_int_not_equal(p->nodes[2].ino, look(p, "disk").st_ino);
	content_is(p, "disk", "a file");
}

static void test_holes(void **state)
{
	struct place_of *p = *state;
	auto_buf struct buf pax = BUF_MAX(MAX);

	put_record(&pax, "GNU.sparse.size", "104857600", 9);
	put_record(&pax, "GNU.sparse.map", "52428800,5", 10);
	UNPACK_OK(p, {.name = "s", .pax = pax.data, .content = "hello"});
	assert_int_equal(look(p, "s").st_size, 104857600);
	assert_true(look(p, "s").st_blocks < 1000);
	assert_int_equal(p->result.bytes, 104857600);
}

/* A file of a byte takes a block, a hole nothing. */
static void test_limits(void **state)
{
	struct place_of *p = *state;
	auto_buf struct buf pax = BUF_MAX(MAX);

	put_record(&pax, "GNU.sparse.size", "104857600", 9);
	put_record(&pax, "GNU.sparse.map", "52428800,5", 10);
	p->limit = (struct limit){.bytes = 8192, .entries = 4};
	UNPACK_OK(p, {.name = "1", .content = "x"}, {.name = "2", .content = "x"}, {.name = "3"},
		{.name = "l", .type = '2', .link = "1"});
	REFUSED(p, "more than 8.19kB", {.name = "1", .content = "x"}, {.name = "2", .content = "x"},
		{.name = "3", .content = "x"});
	REFUSED(p, "more than 8.19kB", {.name = "d", .type = '5'}, {.name = "e", .type = '5'},
		{.name = "f", .type = '5'});
	REFUSED(p, "more than 8.19kB", {.name = "implied/by/the/name"});
	p->limit.bytes = 0;
	REFUSED(p, "more than 4 entries", {.name = "also/by/its/folders/x"});
	REFUSED(p, "more than 4 entries", {.name = "1"}, {.name = "1"}, {.name = "1"},
		{.name = "1"}, {.name = "1"});
	UNPACK_OK(p, {.name = "s", .pax = pax.data, .content = "hello"});
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_kinds),
		EACH(test_through_links),
		EACH(test_refused),
		EACH(test_again),
		EACH(test_whiteouts),
		EACH(test_foreign_marks),
		EACH(test_devices),
		EACH(test_holes),
		EACH(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
