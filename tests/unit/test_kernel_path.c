/* test_kernel_path.c: attacks on path.h. Every test runs twice: with openat2 and with the walker.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/dents.h"
#include "kernel/fs.h"
#include "kernel/path.h"
#include "kernel/sys.h"
#include "kernel_ids.h"

/* DIR/outside is what nobody may reach; DIR/root is the root of every path. */
static char top_path[] = "/tmp/hull-test-path-XXXXXX";
static pid_t racer;
static int top = -1, root = -1, outside = -1;

static void put(int dir, const char *path, const char *text)
{
	assert_int_equal(fd_write_file(dir, path, text, strlen(text), 0644, 0), 0);
}

static void make_link(const char *text, const char *path)
{
	assert_int_equal(symlinkat(text, root, path), 0);
}

static int setup(void **state)
{
	sys_deny_above(*state ? SYS_DENY_NEW : SYS_DENY_NONE);
	strcpy(top_path + strlen(top_path) - 6, "XXXXXX");
	if (!mkdtemp(top_path))
		return -1;
	top = open(top_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(top, "root", 0755), 0);
	assert_int_equal(mkdirat(top, "outside", 0755), 0);
	root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	outside = openat(top, "outside", O_PATH | O_DIRECTORY | O_CLOEXEC);
	put(outside, "secret", "outside");
	put(top, "secret", "outside");
	assert_int_equal(fd_mkdirs(root, "etc/deep/er", 0755), 0);
	assert_int_equal(mkdirat(root, "usr", 0755), 0);
	put(root, "etc/passwd", "inside");
	put(root, "secret", "inside");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (racer > 0) {
		kill(racer, SIGKILL);
		waitpid(racer, NULL, 0);
		racer = 0;
	}
	sys_deny_above(SYS_DENY_NONE);
	fd_close_ptr(&outside);
	fd_close_ptr(&root);
	fd_close_ptr(&top);
	return fs_remove_tree(AT_FDCWD, top_path);
}

/* Reading path must give "inside". */
static void assert_inside(const char *path)
{
	auto_buf struct buf b = BUF_MAX(100);
	int r = path_read(root, path, &b);

	if (r < 0 || !b.data || !streq(b.data, "inside"))
		fail_msg("%s: %d, \"%s\"", path, r, b.data ? b.data : "");
}

static void assert_open(const char *path, int flags, int want)
{
	auto_fd int fd = path_open(root, path, flags, 0644);

	if ((want == 0 && fd < 0) || (want < 0 && fd != want))
		fail_msg("%s: %d (%s), wanted %d", path, fd, fd < 0 ? strerror(-fd) : "open", want);
}

static int same_file(int fd, int dir, const char *path)
{
	struct stat a, b;

	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstatat(dir, path, &b, AT_SYMLINK_NOFOLLOW), 0);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Nothing beneath DIR/outside or beside DIR/root may have been made or changed. */
