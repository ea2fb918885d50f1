/* test_kernel_mount.c: mount options, and as root mounts themselves, also without the newer calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/fs.h"
#include "kernel/mount.h"
#include "kernel/overlay.h"
#include "kernel/path.h"
#include "kernel/sys.h"

static struct mount_words words(const char *list)
{
	auto_strv char **v = strv_split(list, ",");
	struct mount_words w = {0};

	strv_foreach (word, v)
		assert_int_equal(mount_word(*word, &w), 1);
	return w;
}

static void test_words_flags(void **state)
{
	struct mount_words w = words("ro,nosuid,nodev,noexec,nosymfollow");

	(void)state;
	assert_int_equal(w.set, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW);
	assert_int_equal(w.clear, 0);
	w = words("ro,rw,suid,nosuid,exec");
	assert_int_equal(w.set, MS_NOSUID);
	assert_int_equal(w.clear, MS_RDONLY | MS_NOEXEC);
	w = words("noatime,strictatime");
	assert_int_equal(w.set, MS_STRICTATIME);
	assert_int_equal(w.clear, MS_NOATIME | MS_RELATIME);
	w = words("defaults");
	assert_int_equal(w.set | w.clear, 0);
}

static void test_words_recursive(void **state)
{
	struct mount_words w = words("rro,rnosuid,rdev");

	(void)state;
	assert_int_equal(w.set | w.clear, 0);
	assert_int_equal(w.rec_set, MS_RDONLY | MS_NOSUID);
	assert_int_equal(w.rec_clear, MS_NODEV);
	w = words("rnorelatime,rrelatime,rrw");
	assert_int_equal(w.rec_set, MS_RELATIME);
	w = words("relatime"); /* not r + elatime */
	assert_int_equal(w.set, MS_RELATIME);
	assert_int_equal(w.rec_set, 0);
}

static void test_words_other(void **state)
{
	struct mount_words w = words("rbind,rslave,ridmap,tmpcopyup");

	(void)state;
	assert_true(w.rbind && w.ridmap && w.tmpcopyup && !w.bind && !w.idmap);
	assert_int_equal(w.propagation, MS_SLAVE);
	assert_true(w.propagation_rec);
	w = words("bind,rshared,private");
	assert_true(w.bind && !w.rbind);
	assert_int_equal(w.propagation, MS_PRIVATE);
	assert_false(w.propagation_rec);
}

static void test_words_foreign(void **state)
{
	const char *const foreign[] = {"size=64m", "mode=755", "sync", "rsync", "", "r", "rrro",
		"rrbind", "RO", "gid=5", "rgid", "lazytime"};
	struct mount_words w = {0}, none = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (mount_word(foreign[i], &w))
			fail_msg("%s", foreign[i]);
	assert_memory_equal(&w, &none, sizeof(w));
}

static void test_params(void **state)
{
	char data[] = "size=64m,,mode=1777,noswap,x=a=b,";
	struct mount_param p[4];

	(void)state;
	assert_int_equal(mount_params_split(data, p, 4), 4);
	assert_string_equal(p[0].key, "size");
	assert_string_equal(p[0].value, "64m");
	assert_string_equal(p[2].key, "noswap");
	assert_null(p[2].value);
	assert_string_equal(p[3].value, "a=b");
	assert_int_equal(p[3].fd, -1);
	strcpy(data, "a,b,c,d,e");
	assert_int_equal(mount_params_split(data, p, 4), -E2BIG);
	data[0] = '\0';
	assert_int_equal(mount_params_split(data, p, 4), 0);
}

/* What follows runs in a mount namespace of its own; a failure is told by the line. */
#define CHECK(x)                         \
	do {                             \
		if (!(x))                \
			return __LINE__; \
	} while (0)

static unsigned long flags_of(int root, const char *path)
{
	auto_fd int fd = path_open(root, path, O_PATH, 0);
	char name[PATH_FD_MAX];
	struct statvfs vfs;

	return statvfs(path_of_fd(fd, name), &vfs) < 0 ? ~0UL : vfs.f_flag;
}

static int has(int root, const char *path, unsigned long flags)
{
	return (flags_of(root, path) & flags) == flags;
}

