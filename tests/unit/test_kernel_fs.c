/* test_kernel_fs.c: removing, copying and measuring folders, also very deep and hostile ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "kernel/fs.h"
#include "kernel/sys.h"
#include "kernel_ids.h"

static char top_path[] = "/tmp/hull-test-fs-XXXXXX";
static int top = -1;

static int setup(void **state)
{
	sys_deny_above(*state ? SYS_DENY_NEW : SYS_DENY_NONE);
	strcpy(top_path + strlen(top_path) - 6, "XXXXXX");
	if (!mkdtemp(top_path))
		return -1;
	top = open(top_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return top < 0;
}

static int teardown(void **state)
{
	(void)state;
	sys_deny_above(SYS_DENY_NONE);
	fd_close_ptr(&top);
	return fs_remove_tree(AT_FDCWD, top_path);
}

static void put(const char *path, const char *text)
{
	assert_int_equal(fd_write_file(top, path, text, strlen(text), 0644, 0), 0);
}

static int is_there(const char *path)
{
	return faccessat(top, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void get_stat(const char *path, struct stat *st)
{
	if (fstatat(top, path, st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s: %s", path, strerror(errno));
}

static int dir(const char *path)
{
	int fd = openat(top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_remove(void **state)
{
	(void)state;
	assert_int_equal(fd_mkdirs(top, "t/a/b/c", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "t/a/empty", 0755), 0);
	put("t/a/b/file", "x");
	put("t/file", "x");
	put("keep", "x");
	assert_int_equal(mkfifoat(top, "t/fifo", 0600), 0);
	assert_int_equal(symlinkat("nowhere", top, "t/dangling"), 0);
	assert_int_equal(fs_remove_tree(top, "t"), 0);
	assert_false(is_there("t"));
	assert_int_equal(fs_remove_tree(top, "t"), 0); /* missing is fine */
	assert_int_equal(fs_remove_tree(top, "keep"), 0);
	assert_false(is_there("keep"));
}

static void test_remove_keeps_targets(void **state)
{
	auto_free char *abs = xasprintf("%s/other", top_path);

	(void)state;
	assert_int_equal(fd_mkdirs(top, "other/sub", 0755), 0);
	put("other/file", "x");
	assert_int_equal(mkdirat(top, "t", 0755), 0);
	assert_int_equal(symlinkat(abs, top, "t/abs"), 0);
	assert_int_equal(symlinkat("../other", top, "t/rel"), 0);
	assert_int_equal(symlinkat("other", top, "link"), 0);
	assert_int_equal(fs_remove_tree(top, "t"), 0);
	assert_int_equal(fs_remove_tree(top, "link"), 0);
	assert_true(is_there("other/file") && is_there("other/sub"));
}

static void test_remove_many(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(mkdirat(top, "t", 0755), 0);
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), i % 3 ? "t/file%d" : "t/dir%d", i);
		if (i % 3)
			assert_int_equal(mknodat(top, name, S_IFREG | 0644, 0), 0);
		else
			assert_int_equal(mkdirat(top, name, 0755), 0);
		if (i % 6 == 0) {
			strcat(name, "/x");
			assert_int_equal(mknodat(top, name, S_IFREG | 0644, 0), 0);
		}
	}
	assert_int_equal(fs_remove_tree(top, "t"), 0);
	assert_false(is_there("t"));
}

/* As a hostile image would: deeper than any path can say; run with few descriptors and a small
 * stack. */
static void make_deep(const char *name, int depth)
{
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < depth; i++) {
		int next;
		assert_int_equal(mkdirat(fd, i ? "d" : name, 0755), 0);
		next = openat(fd, i ? "d" : name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		if (i % 100 == 0) {
			assert_int_equal(mknodat(next, "a", S_IFREG | 0644, 0), 0);
			assert_int_equal(mknodat(next, "z", S_IFREG | 0644, 0), 0);
			assert_int_equal(mkdirat(next, "e", 0755), 0);
			assert_int_equal(mkdirat(next, "e/e", 0755), 0);
		}
		close(fd);
		fd = next;
	}
	close(fd);
}