static void assert_untouched(void)
{
	_Alignas(8) char room[4096];
	struct dents d = {.room = room, .size = sizeof(room)};
	const char *name = NULL;
	struct stat st;
	auto_buf struct buf b = BUF_MAX(100);
	auto_fd int dir = openat(top, "outside", O_RDONLY | O_DIRECTORY);

	d.fd = dir;
	while (dents_next(&d, &name) > 0)
		assert_string_equal(name, "secret");
	assert_int_equal(fstat(outside, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(fstat(top, &st), 0);
	assert_int_equal(st.st_nlink, 4);
	assert_int_equal(fd_read_file(outside, "secret", &b), 0);
	assert_string_equal(b.data, "outside");
	assert_int_equal(faccessat(top, "new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void test_plain(void **state)
{
	(void)state;
	assert_inside("/etc/passwd");
	assert_inside("etc/passwd");
	assert_inside("//etc///./passwd");
	assert_inside("/etc/deep/er/../../passwd");
	assert_open("", O_PATH, -ENOENT);
	assert_open("/", O_RDONLY | O_DIRECTORY, 0);
	assert_open(".", O_PATH, 0);
	assert_open("/etc/", O_PATH, 0);
	assert_open("/etc/passwd/", O_PATH, -ENOTDIR);
	assert_open("/etc/passwd/..", O_PATH, -ENOTDIR);
	assert_open("/etc/passwd/.", O_PATH, -ENOTDIR);
	assert_open("/etc/passwd", O_PATH | O_DIRECTORY, -ENOTDIR);
	assert_open("/none", O_PATH, -ENOENT);
	assert_open("/none/../etc", O_PATH, -ENOENT);
	assert_open("/etc", O_WRONLY, -EISDIR);
}

static void test_dotdot_stays(void **state)
{
	(void)state;
	assert_inside("../secret");
	assert_inside("/../../../../../../../secret");
	assert_inside("etc/../../../secret");
	assert_open("../outside/secret", O_PATH, -ENOENT);
	assert_open("etc/deep/../../../outside", O_PATH, -ENOENT);
}

static void test_links(void **state)
{
	(void)state;
	make_link("/etc/passwd", "abs");
	make_link("etc/passwd", "rel");
	make_link("../../../../../../etc/passwd", "etc/deep/up");
	make_link("/", "slash");
	make_link("..", "up");
	make_link("slash", "chain");
	make_link("/etc/", "etcdir");
	assert_inside("abs");
	assert_inside("rel");
	assert_inside("etc/deep/up");
	assert_inside("slash/etc/passwd");
	assert_inside("slash/../slash/up/chain/etc/passwd");
	assert_inside("up/secret");
	assert_inside("up/up/../secret");
	assert_inside("etcdir/passwd");
	make_link("/secret", "etc/deep/abs");
	make_link("/", "etc/deep/root");
	assert_inside("etc/deep/abs");
	assert_inside("etc/deep/root/secret");
	assert_open("etcdir", O_PATH | O_NOFOLLOW | O_DIRECTORY, -ENOTDIR);
	assert_open("etcdir/", O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	assert_open("abs", O_RDONLY | O_NOFOLLOW, -ELOOP);
	assert_open("abs/", O_PATH, -ENOTDIR);
}

static void test_links_out(void **state)
{
	auto_free char *abs = xasprintf("%s/outside/secret", top_path);
	auto_free char *dir = xasprintf("%s/outside", top_path);

	(void)state;
	make_link(abs, "abs");
	make_link("../outside/secret", "rel");
	make_link(dir, "dir");
	make_link("../../../../../../../../../tmp", "usr/tmp");
	assert_open("abs", O_RDONLY, -ENOENT);
	assert_open("rel", O_RDONLY, -ENOENT);
	assert_open("dir/secret", O_RDONLY, -ENOENT);
	assert_open("dir/new", O_WRONLY | O_CREAT, -ENOENT);
	assert_open("usr/tmp/x", O_WRONLY | O_CREAT, -ENOENT);
	assert_untouched();
}

static void test_nofollow_gives_the_link(void **state)
{
	auto_fd int fd = -1;
	struct stat st;

	(void)state;
	make_link("/etc/passwd", "abs");
	fd = path_open(root, "/abs", O_PATH | O_NOFOLLOW, 0);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void test_loops(void **state)
{
	(void)state;
	make_link("loop", "loop");
	make_link("b", "a");
	make_link("a", "b");
	make_link("long/x", "long");
	assert_open("loop", O_PATH, -ELOOP);
	assert_open("a", O_PATH, -ELOOP);
	assert_open("a/b", O_PATH, -ELOOP);
	assert_open("long", O_PATH, -ELOOP);
	assert_open("loop", O_PATH | O_NOFOLLOW, 0);
}

/* Forty links are allowed, one more is not. */
static void test_link_count(void **state)
{
	char name[16], target[16];

	(void)state;
	make_link("/etc", "l0");
	for (int i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		make_link(target, name);
	}
	assert_open("l39", O_PATH, 0);
	assert_open("l40", O_PATH, -ELOOP);
}

static void test_dangling(void **state)
{
	auto_fd int fd = -1;

	(void)state;
	make_link("/nowhere/file", "dangling");
	make_link("/new-file", "creates");
	make_link("../../new", "escapes");
	assert_open("dangling", O_PATH, -ENOENT);
	assert_open("dangling", O_WRONLY | O_CREAT, -ENOENT);
	assert_open("creates", O_WRONLY | O_CREAT | O_EXCL, -EEXIST);
	fd = path_open(root, "creates", O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_true(same_file(fd, root, "new-file"));
	assert_open("escapes", O_WRONLY | O_CREAT, 0); /* as /new, inside */
	assert_int_equal(faccessat(root, "new", F_OK, 0), 0);
	assert_untouched();
}

static void test_create(void **state)
{
	(void)state;
	assert_open("made", O_WRONLY | O_CREAT, 0);
	assert_open("made", O_WRONLY | O_CREAT, 0);
	assert_open("made", O_WRONLY | O_CREAT | O_EXCL, -EEXIST);
	assert_open("folder/", O_WRONLY | O_CREAT, -EISDIR);
	assert_open("..", O_WRONLY | O_CREAT, -EISDIR);
	assert_open("none/made", O_WRONLY | O_CREAT, -ENOENT);
}

/* Magic links of procfs lead anywhere; its ordinary ones are fine. */
static void test_magic_links(void **state)
{
	auto_fd int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd int fd = -1;
	auto_free char *by_fd = xasprintf("/proc/self/fd/%d", outside);
	auto_free char *through = xasprintf("/proc/self/fd/%d/secret", outside);
	const char *const magic[] = {"/proc/self/root", "/proc/self/cwd", "/proc/self/exe",
		"/proc/self/root/etc", "/proc/self/cwd/", "/proc/self/ns/mnt", by_fd, through};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(magic); i++) {
		fd = path_open(host, magic[i], O_RDONLY, 0);
		if (fd != -ELOOP)
			fail_msg("%s: %d", magic[i], fd);
	}
	fd = path_open(host, "/proc/self/stat", O_RDONLY, 0);
	assert_true(fd >= 0);
	fd_close_ptr(&fd);
	fd = path_open(host, "/proc/mounts", O_RDONLY, 0);
	assert_true(fd >= 0);
}

static void test_names_too_long(void **state)
{
	char name[NAME_MAX + 2], path[PATH_MAX + 2], buf[NAME_MAX + 1];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_open(name, O_PATH, -ENAMETOOLONG);
	assert_int_equal(path_open_parent(root, name, buf), -ENAMETOOLONG);
	assert_int_equal(path_mkdirs(root, name, 0755, -1, -1), -ENAMETOOLONG);
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 ? '/' : '.';
	path[sizeof(path) - 1] = '\0';
	assert_open(path, O_PATH, -ENAMETOOLONG);
}

static void test_parent(void **state)
{
	char name[NAME_MAX + 1] = "";
	auto_fd int fd = -1;

	(void)state;
	make_link("/etc", "link");
	make_link("/etc/passwd", "last");
	fd = path_open_parent(root, "/link/new///", name);
	assert_true(fd >= 0);
	assert_true(same_file(fd, root, "etc"));
	assert_string_equal(name, "new");
	fd_close_ptr(&fd);
	fd = path_open_parent(root, "../../last", name);
	assert_true(fd >= 0);
	assert_true(same_file(fd, top, "root"));
	assert_string_equal(name, "last");
	assert_int_equal(path_open_parent(root, "/", name), -EINVAL);
	assert_int_equal(path_open_parent(root, "", name), -EINVAL);
	assert_int_equal(path_open_parent(root, "/etc/..", name), -EINVAL);
	assert_int_equal(path_open_parent(root, "/etc/./", name), -EINVAL);
	assert_int_equal(path_open_parent(root, "/none/x", name), -ENOENT);
}

static void test_mkdirs(void **state)
{
	auto_fd int fd = -1;
	mode_t mask = umask(077);
	struct stat st;

	(void)state;
	fd = path_mkdirs(root, "/usr/a/./b//c/", 0751, -1, -1);
	umask(mask);
	assert_true(fd >= 0);
	assert_true(same_file(fd, root, "usr/a/b/c"));
	assert_int_equal(fstatat(root, "usr/a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	fd_close_ptr(&fd);
	fd = path_mkdirs(root, "/usr/a", 0700, -1, -1);
	assert_true(fd >= 0);
	assert_int_equal(fstatat(root, "usr/a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0751); /* what is there stays */
	assert_int_equal(path_mkdirs(root, "", 0755, -1, -1), -ENOENT);
	assert_int_equal(path_mkdirs(root, "etc/passwd", 0755, -1, -1), -ENOTDIR);
	assert_int_equal(path_mkdirs(root, "etc/passwd/x", 0755, -1, -1), -ENOTDIR);
	assert_int_equal(path_mkdirs(root, "x/../y", 0755, -1, -1), -ENOENT);
	assert_int_equal(faccessat(root, "x", F_OK, 0), -1);
	if (has_ids()) {
		fd_close_ptr(&fd);
		fd = path_mkdirs(root, "/owned/by", 0755, 1234, 5678);
		assert_int_equal(fstatat(root, "owned", &st, 0), 0);
		assert_int_equal(st.st_uid, 1234);
		assert_int_equal(st.st_gid, 5678);
	}
}

static void test_mkdirs_through_links(void **state)
{
	auto_free char *dir = xasprintf("%s/outside", top_path);
	auto_fd int fd = -1;

	(void)state;
	make_link("/etc", "link");
	make_link("../../../../../../usr", "etc/far");
	make_link(dir, "out");
	make_link("../outside", "out2");
	fd = path_mkdirs(root, "/link/far/new/er", 0755, -1, -1);
	assert_true(fd >= 0);
	assert_true(same_file(fd, root, "usr/new/er"));
	assert_int_equal(path_mkdirs(root, "/out/new", 0755, -1, -1), -ENOENT);
	assert_int_equal(path_mkdirs(root, "/out", 0755, -1, -1), -ENOENT);
	assert_int_equal(path_mkdirs(root, "/out2/new", 0755, -1, -1), -ENOENT);
	fd_close_ptr(&fd);
	fd = path_mkdirs(root, "/../../new", 0755, -1, -1);
	assert_true(fd >= 0);
	assert_true(same_file(fd, root, "new"));
	assert_untouched();
}

static void test_mount_target(void **state)
{
	auto_free char *file = xasprintf("%s/outside/new", top_path);
	auto_fd int fd = -1;
	struct stat st;

	(void)state;
	make_link(file, "out");
	make_link("/etc/passwd", "there");
	fd = path_mount_target(root, "/a/b/file", 0);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(same_file(fd, root, "a/b/file"));
	fd_close_ptr(&fd);
	fd = path_mount_target(root, "/a/b/dir", 1);
	assert_true(fd >= 0 && same_file(fd, root, "a/b/dir"));
	fd_close_ptr(&fd);
	fd = path_mount_target(root, "/there", 1); /* of either kind */
	assert_true(fd >= 0 && same_file(fd, root, "etc/passwd"));
	assert_int_equal(path_mount_target(root, "/out", 0), -ENOENT);
	assert_int_equal(path_mount_target(root, "/out", 1), -ENOENT);
	assert_int_equal(path_mount_target(root, "", 0), -ENOENT);
	assert_untouched();
}

static void test_read(void **state)
{
	auto_buf struct buf b = BUF_MAX(100), exact = BUF_MAX(6);
	char big[200];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(fd_write_file(root, "big", big, sizeof(big), 0644, 0), 0);
	assert_int_equal(mkfifoat(root, "fifo", 0644), 0);
	make_link("fifo", "to-fifo");
	alarm(5); /* a FIFO that blocks ends the test */
	assert_int_equal(path_read(root, "fifo", &b), -EINVAL);
	assert_int_equal(path_read(root, "to-fifo", &b), -EINVAL);
	alarm(0);
	assert_int_equal(path_read(root, "etc", &b), -EINVAL);
	assert_int_equal(path_read(root, "none", &b), -ENOENT);
	assert_int_equal(path_read(root, "big", &b), -EFBIG);
	assert_int_equal(path_read(root, "secret", &exact), 0);
	assert_string_equal(exact.data, "inside");
}

static void test_read_no_device(void **state)
{
	auto_buf struct buf b = BUF_MAX(100);
	auto_fd int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(path_read(host, "/dev/zero", &b), -EINVAL);
	assert_int_equal(path_read(host, "/dev/null", &b), -EINVAL);
}

static void test_reopen(void **state)
{
	auto_fd int fd = path_open(root, "etc/passwd", O_PATH, 0);
	auto_fd int again = path_reopen(fd, O_RDWR);
	char text[8] = "";

	(void)state;
	assert_true(again >= 0);
	assert_int_equal(read(again, text, 6), 6);
	assert_string_equal(text, "inside");
	assert_int_equal(fcntl(again, F_GETFD), FD_CLOEXEC);
}

/* The stack of the walker is descriptors: a deep path ends, and leaves none behind. */
static void test_deep(void **state)
{
	char path[3001];
	auto_fd int fd = -1;
	int before = dup(0), after;

	close(before);
	for (size_t i = 0; i < 100; i++)
		memcpy(path + 30 * i, "bcdefghijklmnopqrstuvwxyz0123/", 30);
	path[3000] = '\0';
	fd = path_mkdirs(root, path, 0755, -1, -1);
	assert_true(fd >= 0);
	fd_close_ptr(&fd);
	fd = path_open(root, path, O_PATH, 0);
	assert_true(fd >= 0);
	fd_close_ptr(&fd);
	if (*state) {
		struct rlimit old, few;
		getrlimit(RLIMIT_NOFILE, &old);
		few = old;
		few.rlim_cur = 50;
		setrlimit(RLIMIT_NOFILE, &few);
		assert_int_equal(path_open(root, path, O_PATH, 0), -EMFILE);
		setrlimit(RLIMIT_NOFILE, &old);
	}
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void exchange(const char *a, const char *b)
{
	syscall(SYS_renameat2, root, a, root, b, 2 /* RENAME_EXCHANGE */);
}

/* A folder and a file, each exchanged with a link out of the root as fast as it goes. */
static void race_links(void)
{
	for (;;) {
		exchange("swap", "link");
		exchange("file", "file-link");
	}
}

/* A folder that is moved up while somebody stands in it and asks for "..". */
static void race_moves(void)
{
	for (;;) {
		renameat(root, "usr/far/sub", root, "sub");
		renameat(root, "sub", root, "usr/far/sub");
	}
}

static void start_race(void (*race)(void))
{
	auto_free char *dir = xasprintf("%s/outside", top_path);
	auto_free char *file = xasprintf("%s/outside/secret", top_path);

	make_link(dir, "link");
	make_link(file, "file-link");
	assert_int_equal(fd_mkdirs(root, "usr/far/sub", 0755), 0);
	assert_int_equal(mkdirat(root, "swap", 0755), 0);
	put(root, "swap/secret", "inside");
	put(root, "file", "inside");
	racer = fork();
	if (racer == 0)
		race();
}

/* Open and read; 1 when it was the file inside. */
static int read_racing(const char *path)
{
	auto_fd int fd = path_open(root, path, O_RDONLY, 0);
	char text[8] = "";

	if (fd < 0)
		return 0;
	if (read(fd, text, 7) < 0 || !streq(text, "inside"))
		fail_msg("%s left the root", path);
	return 1;
}

static void test_race_links(void **state)
{
	int64_t end = now_ms() + 1000;
	long hits = 0;

	(void)state;
	start_race(race_links);
	while (now_ms() < end) {
		hits += read_racing("swap/secret");
		hits += read_racing("file");
		hits += read_racing("swap/../swap/../file");
	}
	assert_true(hits > 10); /* the test saw the files, too */
	assert_untouched();
}

static void test_race_moves(void **state)
{
	int64_t end = now_ms() + 300;
	long hits = 0;

	(void)state;
	start_race(race_moves);
	while (now_ms() < end) {
		hits += read_racing("usr/far/sub/../../../secret");
		hits += read_racing("usr/far/sub/../../../../../secret");
		assert_false(read_racing("usr/far/sub/../../../../outside/secret"));
	}
	assert_true(hits > 10);
}

static void test_race_making(void **state)
{
	int64_t end = now_ms() + 500;

	(void)state;
	start_race(race_links);
	for (int i = 0; now_ms() < end; i++) {
		auto_free char *file = xasprintf("swap/new%d", i);
		auto_free char *dir = xasprintf("swap/dir%d/x", i);
		auto_free char *target = xasprintf("swap/target%d/file", i);
		int fd = path_open(root, file, O_WRONLY | O_CREAT, 0644);
		fd_close_ptr(&fd);
		fd = path_mkdirs(root, dir, 0755, -1, -1);
		fd_close_ptr(&fd);
		fd = path_mount_target(root, target, 0);
		fd_close_ptr(&fd);
	}
	assert_untouched();
}

#define BOTH(test)                                                         \
	{#test " (openat2)", test, setup, teardown, NULL},                 \
	{                                                                  \
#test " (walker)", test, setup, teardown, (void *)"walker" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_plain),
		BOTH(test_dotdot_stays),
		BOTH(test_links),
		BOTH(test_links_out),
		BOTH(test_nofollow_gives_the_link),
		BOTH(test_loops),
		BOTH(test_link_count),
		BOTH(test_dangling),
		BOTH(test_create),
		BOTH(test_magic_links),
		BOTH(test_names_too_long),
		BOTH(test_parent),
		BOTH(test_mkdirs),
		BOTH(test_mkdirs_through_links),
		BOTH(test_mount_target),
		BOTH(test_read),
		BOTH(test_read_no_device),
		BOTH(test_reopen),
		BOTH(test_deep),
		BOTH(test_race_links),
		BOTH(test_race_moves),
		BOTH(test_race_making),
	};

	return cmocka_run_group_tests_name("kernel_path", tests, NULL, NULL);
}