static int bind_checks(int root)
{
	auto_fd int a = path_mount_target(root, "a", 1), b = path_mount_target(root, "b", 1);
	auto_fd int sub = path_mount_target(root, "a/sub", 1);
	auto_fd int file = path_mount_target(root, "file", 0);
	auto_fd int t = path_mount_target(root, "t", 1), tree = -1;
	auto_fd int top_b = -1, passwd = open("/etc/passwd", O_PATH | O_CLOEXEC);

	CHECK(mount_new_at("tmpfs", NULL, &MOUNT_STR("size", "64k"), 1, MS_NODEV, sub) == 0);
	CHECK(has(root, "a/sub", ST_NODEV));
	CHECK(mount_bind(a, b, 1, MS_RDONLY | MS_NOSUID | MS_NOATIME) == 0);
	CHECK(has(root, "b", ST_RDONLY | ST_NOSUID | ST_NOATIME));
	CHECK(has(root, "b/sub", ST_NODEV) && !has(root, "b/sub", ST_RDONLY));
	CHECK(!has(root, "a", ST_RDONLY));
	top_b = path_open(root, "b", O_PATH, 0);
	CHECK(mount_change(top_b, MS_NOEXEC, MS_NOSUID, 0) == 0);
	CHECK(has(root, "b", ST_RDONLY | ST_NOEXEC | ST_NOATIME) && !has(root, "b", ST_NOSUID));
	CHECK(mount_change(top_b, MS_RDONLY | MS_NOEXEC, MS_NOATIME, 1) == 0);
	CHECK(has(root, "b/sub", ST_RDONLY | ST_NOEXEC | ST_NODEV));
	CHECK(has(root, "b", ST_RELATIME) && !has(root, "b", ST_NOATIME));
	CHECK(mount_change(b, MS_RDONLY, 0, 0) == -EINVAL); /* what lies beneath the mount */
	tree = mount_tree_clone(root, "a", 0);
	if (tree != -ENOSYS) {
		CHECK(tree >= 0 && mount_attach_flags(tree, t, MS_RDONLY | MS_NOEXEC) == 0);
		CHECK(has(root, "t", ST_RDONLY | ST_NOEXEC));
	}
	CHECK(passwd >= 0 && mount_bind(passwd, file, 0, MS_RDONLY) == 0);
	CHECK(has(root, "file", ST_RDONLY));
	return 0;
}

static int read_only_checks(int root)
{
	auto_fd int dir = path_mount_target(root, "c/d", 1),
		    sub = path_mount_target(root, "c/d/s", 1);
	auto_fd int mounted = -1, file = path_mount_target(root, "c/f", 0);

	CHECK(mount_new_at("tmpfs", NULL, NULL, 0, 0, sub) == 0);
	CHECK(mount_read_only(dir, 1) == 0);
	CHECK(has(root, "c/d", ST_RDONLY) && has(root, "c/d/s", ST_RDONLY));
	CHECK(!has(root, "c", ST_RDONLY));
	CHECK(mount_read_only(file, 0) == 0);
	CHECK(has(root, "c/f", ST_RDONLY));
	mounted = path_open(root, "a/sub", O_PATH, 0);
	CHECK(mount_read_only(mounted, 0) == 0); /* a mount already: in place */
	CHECK(has(root, "a/sub", ST_RDONLY | ST_NODEV));
	return 0;
}

static int overlay_checks(int root)
{
	auto_fd int one = path_mkdirs(root, "l1/x", 0755, -1, -1),
		    l1 = path_open(root, "l1", O_PATH, 0);
	auto_fd int two = path_mkdirs(root, "l2/y", 0755, -1, -1),
		    l2 = path_open(root, "l2", O_PATH, 0);
	auto_fd int at = path_mount_target(root, "merged", 1), merged = -1, again = -1;
	struct stat here, st;
	const struct mount_param p[] = {MOUNT_FD("lowerdir+", l1), MOUNT_FD("lowerdir+", l2)};

	CHECK(one >= 0 && two >= 0);
	CHECK(stat(".", &here) == 0);
	CHECK(mount_new_at("overlay", "hull", p, 2, 0, at) == 0);
	CHECK(stat(".", &st) == 0 && st.st_ino == here.st_ino && st.st_dev == here.st_dev);
	merged = path_open(root, "merged", O_PATH, 0);
	CHECK(faccessat(merged, "x", F_OK, 0) == 0 && faccessat(merged, "y", F_OK, 0) == 0);
	again = mount_new_opened("overlay", "hull", p, 2, MS_RDONLY, merged);
	CHECK(again >= 0 && fstat(again, &st) == 0 && fstat(merged, &here) == 0);
	CHECK(st.st_dev != here.st_dev && faccessat(again, "x", F_OK, 0) == 0);
	return 0;
}