static void test_remove_deep(void **state)
{
	struct rlimit old, few;

	make_deep("t", *state ? 3000 : 10000);
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &few);
	assert_int_equal(fs_remove_tree(top, "t"), 0);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_false(is_there("t"));
}

static void test_usage_and_copy_deep(void **state)
{
	int64_t before, after;
	auto_fd int src = -1, dst = -1;

	(void)state;
	make_deep("t", 1000);
	src = dir("t");
	assert_int_equal(mkdirat(top, "copy", 0755), 0);
	dst = dir("copy");
	assert_int_equal(fs_tree_usage(src, &before), 0);
	assert_int_equal(fs_copy_tree(src, dst), 0);
	assert_int_equal(fs_tree_usage(dst, &after), 0);
	assert_int_equal(before, after);
}

/* Folders that forbid their own removal. */
static void test_remove_closed(void **state)
{
	(void)state;
	assert_int_equal(fd_mkdirs(top, "t/a/b", 0755), 0);
	put("t/a/b/file", "x");
	put("t/a/file", "x");
	assert_int_equal(fchmodat(top, "t/a/b", 0, 0), 0);
	assert_int_equal(fchmodat(top, "t/a", 0500, 0), 0);
	if (has_ids()) { /* whom modes do not stop; so as somebody else */
		pid_t pid;
		int status, r = 0;
		assert_int_equal(fchownat(top, "t", 1234, 1234, 0), 0);
		assert_int_equal(fchownat(top, "t/a", 1234, 1234, 0), 0);
		assert_int_equal(fchownat(top, "t/a/b", 1234, 1234, 0), 0);
		assert_int_equal(fchmod(top, 0777), 0);
		pid = fork();
		if (pid == 0) {
			if (setresgid(1234, 1234, 1234) < 0 || setresuid(1234, 1234, 1234) < 0)
				_exit(99);
			r = fs_remove_tree(top, "t");
			_exit(-r);
		}
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
	} else {
		assert_int_equal(fs_remove_tree(top, "t"), 0);
	}
	assert_false(is_there("t"));
}

/* A folder of the same file system bound into the tree must survive. */
static void test_remove_stops_at_mounts(void **state)
{
	auto_free char *from = xasprintf("%s/precious", top_path);
	auto_free char *to = xasprintf("%s/t/a/mount", top_path);
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(fd_mkdirs(top, "precious/sub", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "t/a/mount", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "t/z/file", 0755), 0);
	put("precious/file", "x");
	pid = fork();
	if (pid == 0) {
		int r;
		/* top belongs to the mount namespace it was opened in: anew */
		if (unshare(CLONE_NEWNS) < 0 ||
			mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
			mount(from, to, NULL, MS_BIND, NULL) < 0)
			_exit(99);
		top = open(top_path, O_RDONLY | O_DIRECTORY);
		r = fs_remove_tree(top, "t");
		_exit(r == -EBUSY ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) == 99)
		skip();
	assert_int_equal(status, 0);
	assert_true(is_there("precious/file") && is_there("precious/sub"));
	assert_false(is_there("t/z"));
}

static void put_numbered(const char *pattern)
{
	char path[64];

	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), pattern, i);
		mknodat(top, path, S_IFREG | 0644, 0);
	}
}

/* Somebody moves the folder that is being emptied elsewhere: the walk must not follow ".." there.
 */
