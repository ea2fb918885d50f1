/* test_cli_template.c: the templates that people type, against what Docker 28 prints for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/template.h"

static const char object[] =
	"{\"Id\":\"abc\",\"Name\":\"/box\",\"RestartCount\":0,\"Created\":null,"
	"\"State\":{\"Status\":\"running\",\"Running\":true,\"Pid\":42,\"OOMKilled\":false,"
	"\"Error\":\"\"},"
	"\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"v\"},{\"Type\":\"bind\",\"Name\":\"b\"}],"
	"\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"z\":\"26\",\"a.b\":\"c\"},\"Cmd\":"
	"null},"
	"\"RepoDigests\":[\"x@sha256:1\"],\"Float\":1.5,\"Big\":3e21,"
	"\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"::\",\"HostPort\":\"8080\"}],"
	"\"81/tcp\":null},"
	"\"Networks\":{\"net\":{\"IPAddress\":\"10.0.0.2\"},\"b\":{\"IPAddress\":\"10.0.0.3\"}}}}";

static const struct template_member members[] = {
	{"Health", MEMBER_OBJECT, 1},
	{"StopSignal", MEMBER_TEXT, 1},
	{"Labels", MEMBER_MAP, 0},
	{"Cmd", MEMBER_LIST, 0},
	{"Ports", MEMBER_MAP_OF_LISTS, 0},
	{"Networks", MEMBER_MAP_OF_OBJECTS, 0},
	{"[]", MEMBER_LIST, 0},
	{NULL, 0, 0},
};

static struct err e;

/* The output, or NULL with e filled. */
static char *expand(const char *text)
{
	const struct template_env env = {.members = members};
	auto_buf struct buf b = BUF_MAX(1 << 20);
	auto_json json_t *dot = jsonx_parse(object, strlen(object), "object", &e);
	auto_template struct template *t = NULL;

	assert_non_null(dot);
	memset(&e, 0, sizeof(e));
	t = template_parse(text, &e);
	if (!t || template_run(t, dot, &env, &b, &e) < 0)
		return NULL;
	return buf_steal(&b);
}

static void gives(const char *text, const char *want)
{
	auto_free char *have = expand(text);

	if (!have)
		fail_msg("%s: %s", text, e.text);
	if (!streq(have, want))
		fail_msg("%s: \"%s\" instead of \"%s\"", text, have, want);
}

static void fails(const char *text, const char *want)
{
	auto_free char *have = expand(text);

	if (have)
		fail_msg("%s: \"%s\" instead of an error", text, have);
	if (!streq(e.text, want))
		fail_msg("%s: error \"%s\" instead of \"%s\"", text, e.text, want);
}

static void test_fields(void **state)
{
	gives("plain", "plain");
	gives("", "");
	gives("{{.State.Status}} {{ .State.Pid }}", "running 42");
	gives("{{.Name}}{{.RestartCount}}{{.State.Running}}", "/box0true");
	gives("{{.ID}}", "abc"); /* Go's field name; the JSON has Id */
	gives("{{.Config.Env}}", "[A=1 B=2]");
	gives("{{.Config.Labels}}", "map[a.b:c z:26]");
	gives("{{.State}}", "{running true 42 false }");
	gives("{{.Float}} {{.Created}} {{.Config.Cmd}}", "1.5 <nil> []");
	gives("{{.Config.Labels.nope}}", "<no value>");
	gives("{{.Config.StopSignal}}|{{.State.Health}}", "|<nil>");
	gives("{{(index .Mounts 1).Name}}", "b");
	gives("a\\tb", "a\\tb"); /* only lists expand it */
}

