/* test_engine_env.c: the environment of a program, env files, hosts and resolv.conf. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "engine/files.h"
#include "engine/spec.h"

static char file[] = "/tmp/hull-test-env.XXXXXX";

static void write_file(const char *text, size_t len)
{
	assert_int_equal(fd_write_file(-100, file, text, len, 0600, 0), 0);
}

static int setup(void **state)
{
	int fd = mkstemp(file);

	(void)state;
	setenv("HULL_TEST_SET", "from host", 1);
	unsetenv("HULL_TEST_UNSET");
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(file);
}

static char *merge(char *const *image, char *const *files, char *const *given, int tty)
{
	auto_strv char **env = NULL, **config = NULL;
	struct err e = {0};

	if (spec_env_merge(image, files, given, "host1", "/root", tty, &env, &config, &e) < 0)
		return xasprintf("error: %s", e.text);
	return strv_join(env, "|");
}

#define STANDARD "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|HOSTNAME=host1"

static void check(
	char *const *image, char *const *files, char *const *given, int tty, const char *want)
{
	auto_free char *got = merge(image, files, given, tty);

	assert_string_equal(got, want);
}

static void test_merge(void **state)
{
	char *image[] = {(char *)"A=image", (char *)"B=image", (char *)"PATH=/bin", NULL};
	char *home[] = {(char *)"HOME=/h", NULL};
	char *given[] = {(char *)"B=e", (char *)"C=", (char *)"HULL_TEST_SET",
		(char *)"HULL_TEST_UNSET", (char *)"D=x=y z", NULL};
	char *unset[] = {(char *)"A", (char *)"HOSTNAME", NULL};

	(void)state;
	unsetenv("A");
	unsetenv("HOSTNAME");
	check(NULL, NULL, NULL, 0, STANDARD "|HOME=/root");
	check(NULL, NULL, NULL, 1, STANDARD "|TERM=xterm|HOME=/root");
	check(NULL, NULL, home, 0, STANDARD "|HOME=/h");
	check(image, NULL, given, 0,
		"PATH=/bin|HOSTNAME=host1|A=image|B=e|C=|HULL_TEST_SET=from host|D=x=y z|HOME=/"
		"root");
	/* A bare name that the host does not have takes the variable away. */
	check(image, NULL, unset, 0, "PATH=/bin|B=image|HOME=/root");
}

static void test_files(void **state)
{
	char *files[] = {file, NULL}, *image[] = {(char *)"A=image", NULL};
	char *given[] = {(char *)"B=given", NULL};
	static const char text[] = "\xef\xbb\xbf# comment\r\n"
				   "\n"
				   "  A=from file\r\n"
				   "B=\"quoted\" # no comment\n"
				   "HULL_TEST_SET\n"
				   "HULL_TEST_UNSET\n"
				   "\tC=";

	(void)state;
	write_file(text, sizeof(text) - 1);
	check(image, files, NULL, 0,
		STANDARD "|A=from file|B=\"quoted\" # no comment|HULL_TEST_SET=from "
			 "host|C=|HOME=/root");
	check(image, files, given, 0,
		STANDARD "|A=from file|B=given|HULL_TEST_SET=from host|C=|HOME=/root");
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *error;
	} cases[] = {
		{"A B=1", 5, "variable 'A B=1' contains whitespaces"},
		{"ok=1\n=x", 7, "line 2: no variable name on line '=x'"},
		{"A=\xff", 3, "invalid utf8 bytes"},
		{"A=\xc0\x80", 4, "invalid utf8 bytes"},
		{"A=1\0B=2", 7, "is no text"},
	};
	char *files[] = {file, NULL}, *none[] = {(char *)"/nonexistent/env", NULL};
	char *nameless[] = {(char *)"=x", NULL};
	auto_free char *missing = merge(NULL, none, NULL, 0), *bad = merge(NULL, NULL, nameless, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_file(cases[i].text, cases[i].len);
		auto_free char *got = merge(NULL, files, NULL, 0);
		if (!str_after(got, "error: ") || !strstr(got, cases[i].error))
			fail_msg("\"%s\" lacks \"%s\"", got, cases[i].error);
	}
	assert_string_equal(missing, "error: open /nonexistent/env: No such file or directory");
	assert_non_null(strstr(bad, "invalid environment variable: =x"));
}

static void test_labels(void **state)
{
	auto_strv char **lines = NULL;
	auto_free char *all = NULL;
	struct err e = {0};

	(void)state;
	write_file("a=b\nbare\n", 9);
	assert_int_equal(spec_env_file(file, 1, &lines, &e), 0);
	all = strv_join(lines, "|");
	assert_string_equal(all, "a=b|bare=");
}

static void test_hosts(void **state)
{
	auto_buf struct buf b = BUF_MAX(4096);
	auto_strv char **extra = NULL;
	char *add[] = {(char *)"a:10.0.0.1", (char *)"b=::1", (char *)"c:[fe80::1]", NULL};
	struct err e = {0};

	(void)state;
	assert_int_equal(files_extra_hosts(add, &extra, &e), 0);
	files_hosts_text(&b, extra, NULL);
	assert_non_null(strstr(b.data, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost"));
	assert_true(str_ends(b.data, "\n10.0.0.1\ta\n::1\tb\nfe80::1\tc\n"));
	buf_clear(&b);
	files_hosts_text(&b, NULL, "1.2.3.4 host");
	assert_string_equal(b.data, "1.2.3.4 host\n");
}

static void test_bad_hosts(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"a", "bad format for add-host: \"a\""},
		{":1.2.3.4", "bad format for add-host"},
		{"a b:1.2.3.4", "bad format for add-host"},
		{"a\n127.0.0.1 x:1.2.3.4", "bad format for add-host"},
		{"a:1.2.3", "invalid IP address in add-host: \"1.2.3\""},
		{"a:1.2.3.4\nx", "invalid IP address in add-host"},
		{"a:host-gateway", "no gateway"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *add[] = {(char *)cases[i].text, NULL};
		auto_strv char **out = NULL;
		struct err e = {0};

		assert_int_equal(files_extra_hosts(add, &out, &e), -1);
		if (!strstr(e.text, cases[i].error))
			fail_msg("\"%s\" lacks \"%s\"", e.text, cases[i].error);
	}
}

static void resolv(
	const char *host, int host_network, char *const *dns, char *const *search, const char *want)
{
	auto_buf struct buf b = BUF_MAX(4096);

	files_resolv_text(&b, host, host_network, dns, search, NULL);
	assert_string_equal(b.len ? b.data : "", want);
}

static void test_resolv(void **state)
{
	static const char host[] = "# by hand\nnameserver 127.0.0.53\nnameserver 10.0.0.2\n"
				   "nameserver ::1\nsearch a.example\noptions edns0";
	char *dns[] = {(char *)"9.9.9.9", NULL}, *dot[] = {(char *)".", NULL};

	(void)state;
	resolv(host, 0, NULL, NULL, "nameserver 10.0.0.2\nsearch a.example\noptions edns0\n");
	resolv(host, 1, NULL, NULL,
		"nameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\nsearch "
		"a.example\noptions edns0\n");
	resolv(host, 0, dns, dot, "options edns0\nnameserver 9.9.9.9\n");
	resolv(NULL, 0, NULL, NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_bad_hosts),
		cmocka_unit_test(test_resolv),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