static void test_remove_race(void **state)
{
	char deep[300] = "t/a/b";
	pid_t pid;
	int status;

	(void)state;
	for (int i = 0; i < 60; i++) /* so that "t/a" has to be opened again by ".." */
		strcat(deep, "/c");
	assert_int_equal(fd_mkdirs(top, "victim/precious", 0755), 0);
	put("victim/precious/file", "x");
	put_numbered("victim/file%d");
	pid = fork();
	if (pid == 0)
		for (;;) {
			renameat(top, "t/a/b", top, "victim/b");
			renameat(top, "victim/b", top, "t/a/b");
		}
	for (int64_t end = time_mono_ns() + 1000000000; time_mono_ns() < end;) {
		fd_mkdirs(top, deep, 0755);
		put_numbered("t/a/other%d");
		fs_remove_tree(top, "t");
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(is_there("victim/precious/file"));
	for (int i = 0; i < 20; i++) {
		auto_free char *path = xasprintf("victim/file%d", i);
		assert_true(is_there(path));
	}
}

static void make_source(void)
{
	auto_fd int fd = -1;
	const struct timespec times[2] = {{1000, 111}, {2000, 222}};

	assert_int_equal(fd_mkdirs(top, "src/dir/sub", 0755), 0);
	put("src/file", "content");
	put("src/dir/empty", "");
	assert_int_equal(fchmodat(top, "src/dir", 01750, 0), 0);
	assert_int_equal(linkat(top, "src/file", top, "src/dir/sub/second", 0), 0);
	assert_int_equal(symlinkat("../file", top, "src/dir/link"), 0);
	assert_int_equal(mkfifoat(top, "src/fifo", 0620), 0);
	assert_int_equal(fchmodat(top, "src/fifo", 0622, 0), 0);
	fd = openat(top, "src/sparse", O_RDWR | O_CREAT, 0640);
	assert_int_equal(pwrite(fd, "head", 4, 0), 4);
	assert_int_equal(pwrite(fd, "tail", 4, 8 << 20), 4);
	assert_int_equal(ftruncate(fd, 16 << 20), 0);
	fsetxattr(fd, "user.test", "value", 5, 0);
	fsetxattr(fd, "user.overlay.opaque", "y", 1, 0);
	if (has_ids()) {
		assert_int_equal(fchownat(top, "src/file", 1234, 5678, 0), 0);
		assert_int_equal(fchownat(top, "src/dir/link", 1, 2, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(fchownat(top, "src", 7, 8, 0), 0);
	}
	mknodat(top, "src/null", S_IFCHR | 0666, makedev(1, 3)); /* not in a user namespace */
	assert_int_equal(fchmodat(top, "src/file", 04755, 0), 0);
	utimensat(top, "src/file", times, 0);
	utimensat(top, "src/dir/link", times, AT_SYMLINK_NOFOLLOW);
	utimensat(top, "src/dir", times, 0);
	utimensat(top, "src", times, 0);
}

static void assert_same(const char *path)
{
	auto_free char *a = xasprintf("src%s", path), *b = xasprintf("dst%s", path);
	struct stat x, y;

	get_stat(a, &x);
	get_stat(b, &y);
	if (x.st_mode != y.st_mode || x.st_uid != y.st_uid || x.st_gid != y.st_gid ||
		x.st_rdev != y.st_rdev || (!S_ISDIR(x.st_mode) && x.st_size != y.st_size) ||
		x.st_mtim.tv_sec != y.st_mtim.tv_sec || x.st_mtim.tv_nsec != y.st_mtim.tv_nsec ||
		x.st_nlink != y.st_nlink)
		fail_msg("%s differs", path);
}

static void test_copy(void **state)
{
	auto_fd int src = -1, dst = -1;
	auto_buf struct buf b = BUF_MAX(100);
	struct stat x, y;
	char text[64] = "";

	(void)state;
	make_source();
	assert_int_equal(mkdirat(top, "dst", 0700), 0);
	src = dir("src");
	dst = dir("dst");
	assert_int_equal(fs_copy_tree(src, dst), 0);
	assert_same("");
	assert_same("/file");
	assert_same("/dir");
	assert_same("/dir/sub");
	assert_same("/dir/empty");
	assert_same("/dir/link");
	assert_same("/fifo");
	assert_same("/sparse");
	if (is_there("src/null"))
		assert_same("/null");
	assert_int_equal(fd_read_file(top, "dst/dir/sub/second", &b), 0);
	assert_string_equal(b.data, "content");
	get_stat("dst/file", &x);
	get_stat("dst/dir/sub/second", &y);
	assert_int_equal(x.st_ino, y.st_ino);
	get_stat("dst/sparse", &x);
	assert_true(x.st_blocks * 512 < 1 << 20);
	assert_int_equal(readlinkat(top, "dst/dir/link", text, sizeof(text)), 7);
	fd_close_ptr(&src);
	src = openat(top, "dst/sparse", O_RDONLY);
	assert_int_equal(pread(src, text, 4, 8 << 20), 4);
	assert_memory_equal(text, "tail", 4);
	if (fgetxattr(src, "user.test", text, sizeof(text)) >= 0)
		assert_memory_equal(text, "value", 5);
	assert_int_equal(fgetxattr(src, "user.overlay.opaque", text, sizeof(text)), -1);
}

static void test_copy_into_used(void **state)
{
	auto_fd int src = -1, dst = -1;

	(void)state;
	make_source();
	assert_int_equal(mkdirat(top, "dst", 0700), 0);
	put("dst/file", "mine");
	src = dir("src");
	dst = dir("dst");
	assert_int_equal(fs_copy_tree(src, dst), -EEXIST);
}

static int copy_layer(const char *name, const struct fs_owners *owners)
{
	auto_fd int src = dir(name), dst = dir("all");

	return fs_copy_layer(src, dst, owners);
}

/* What lies in the lower layer and what the upper one makes of it. */
static void make_layers(void)
{
	assert_int_equal(fd_mkdirs(top, "low/merged/deep", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "low/opaque/deep", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "low/becomes-file/deep", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "low/gone-dir/deep", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "up/merged", 0700), 0);
	assert_int_equal(fd_mkdirs(top, "up/opaque", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "up/becomes-dir", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "all", 0755), 0);
	put("low/merged/old", "old");
	put("low/merged/both", "low");
	put("low/opaque/old", "old");
	put("low/becomes-dir", "file");
	put("low/gone", "x");
	put("low/outside", "not to be written through a link");
	assert_int_equal(symlinkat("outside", top, "low/link"), 0);
	put("up/merged/both", "up");
	put("up/opaque/new", "new");
	put("up/becomes-file", "file");
	put("up/becomes-dir/in", "in");
	put("up/link", "no link any more");
	assert_int_equal(linkat(top, "up/link", top, "up/merged/link", 0), 0);
	assert_int_equal(mknodat(top, "up/gone", S_IFCHR, 0), 0);
	assert_int_equal(mknodat(top, "up/gone-dir", S_IFCHR, 0), 0);
	assert_int_equal(mknodat(top, "up/never-there", S_IFCHR, 0), 0);
}

static void test_copy_layers(void **state)
{
	auto_fd int opaque = -1;
	auto_buf struct buf b = BUF_MAX(100);
	struct stat st, same;

	(void)state;
	make_layers();
	opaque = dir("up/opaque");
	assert_int_equal(copy_layer("low", NULL), 0);
	if (fsetxattr(opaque, "user.overlay.opaque", "y", 1, 0) < 0)
		skip();
	assert_int_equal(copy_layer("up", NULL), 0);
	assert_true(is_there("all/merged/old") && is_there("all/merged/deep"));
	assert_int_equal(fd_read_file(top, "all/merged/both", &b), 0);
	assert_string_equal(b.data, "up");
	assert_true(is_there("all/opaque/new"));
	assert_false(is_there("all/opaque/old") || is_there("all/opaque/deep"));
	assert_true(is_there("all/becomes-dir/in"));
	assert_int_equal(fstatat(top, "all/becomes-file", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_false(is_there("all/gone") || is_there("all/gone-dir"));
	assert_false(is_there("all/never-there"));
	assert_int_equal(fstatat(top, "all/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(top, "all/merged/link", &same, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_ino == same.st_ino);
	buf_clear(&b);
	assert_int_equal(fd_read_file(top, "all/outside", &b), 0);
	assert_string_equal(b.data, "not to be written through a link");
	assert_int_equal(fstatat(top, "all/merged", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	opaque = (close(opaque), dir("all/opaque"));
	assert_true(fgetxattr(opaque, "user.overlay.opaque", NULL, 0) < 0);
}

static void test_copy_layer_owners(void **state)
{
	const struct ns_idmap uids[] = {{0, 70000, 1}, {1, 80000, 100}};
	const struct ns_idmap gids[] = {{0, 90000, 100}};
	const struct fs_owners owners = {uids, gids, 2, 1};
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(fd_mkdirs(top, "l/d", 0755), 0);
	assert_int_equal(fd_mkdirs(top, "all", 0755), 0);
	put("l/d/f", "x");
	put("l/d/far", "x");
	assert_int_equal(fchownat(top, "l/d/f", 7, 8, 0), 0);
	assert_int_equal(fchmodat(top, "l/d/f", 06755, 0), 0);
	assert_int_equal(fchownat(top, "l/d/far", 5000, 6000, 0), 0);
	assert_int_equal(symlinkat("f", top, "l/d/link"), 0);
	assert_int_equal(copy_layer("l", &owners), 0);
	assert_int_equal(fstatat(top, "all/d/f", &st, 0), 0);
	assert_true(st.st_uid == 80006 && st.st_gid == 90008 && (st.st_mode & 07777) == 06755);
	assert_int_equal(fstatat(top, "all/d/far", &st, 0), 0);
	assert_true(st.st_uid == 70000 && st.st_gid == 90000);
	assert_int_equal(fstatat(top, "all/d/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(st.st_uid == 70000 && st.st_gid == 90000);
	assert_int_equal(fstatat(top, "all", &st, 0), 0);
	assert_true(st.st_uid == 70000 && st.st_gid == 90000);
}

static void test_usage(void **state)
{
	char block[8192] = {1};
	int64_t one, two;
	auto_fd int fd = -1;

	(void)state;
	assert_int_equal(mkdirat(top, "u", 0755), 0);
	assert_int_equal(fd_write_file(top, "u/a", block, sizeof(block), 0644, 1), 0);
	fd = dir("u");
	assert_int_equal(fs_tree_usage(fd, &one), 0);
	assert_true(one >= 8192);
	assert_int_equal(linkat(top, "u/a", top, "u/b", 0), 0);
	assert_int_equal(symlinkat("/", top, "u/c"), 0);
	assert_int_equal(fs_tree_usage(fd, &two), 0);
	assert_true(two < one + 8192);
}

static void test_type_name(void **state)
{
	auto_fd int fd = open("/proc", O_RDONLY | O_DIRECTORY);
	char name[24];

	(void)state;
	assert_string_equal(fs_type_name(fd, name), "proc");
	assert_string_equal(fs_type_name(-1, name), "unknown");
}

#define BOTH(test)                                                    \
	{#test, test, setup, teardown, NULL},                         \
	{                                                             \
#test " (3.10)", test, setup, teardown, (void *)"old" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_remove),
		BOTH(test_remove_keeps_targets),
		BOTH(test_remove_many),
		BOTH(test_remove_deep),
		BOTH(test_usage_and_copy_deep),
		BOTH(test_remove_closed),
		BOTH(test_remove_stops_at_mounts),
		BOTH(test_remove_race),
		BOTH(test_copy),
		BOTH(test_copy_into_used),
		BOTH(test_copy_layers),
		BOTH(test_copy_layer_owners),
		BOTH(test_usage),
		BOTH(test_type_name),
	};

	return cmocka_run_group_tests_name("kernel_fs", tests, NULL, NULL);
}