static void test_functions(void **state)
{
	gives("{{json .Config.Labels}}", "{\"z\":\"26\",\"a.b\":\"c\"}");
	gives("{{json .Config.Cmd}} {{json .Name}}", "null \"/box\"");
	gives("{{index .Config.Labels \"a.b\"}}|{{index .Config.Labels \"x\"}}", "c|");
	gives("{{index .RepoDigests 0}}", "x@sha256:1");
	gives("{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "8080");
	gives("{{index .NetworkSettings.Ports \"99/tcp\"}}", "[]");
	gives("{{join .Config.Env \",\"}}|{{split \"a:b\" \":\"}}", "A=1,B=2|[a b]");
	gives("{{upper .Id}} {{lower \"AB\"}} {{title .Id}}", "ABC ab Abc");
	gives("{{truncate .Name 3}}|{{pad .Id 2 2}}|{{truncate .Id 30}}", "/bo|  abc  |abc");
	gives("{{len .Mounts}}{{len .Config.Labels}}{{len .Id}}{{len .Config.Cmd}}", "2230");
	gives("{{slice .Id 1}} {{slice .Id 0 2}} {{len (slice .Mounts 1)}}", "bc ab 1");
	gives("{{printf \"%s-%d|%5s|%-4s|%q %v %t %%\" .Id 3 \"x\" \"y\" .Id .Mounts true}}",
		"abc-3|    x|y   |\"abc\" [{volume v} {bind b}] true %");
	gives("{{printf \"%d %s\" .Id}}", "%!d(string=abc) %!s(MISSING)");
	gives("{{print .Id 1 2 .Id}}|{{println .Id 1}}", "abc1 2abc|abc 1\n");
	gives("{{.Id | upper | printf \"%s-%s\" \"x\"}}", "x-ABC");
	gives("{{1.50}}|{{1e3}}|{{0x10}}|{{-7}}|{{`raw\\n`}}|{{\"a\\tb\"}}",
		"1.5|1000|16|-7|raw\\n|a\tb");
}

static void test_conditions(void **state)
{
	gives("{{if .State.Health}}h{{else}}none{{end}}", "none");
	gives("{{if .State.Running}}up{{end}}", "up");
	gives("{{if eq .State.Status \"exited\"}}1{{else if eq .State.Pid 42}}2{{else}}3{{end}}",
		"2");
	gives("{{if and .Id .State.Error}}y{{else}}n{{end}}{{or .State.Error \"d\"}}", "nd");
	gives("{{if not .State.OOMKilled}}fine{{end}}", "fine");
	gives("{{eq .Id \"x\" \"abc\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 3}}",
		"true true true true false false");
	gives("{{lt \"a\" \"b\"}} {{and 1 0}} {{or 0 \"x\"}} {{not 1}}", "true 0 x false");
	gives("{{with .State}}{{.Pid}}{{end}}{{with .State.Error}}x{{else}}-{{end}}", "42-");
	gives("{{and .State.Health .State.Health.Status}}", "<nil>"); /* stops at the first */
}

static void test_range(void **state)
{
	gives("{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}}{{end}}{{end}}", "v");
	gives("{{range $i, $m := .Mounts}}{{$i}}={{$m.Name}} {{end}}", "0=v 1=b ");
	gives("{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", "10.0.0.3 10.0.0.2 ");
	gives("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a.b=c;z=26;");
	gives("{{range $p, $c := .NetworkSettings.Ports}}{{$p}}{{range $c}}->{{.HostPort}}{{end}} "
	      "{{end}}",
		"80/tcp->8080 81/tcp ");
	gives("{{range .Config.Cmd}}x{{else}}empty{{end}}", "empty");
	gives("{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n");
	gives("{{range $i, $e := .Config.Env}}{{if $i}}{{break}}{{end}}{{$e}}{{end}}", "A=1");
	gives("{{range .Config.Env}}{{if eq . \"A=1\"}}{{continue}}{{end}}{{.}}{{$.Id}}{{end}}",
		"B=2abc");
	gives("{{$x := 1}}{{range .Mounts}}{{$x = .Name}}{{end}}{{$x}}", "b");
	gives("{{$x := .State}}{{$x.Pid}}{{with $y := .Id}}{{$y}}{{end}}", "42abc");
}

static void test_blanks(void **state)
{
	gives("a {{- .Id -}} b", "aabcb");
	gives("a{{/* c */}}b{{- /* d */ -}} c", "abc");
	gives("{{range .Mounts -}}\n  {{.Name}}\n{{- end}}", "vb");
	gives("{{ if true }}\n x {{ end }}", "\n x ");
}

#define AT "template: :1:2: executing \"\" at "
static void test_refused(void **state)
{
	fails("{{.Foo}}", AT "<.Foo>: map has no entry for key \"Foo\"");
	fails("{{.State.Health.Status}}", "template: :1:8: executing \"\" at "
					  "<.State.Health.Status>: nil data; no entry for key "
					  "\"Status\"");
	fails("{{.Name.x}}", "template: :1:7: executing \"\" at <.Name.x>: can't evaluate field x "
			     "in type string");
	fails("{{foo}}", "template: :1: function \"foo\" not defined");
	fails("{{.Name | nope}}", "template: :1: function \"nope\" not defined");
	fails("{{if .Name}}", "template: :1: unexpected EOF");
	fails("{{end}}", "template: :1: unexpected {{end}}");
	fails("{{if}}", "template: :1: missing value for if");
	fails("{{}}", "template: :1: missing value for command");
	fails("{{.Name", "template: :1: unclosed action");
	fails("{{\"abc}}", "template: :1: unterminated quoted string");
	fails("x\n{{$x}}", "template: :2: undefined variable \"$x\"");
	fails("{{nil}}", AT "<nil>: nil is not a command");
	fails("{{index .Name 99}}",
		AT "<index .Name 99>: error calling index: index out of range: 99");
	fails("{{range .Name}}x{{end}}",
		"template: :1:8: executing \"\" at <.Name>: range can't iterate over /box");
	fails("{{len 3}}", AT "<len 3>: error calling len: len of type int");
	fails("{{eq .Name 3}}",
		AT "<eq .Name 3>: error calling eq: incompatible types for comparison");
	fails("{{break}}", "template: :1: {{break}} outside {{range}}");
	fails("{{template \"x\"}}", "template: :1: define, template and block are not supported");
	fails("{{upper}}", AT "<upper>: wrong number of args for upper: want 1 got 0");
}

/* A template must end: loops in loops in loops over a list of a thousand. */
static void test_limits(void **state)
{
	auto_buf struct buf b = BUF_MAX(1 << 20);
	auto_json json_t *dot = json_array();
	auto_template struct template *t = template_parse(
		"{{range .}}{{range $}}{{range $}}{{range $}}{{end}}{{end}}{{end}}{{end}}", &e);
	const struct template_env env = {0};
	auto_free char *deep = xcalloc(1, 20000);

	for (int i = 0; i < 1000; i++)
		json_array_append_new(dot, json_integer(i));
	assert_non_null(t);
	assert_int_equal(template_run(t, dot, &env, &b, &e), -1);
	assert_non_null(strstr(e.text, "too many steps"));
	memset(deep, '(', 19990);
	memcpy(deep, "{{", 2);
	fails(deep, "template: :1: too deeply nested");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
