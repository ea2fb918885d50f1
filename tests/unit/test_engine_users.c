/* test_engine_users.c: who a program runs as, from hostile passwd and group files; and reading
 * files of an image through its layers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/layered.h"
#include "engine/users.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# comment:x:7:7::/:\n"
			     "broken line\n"
			     "ann:x:1234:100:Ann:/home/ann:/bin/sh\n"
			     "big:x:4294967297:0::/big:/bin/sh\n" /* wraps to 1 in 32 bits */
			     "huge:x:2147483648:0::/huge:/bin/sh\n"
			     "1000:x:0:0:liar:/root:/bin/sh\n"
			     "4294967297:x:0:0:liar:/root:/bin/sh\n"
			     "rel:x:77:77::home/rel:/bin/sh\n"
			     "nohome:x:78:78\n"
			     "twice:x:90:90::/first:/bin/sh\n"
			     "twice:x:91:91::/second:/bin/sh\n"
			     "last:x:99:99::/last:/bin/sh"; /* no line end */
static const char group[] = "root:x:0:\n"
			    "users:x:100:\n"
			    "wheel:x:10:root,ann\n"
			    "audio:x:63:ann,\n"
			    "annex:x:64:anna,xann\n"
			    "1000:x:0:ann\n"
			    "over:x:4294967295:ann\n"
			    "last:x:99:last";

/* "uid gid [groups] home", or "error: text" */
static void who(const char *user, char *const *add, char *out, size_t size)
{
	struct users_who w;
	struct err e = {0};
	size_t n;

	if (users_resolve(passwd, group, user, add, &w, &e) < 0) {
		snprintf(out, size, "error: %.400s", e.text);
		return;
	}
	n = (size_t)snprintf(out, size, "%u %u [", w.uid, w.gid);
	for (size_t i = 0; i < w.n_groups; i++)
		n += (size_t)snprintf(out + n, size - n, i ? ",%u" : "%u", w.groups[i]);
	snprintf(out + n, size - n, "] %s", w.home);
	users_who_done(&w);
}

static void test_users(void **state)
{
	static const struct {
		const char *user, *want;
	} cases[] = {
		{"", "0 0 [0,10] /root"},
		{"root", "0 0 [0,10] /root"},
		{"0", "0 0 [0,10] /root"},
		{"ann", "1234 100 [100,10,63,0] /home/ann"},
		{"1234", "1234 100 [100,10,63,0] /home/ann"},
		/* CVE-2016-3697: a number is never a name */
		{"1000", "1000 0 [0] /"},
		{"1000:1000", "1000 1000 [1000] /"},
		{"ann:wheel", "1234 10 [10] /home/ann"},
		{"ann:", "1234 100 [100,10,63,0] /home/ann"},
		{"ann:5", "1234 5 [5] /home/ann"},
		{":10", "0 10 [10] /root"},
		{"2147483647", "2147483647 0 [0] /"},
		/* CVE-2024-40635, CVE-2026-46680: neither wraps */
		{"2147483648", "error: user 2147483648: uids and gids must be in range"},
		{"4294967295", "error: user 4294967295: uids and gids must be in range"},
		{"4294967296", "error: user 4294967296: uids and gids must be in range"},
		{"4294967297", "error: user 4294967297: uids and gids must be in range"},
		{"99999999999999999999", "error: user 99999999999999999999: uids and gids"},
		{"-1", "error: user -1: uids and gids must be in range"},
		{"0:4294967296", "error: group 4294967296: uids and gids must be in range"},
		{"big", "error: unable to find user big: no matching entries in passwd file"},
		{"huge", "error: unable to find user huge: no matching entries in passwd file"},
		{"nobodyx", "error: unable to find user nobodyx: no matching entries in passwd"},
		{"ann:nogroup",
			"error: unable to find group nogroup: no matching entries in group"},
		{"ann:over", "error: unable to find group over: no matching entries in group"},
		{"# comment", "error: unable to find user # comment"},
		{"+5", "error: unable to find user +5"},
		{"0x10", "error: unable to find user 0x10"},
		{" 0", "error: unable to find user  0"},
		{"rel", "77 77 [77] /"},
		{"nohome", "error: unable to find user nohome"},
		{"twice", "90 90 [90] /first"},
		{"last", "99 99 [99] /last"},
	};
	char got[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		who(cases[i].user, NULL, got, sizeof(got));
		if (strncmp(got, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].user, got, cases[i].want);
	}
}

static void test_group_add(void **state)
{
	char *add[] = {(char *)"audio", (char *)"7", (char *)"10", NULL};
	char *none[] = {(char *)"nosuch", NULL}, *over[] = {(char *)"4294967296", NULL};
	char got[512];

	(void)state;
	who("", add, got, sizeof(got));
	assert_string_equal(got, "0 0 [0,10,63,7] /root");
	who("1000", add, got, sizeof(got));
	assert_string_equal(got, "1000 0 [0,63,7,10] /");
	who("", none, got, sizeof(got));
	assert_string_equal(
		got, "error: Unable to find group nosuch: no matching entries in group file");
	who("", over, got, sizeof(got));
	assert_non_null(strstr(got, "must be in range"));
}

