/* test_cli_opts.c: command lines by pflag's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/opts.h"

struct values {
	int tty, interactive, detach, count_set;
	int64_t count;
	const char *name;
	char **env;
};

#define AT(m) offsetof(struct values, m), OPT_NOT_TRACKED
static const struct opt opts[] = {
	{"tty", 't', OPT_BOOL, AT(tty), "", ""},
	{"interactive", 'i', OPT_BOOL, AT(interactive), "", ""},
	{"detach", 'd', OPT_BOOL, AT(detach), "", ""},
	{"name", 0, OPT_TEXT, AT(name), "", ""},
	{"env", 'e', OPT_LIST, AT(env), "", ""},
	{"count", 'n', OPT_INT, offsetof(struct values, count), offsetof(struct values, count_set),
		"", ""},
	{"publish", 'p', OPT_LATER, 0, OPT_NOT_TRACKED, NULL, NULL},
};

static struct values v;
static char **args;
static struct err e;

static int parse(int first_stops, ...)
{
	char *argv[16];
	int argc = 0;
	va_list ap;

	strv_free(v.env);
	strv_free(args);
	memset(&v, 0, sizeof(v));
	memset(&e, 0, sizeof(e));
	args = NULL;
	va_start(ap, first_stops);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	return opts_parse(opts, ARRAY_SIZE(opts), first_stops, argc, argv, &v, &args, &e);
}

static void test_forms(void **state)
{
	(void)state;
	assert_int_equal(
		parse(1, "-itd", "-eA=b", "-e", "C=d", "--name=x", "img", "-e", "--", "z", NULL),
		0);
	assert_true(v.tty && v.interactive && v.detach);
	assert_string_equal(v.name, "x");
	assert_int_equal(strv_len(v.env), 2);
	assert_string_equal(v.env[0], "A=b");
	assert_int_equal(strv_len(args), 4); /* img -e -- z: not ours any more */
	assert_string_equal(args[2], "--");
	assert_int_equal(parse(0, "a", "-t", "b", "--", "-i", NULL), 0);
	assert_true(v.tty && !v.interactive);
	assert_int_equal(strv_len(args), 3);
	assert_int_equal(parse(0, "--tty=false", "-n", "-5", NULL), 0);
	assert_int_equal(v.count, -5);
	assert_true(v.count_set && !v.tty);
	assert_int_equal(parse(0, "--help", NULL), 1);
}

static void refused(int r, const char *text)
{
	assert_int_equal(r, -1);
	assert_int_equal(e.status, 125);
	if (!strstr(e.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, e.text);
}

static void test_refusals(void **state)
{
	(void)state;
	refused(parse(1, "--nmae", "x", NULL), "unknown flag: --nmae (did you mean --name?)");
	refused(parse(1, "--zzzzzzzz", NULL), "unknown flag: --zzzzzzzz");
	refused(parse(1, "-tz", NULL), "unknown shorthand flag: 'z' in -tz");
	refused(parse(1, "--name", NULL), "flag needs an argument: --name");
	refused(parse(1, "-e", NULL), "flag needs an argument: 'e' in -e");
	refused(parse(1, "--tty=maybe", NULL), "invalid argument \"maybe\" for \"--tty\"");
	refused(parse(1, "-n", "x", NULL), "invalid argument \"x\" for \"--count\"");
	refused(parse(1, "-p", "80:80", NULL), "--publish is not available");
	refused(parse(1, "--nam", "x", NULL), "unknown flag: --nam");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refusals),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	strv_free(v.env);
	strv_free(args);
	return r;
}
