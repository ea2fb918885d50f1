/* test_compat_exec.c: why a program did not start, in words. */
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
#include <unistd.h>

#include <cmocka.h>

#include "compat/exec.h"

static char dir[] = "/tmp/hull-test-exec-XXXXXX";
static char path[64];

static void file(const void *data, size_t len, mode_t mode)
{
	int fd;

	snprintf(path, sizeof(path), "%s/x", dir);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	fchmod(fd, mode);
	close(fd);
}

static void expect(int errnum, int status, const char *part)
{
	struct err e = {0};

	assert_int_equal(compat_exec_explain(path, errnum, &e), -1);
	assert_int_equal(e.status, status);
	if (!strstr(e.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, e.text);
}

static void test_words(void **state)
{
	static const unsigned char arm[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 183};

	(void)state;
	file("#!/no/such/sh -x\n", 17, 0755);
	expect(ENOENT, 127, "its interpreter /no/such/sh is missing");
	file(arm, sizeof(arm), 0755);
	expect(ENOEXEC, 126, "for aarch64");
	file("echo hi\n", 8, 0755);
	expect(ENOEXEC, 126, "neither a program nor a script");
	file("x", 1, 0644);
	expect(EACCES, 126, "not executable");
	snprintf(path, sizeof(path), "%s", dir);
	expect(EACCES, 126, "is a directory");
	snprintf(path, sizeof(path), "%s/absent", dir);
	expect(ENOENT, 127, "no such file or directory");
}

/* A program header that points anywhere must not be followed. */
static void test_hostile_headers(void **state)
{
	unsigned char elf[120] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 62};

	(void)state;
	for (int seed = 0; seed < 2000; seed++) {
		struct err e = {0};
		srand((unsigned)seed);
		for (size_t i = 20; i < sizeof(elf); i++)
			elf[i] = (unsigned char)(rand() % 3 ? rand() : 0);
		elf[32] = 64;
		memset(elf + 33, 0, 7);
		elf[64] = 3;
		memset(elf + 65, 0, 3);
		file(elf, sizeof(elf), 0755);
		assert_int_equal(compat_exec_explain(path, ENOENT, &e), -1);
		assert_int_equal(e.status, 127);
	}
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/x", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_hostile_headers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