static void test_no_files(void **state)
{
	struct users_who w;
	struct err e = {0};

	(void)state;
	assert_int_equal(users_resolve(NULL, NULL, "", NULL, &w, &e), 0);
	assert_int_equal(w.uid, 0);
	assert_string_equal(w.home, "/");
	users_who_done(&w);
	assert_int_equal(users_resolve(NULL, NULL, "ann", NULL, &w, &e), -1);
}

/* ---- layers ---- */

static char top[] = "/tmp/hull-test-users.XXXXXX";

static void put(const char *path, const char *text)
{
	auto_free char *full = xasprintf("%s/%s", top, path);
	auto_free char *dir = xstrdup(full);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fd_mkdirs(AT_FDCWD, dir, 0755), 0);
	if (text)
		assert_int_equal(fd_write_file(AT_FDCWD, full, text, strlen(text), 0644, 0), 0);
}

static void put_link(const char *path, const char *target)
{
	auto_free char *full = xasprintf("%s/%s", top, path);

	put(path, NULL);
	assert_int_equal(symlink(target, full), 0);
}

/* The file's text, or "-errno" by name. */
static void look(const char *const *names, const char *path, const char *want)
{
	auto_buf struct buf b = BUF_MAX(64);
	auto_strv char **layers = NULL;
	char got[128];
	int r;

	for (; *names; names++)
		strv_addf(&layers, "%s/%s", top, *names);
	r = layered_read(layers, path, &b);
	snprintf(got, sizeof(got), "%s", r < 0 ? strerrorname_np(-r) : b.len ? b.data : "");
	if (strcmp(got, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", path, got, want);
}

static int make_layers(void **state)
{
	auto_free char *fifo = NULL;
	(void)state;
	if (!mkdtemp(top))
		return -1;
	put("a/etc/passwd", "low");
	put("a/etc/only-low", "only");
	put("a/data/x", "x");
	put("a/file", "f");
	put("b/etc/passwd", "high");
	put_link("b/etc/group", "../data/x");
	put_link("b/etc/abs", "/data/x");
	put_link("b/etc/out", "../../../../../../etc/hostname");
	put_link("b/etc/loop", "loop");
	put_link("b/lib", "etc");
	put("b/file/inner", "folder over file");
	put("c/etc/big", "0123456789012345678901234567890123456789012345678901234567890123456789");
	put("c/data", "file over folder");
	fifo = xasprintf("%s/c/etc/fifo", top);
	return mkfifo(fifo, 0644);
}

static int remove_layers(void **state)
{
	auto_free char *command = xasprintf("rm -rf '%s'", top);

	(void)state;
	return system(command);
}

static void test_layers(void **state)
{
	static const char *const one[] = {"a", NULL}, *const two[] = {"a", "b", NULL},
				 *const three[] = {"a", "b", "c", NULL};

	(void)state;
	look(one, "/etc/passwd", "low");
	look(two, "/etc/passwd", "high");
	look(two, "etc//./only-low", "only");
	look(two, "/lib/passwd", "high");
	look(two, "/lib/only-low", "only");
	look(two, "/etc/group", "x");
	look(two, "/etc/abs", "x");
	look(two, "/etc/../../../data/x", "x");
	look(two, "/etc/out", "ENOENT"); /* inside there is no such file */
	look(two, "/etc/loop", "ELOOP");
	look(two, "/etc/none", "ENOENT");
	look(two, "/etc", "EINVAL");
	look(two, "/file/inner", "folder over file");
	look(two, "/etc/passwd/x", "ENOTDIR");
	look(three, "/etc/group", "ENOTDIR"); /* its way leads through what is a file now */
	look(three, "/data", "file over folder");
	look(three, "/data/x", "ENOTDIR");
	look(three, "/etc/fifo", "EINVAL");
	look(three, "/etc/big", "EFBIG");
	look(three, "/etc/passwd", "high");
}

/* Needs the right to make device nodes; the mark of an opaque folder, user xattrs. */
static void test_marks(void **state)
{
	static const char *const two[] = {"a", "w", NULL}, *const three[] = {"a", "o", "b", NULL};
	auto_free char *white = xasprintf("%s/w/etc/passwd", top);
	auto_free char *folder = xasprintf("%s/w/data", top);
	auto_free char *opaque = xasprintf("%s/o/etc", top);

	(void)state;
	put("w/etc/x", "x");
	put("o/etc/x", "x");
	if (mknod(white, S_IFCHR, 0) < 0 || mknod(folder, S_IFCHR, 0) < 0 ||
		setxattr(opaque, "user.overlay.opaque", "y", 1, 0) < 0)
		skip();
	look(two, "/etc/passwd", "ENOENT");
	look(two, "/etc/only-low", "only");
	look(two, "/data/x", "ENOENT");
	look(three, "/etc/only-low", "ENOENT");
	look(three, "/etc/passwd", "high");
	look(three, "/etc/x", "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_group_add),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, make_layers, remove_layers);
}