/* An opaque folder hides what is beneath it, whichever marks this kernel knows. */
static int opaque_checks(int root)
{
	auto_fd int top = path_mkdirs(root, "o1/d", 0755, -1, -1),
		    o1 = path_open(root, "o1", O_PATH, 0);
	auto_fd int low = path_mkdirs(root, "o2/d/hidden", 0755, -1, -1),
		    o2 = path_open(root, "o2", O_PATH, 0);
	auto_fd int rw = path_mkdirs(root, "rw", 0755, -1, -1), merged = -1;
	auto_fd int upper = path_mkdirs(root, "rw/upper", 0755, -1, -1);
	auto_fd int work = path_mkdirs(root, "rw/work", 0755, -1, -1);
	auto_fd int at = path_mount_target(root, "opaque", 1);
	const int lowers[] = {o1, o2};
	const struct overlay o = {lowers, 2, upper, work, .is_volatile = 1};
	char mark;

	CHECK(top >= 0 && low >= 0 && rw >= 0 && at >= 0);
	if (setxattr(path_of_fd(top, (char[PATH_FD_MAX]){0}), "user.overlay.opaque", "y", 1, 0) < 0)
		return 0; /* tmpfs before 6.6 */
	if (overlay_needs_trusted_marks()) {
		CHECK(overlay_marks_trust(o1) == 0 && overlay_marks_trust(o1) == 0);
		CHECK(getxattr(path_of_fd(top, (char[PATH_FD_MAX]){0}), "trusted.overlay.opaque",
			      &mark, 1) == 1);
	}
	merged = overlay_mount(&o, 0, at);
	CHECK(merged >= 0);
	CHECK(faccessat(merged, "d", F_OK, 0) == 0 && faccessat(merged, "d/hidden", F_OK, 0) < 0);
	CHECK(mkdirat(merged, "made", 0755) == 0);
	CHECK(faccessat(upper, "made", F_OK, 0) == 0);
	return 0;
}

static int pivot_checks(int root)
{
	struct stat before, after;

	CHECK(fstat(root, &before) == 0);
	CHECK(mount_pivot(root) == 0);
	CHECK(stat("/", &after) == 0 && before.st_ino == after.st_ino &&
		before.st_dev == after.st_dev);
	CHECK(access("/a/sub", F_OK) == 0 && access("/etc", F_OK) < 0);
	CHECK(stat(".", &after) == 0 && before.st_ino == after.st_ino);
	return 0;
}

static int in_namespace(const char *path)
{
	auto_fd int host = -1, at = -1, root = -1;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return 0;
	host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(mount_propagation(host, MS_PRIVATE, 1) == 0);
	at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(mount_new_at("tmpfs", "hull", NULL, 0, MS_NOSUID, at) == 0);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK((r = bind_checks(root)) == 0 || (fprintf(stderr, "line %d\n", r), 0));
	CHECK((r = read_only_checks(root)) == 0 || (fprintf(stderr, "line %d\n", r), 0));
	CHECK((r = overlay_checks(root)) == 0 || (fprintf(stderr, "line %d\n", r), 0));
	CHECK((r = opaque_checks(root)) == 0 || (fprintf(stderr, "line %d\n", r), 0));
	CHECK((r = pivot_checks(root)) == 0 || (fprintf(stderr, "line %d\n", r), 0));
	return 0;
}

static void with_calls_up_to(int newest)
{
	char path[] = "/tmp/hull-test-mount-XXXXXX";
	int status, line;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(path));
	pid = fork();
	if (pid == 0) {
		sys_deny_above(newest);
		line = in_namespace(path);
		if (line)
			fprintf(stderr, "failed in line %d\n", line);
		_exit(line != 0);
	}
	waitpid(pid, &status, 0);
	rmdir(path);
	assert_int_equal(status, 0);
}

static void test_mounts(void **state)
{
	(void)state;
	with_calls_up_to(SYS_DENY_NONE);
}

static void test_mounts_without_setattr(void **state)
{
	(void)state;
	with_calls_up_to(441);
}

static void test_mounts_without_lowerdir_plus(void **state)
{
	(void)state;
	with_calls_up_to(450);
}

static void test_mounts_without_userxattr(void **state)
{
	(void)state;
	with_calls_up_to(440);
	with_calls_up_to(439); /* nor "volatile" */
}

static void test_mounts_of_310(void **state)
{
	(void)state;
	with_calls_up_to(SYS_DENY_NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_flags),
		cmocka_unit_test(test_words_recursive),
		cmocka_unit_test(test_words_other),
		cmocka_unit_test(test_words_foreign),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_mounts_without_setattr),
		cmocka_unit_test(test_mounts_without_lowerdir_plus),
		cmocka_unit_test(test_mounts_without_userxattr),
		cmocka_unit_test(test_mounts_of_310),
	};

	return cmocka_run_group_tests_name("kernel_mount", tests, NULL, NULL);
}
