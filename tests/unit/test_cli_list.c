/* test_cli_list.c: tables, "table TEMPLATE", "json", -q; columns, cuts, quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/list.h"
#include "cli/table.h"

static const struct list_field fields[] = {
	{"ID", "CONTAINER ID"}, {"Names", "NAMES"}, {"Labels", "LABELS"}, {NULL, NULL}};
static const struct list list = {
	fields, "{{.ID}}\t{{.Names}}", "{{.ID}}", "id: {{.ID}}\nname: {{.Names}}\n"};
static const char text[] =
	"[{\"ID\":\"0123456789ab\",\"Names\":\"box\",\"Labels\":\"k=v\",\" labels\":{\"k\":\"v\"}},"
	"{\"ID\":\"ba9876543210\",\"Names\":\"a_longer_name\",\"Labels\":\"\"}]";
static struct err e;

static char *print(const char *format, int quiet)
{
	auto_json json_t *rows = jsonx_parse(text, strlen(text), "rows", &e);
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);
	int r = list_print(&list, format, quiet, rows, f, &e);

	fclose(f);
	if (r == 0)
		return out;
	free(out);
	return NULL;
}

static void prints(const char *format, int quiet, const char *want)
{
	auto_free char *have = print(format, quiet);

	if (!have)
		fail_msg("%s: %s", format, e.text);
	assert_string_equal(have, want);
}

static void test_formats(void **state)
{
	static const char table[] = "CONTAINER ID   NAMES\n"
				    "0123456789ab   box\n"
				    "ba9876543210   a_longer_name\n";

	prints(NULL, 0, table);
	prints("table", 0, table);
	prints("{{.Names}}", 0, "box\na_longer_name\n");
	prints("json", 1, "0123456789ab\nba9876543210\n");
	prints("json", 0,
		"{\"ID\":\"0123456789ab\",\"Labels\":\"k=v\",\"Names\":\"box\"}\n"
		"{\"ID\":\"ba9876543210\",\"Labels\":\"\",\"Names\":\"a_longer_name\"}\n");
	prints("table {{.Names}}\\t{{upper .ID}}\\t{{json .Labels}}", 0,
		"NAMES           CONTAINER ID   LABELS\n"
		"box             0123456789AB   \"k=v\"\n"
		"a_longer_name   BA9876543210   \"\"\n");
	prints("{{.Label \"k\"}}\\t.", 0, "v\t.\n\t.\n");
	prints("table {{.Label \"k\"}}", 0, "k\nv\n\n");
	prints("raw", 0,
		"id: 0123456789ab\nname: box\n\nid: ba9876543210\nname: a_longer_name\n\n");
}

static void refuses(const char *format, const char *want)
{
	assert_null(print(format, 0));
	assert_string_equal(e.text, want);
}

static void test_refused(void **state)
{
	refuses("{{.Foo}}", "template parsing error: template: :1:2: executing \"\" at <.Foo>: "
			    "can't evaluate field "
			    "Foo (the fields are ID, Names, Labels)");
	refuses("{{if}}", "template parsing error: template: :1: missing value for if");
	refuses("{{.Names 3}}", "template parsing error: template: :1:2: executing \"\" at "
				"<.Names>: Names is not a "
				"method but has arguments");
}

static void test_columns(void **state)
{
	static const char *const headings[] = {"ID", "NAME"};
	auto_free char *cut = table_cut("abcdefghij", 5), *whole = table_cut("äöü", 3);
	auto_free char *quoted = table_quote("a\"b\\\n\001ä");
	char *out = NULL, buf[72];
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);
	struct table t;

	table_start(&t, headings, 2);
	table_cell(&t, "1234567890");
	table_cell(&t, "x\033[2J");
	table_print(&t, f);
	table_done(&t);
	fclose(f);
	assert_string_equal(out, "ID           NAME\n1234567890   x?[2J\n");
	free(out);
	assert_string_equal(cut, "abcd…");
	assert_string_equal(whole, "äöü");
	assert_string_equal(quoted, "\"a\\\"b\\\\\\n\\x01ä\"");
	assert_string_equal(table_id("sha256:0123456789abcdef", 0, buf), "0123456789ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
