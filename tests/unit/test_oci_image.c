/* test_oci_image.c: image configurations in and out, and Dockerfile instructions applied to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "oci/image.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char full[] =
	"{\"created\":\"2026-01-01T00:00:00Z\",\"author\":\"a\",\"architecture\":\"arm64\",\"os\":"
	"\"linux\","
	"\"variant\":\"v8\",\"config\":{\"User\":\"1000:100\",\"ExposedPorts\":{\"80/tcp\":{}},"
	"\"Env\":[\"PATH=/bin\",\"E=\"],\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\",\"d\"],"
	"\"Volumes\":{\"/data\":{}},\"WorkingDir\":\"/w\",\"Labels\":{\"a\":\"b\"},"
	"\"StopSignal\":\"SIGINT\",\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":"
	"1000000000},"
	"\"OnBuild\":[\"RUN x\"],\"Shell\":[\"/bin/bash\",\"-c\"]},"
	"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST "\"]},"
	"\"history\":[{\"created\":\"2026-01-01T00:00:00Z\",\"author\":\"a\",\"created_by\":"
	"\"ADD\","
	"\"comment\":\"c\"},{\"created_by\":\"CMD\",\"empty_layer\":true}]}";

static void parse(const char *text, struct oci_image *i)
{
	struct err e = {0};

	if (oci_image_parse(text, strlen(text), i, &e) < 0)
		fail_msg("%s", e.text);
}

static void test_round_trip(void **state)
{
	struct oci_image i;
	auto_free char *text = NULL;

	(void)state;
	parse(full, &i);
	assert_string_equal(i.user, "1000:100");
	assert_string_equal(i.volumes[0], "/data");
	assert_true(i.entrypoint_set && i.cmd_set);
	assert_string_equal(i.diff_ids[0], DIGEST);
	assert_int_equal(i.n_history, 2);
	assert_true(i.history[1].empty_layer);
	text = oci_image_text(&i);
	assert_string_equal(text, full);
	oci_image_done(&i);
}

static void test_set_and_missing(void **state)
{
	struct oci_image i;
	auto_free char *text = NULL;

	(void)state;
	parse("{\"config\":{\"Entrypoint\":null,\"Cmd\":[],\"Labels\":null,\"Volumes\":null}}", &i);
	assert_true(i.entrypoint_set && i.cmd_set);
	assert_null(i.entrypoint);
	assert_null(i.volumes);
	text = oci_image_text(&i);
	assert_string_equal(text,
		"{\"architecture\":\"\",\"os\":\"\",\"config\":{\"Entrypoint\":[],\"Cmd\":[]},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}");
	oci_image_done(&i);
	parse("{}", &i);
	assert_false(i.entrypoint_set || i.cmd_set);
	oci_image_done(&i);
}

static void test_errors(void **state)
{
	static const struct {
		const char *in, *error;
	} cases[] = {
		{"{\"config\":{\"Env\":[\"A=b\",\"FOO\"]}}",
			"config.Env[1] must be NAME=value, not \"FOO\""},
		{"{\"config\":{\"Env\":[\"=x\"]}}", "config.Env[0] must be NAME=value"},
		{"{\"config\":{\"Env\":[\"*\"]}}", "config.Env[0] must be NAME=value"},
		{"{\"config\":{\"Volumes\":{\"data\":{}}}}",
			"config.Volumes[0] must be an absolute path, not \"data\""},
		{"{\"config\":{\"Labels\":{\"a\":1}}}", "config.Labels.a must be text"},
		{"{\"config\":{\"Healthcheck\":[]}}", "config.Healthcheck must be an object"},
		{"{\"config\":{\"User\":0}}", "config.User must be text"},
		{"{\"rootfs\":{\"type\":\"squash\"}}", "rootfs.type must be \"layers\""},
		{"{\"rootfs\":{\"diff_ids\":[\"sha256:../../x\"]}}", "rootfs.diff_ids[0] must be"},
		{"{\"history\":[{\"empty_layer\":\"x\"}]}",
			"history[0].empty_layer must be true or false"},
		{"{\"os\":\"a\",\"os\":\"b\"}", "the image configuration is not valid JSON"},
		{"{\"config\":{\"User\":\"a\\u0000b\"}}",
			"the image configuration is not valid JSON"},
	};
	struct oci_image i;
	struct err e = {0};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		assert_int_equal(oci_image_parse(cases[n].in, strlen(cases[n].in), &i, &e), -1);
		if (strncmp(e.text, cases[n].error, strlen(cases[n].error)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[n].in, e.text, cases[n].error);
		oci_image_done(&i);
	}
}

static void test_long_lists(void **state)
{
	auto_buf struct buf b = BUF_MAX(1 << 20);
	struct oci_image i;
	struct err e = {0};

	(void)state;
	buf_puts(&b, "{\"config\":{\"Env\":[\"A=b\"");
	for (int n = 1; n < 4097; n++)
		buf_puts(&b, ",\"A=b\"");
	buf_puts(&b, "]}}");
	assert_int_equal(oci_image_parse(b.data, b.len, &i, &e), -1);
	assert_string_equal(e.text, "config.Env has 4097 items; at most 4096 are taken");
	oci_image_done(&i);
}

/* Instructions, one a line -> the config object they make, or the error of the last. */
static void test_changes(void **state)
{
	static const struct {
		const char *lines, *config;
	} good[] = {
		{"CMD [\"a\",\"b c\"]", "{\"Cmd\":[\"a\",\"b c\"]}"},
		{"cmd echo  $HOME", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo  $HOME\"]}"},
		{"SHELL [\"/bin/bash\",\"-c\"]\nCMD [broken",
			"{\"Cmd\":[\"/bin/bash\",\"-c\",\"[broken\"],\"Shell\":[\"/bin/"
			"bash\",\"-c\"]}"},
		{"ENTRYPOINT []", "{\"Entrypoint\":[]}"},
		{"ENV A=1 B=\"x y\" C='$A' D=$A\nENV A=2", /* expansion sees earlier lines only */
			"{\"Env\":[\"A=2\",\"B=x y\",\"C=$A\",\"D=\"]}"},
		{"ENV P=/bin\nENV P=/x:$P Q=${P}z R=${N:-no} S=${P:+yes} T=\\$P U=$ V=${P",
			"{\"Env\":[\"P=/x:/bin\",\"Q=/binz\",\"R=no\",\"S=yes\",\"T=$P\",\"U=$\","
			"\"V=${P\"]}"},
		{"ENV NAME the rest of it", "{\"Env\":[\"NAME=the rest of it\"]}"},
		{"EXPOSE 80 53/UDP 8000-8002/tcp 80/tcp",
			"{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{},\"8000/tcp\":{},\"8001/"
			"tcp\":{},"
			"\"8002/tcp\":{}}}"},
		{"LABEL a=b \"c d\"=\"e f\"", "{\"Labels\":{\"a\":\"b\",\"c d\":\"e f\"}}"},
		{"STOPSIGNAL SIGRTMIN+3", "{\"StopSignal\":\"SIGRTMIN+3\"}"},
		{"USER 1000:1000", "{\"User\":\"1000:1000\"}"},
		{"VOLUME [\"/a b\"]\nVOLUME /c /d",
			"{\"Volumes\":{\"/a b\":{},\"/c\":{},\"/d\":{}}}"},
		{"WORKDIR /a/b\nWORKDIR ../c/./d", "{\"WorkingDir\":\"/a/c/d\"}"},
		{"WORKDIR ../..", "{\"WorkingDir\":\"/\"}"},
		{"ONBUILD RUN make", "{\"OnBuild\":[\"RUN make\"]}"},
		{"HEALTHCHECK NONE", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}"},
		{"HEALTHCHECK --interval=1m30s --retries=2 CMD curl -f x",
			"{\"Healthcheck\":{\"Interval\":90000000000,\"Retries\":2,"
			"\"Test\":[\"CMD-SHELL\",\"curl -f x\"]}}"},
		{"HEALTHCHECK CMD [\"a\"]", "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\"]}}"},
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(good); n++) {
		struct oci_image i = {0};
		struct err e = {0};
		auto_strv char **lines = strv_split(good[n].lines, "\n");
		auto_free char *text = NULL, *want = NULL;

		strv_foreach (s, lines)
			if (oci_image_change(&i, *s, &e) < 0)
				fail_msg("%s: %s", *s, e.text);
		text = oci_image_text(&i);
		want = xasprintf("{\"architecture\":\"\",\"os\":\"\",\"config\":%s,"
				 "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
			good[n].config);
		assert_string_equal(text, want);
		oci_image_done(&i);
	}
}

static void test_bad_changes(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{"", "the change is empty"},
		{"RUN x", "the instruction \"RUN\" cannot be used in a change"},
		{"entrypiont x",
			"the instruction \"entrypiont\" cannot be used in a change; did you mean "
			"\"ENTRYPOINT\"?"},
		{"CMD", "CMD: an argument is missing"},
		{"ENV", "ENV: an argument is missing"},
		{"ENV A=1 B", "ENV: \"B\" is not of the form NAME=value"},
		{"ENV =1", "ENV: \"=1\" is not of the form NAME=value"},
		{"ENV A=\"x", "ENV: a quote (\") is not closed"},
		{"EXPOSE 0", "EXPOSE: \"0\" is no port"},
		{"EXPOSE 65536", "EXPOSE: \"65536\" is no port"},
		{"EXPOSE 1-2-3", "EXPOSE: \"1-2-3\" is no port"},
		{"EXPOSE 9-8", "EXPOSE: \"9-8\" is no port"},
		{"EXPOSE 80/icmp", "EXPOSE: \"80/icmp\" is no port"},
		{"EXPOSE 1-65535", "EXPOSE: more than 4096 entries"},
		{"STOPSIGNAL SIGFOO", "STOPSIGNAL: \"SIGFOO\" is no signal"},
		{"STOPSIGNAL 65", "STOPSIGNAL: \"65\" is no signal"},
		{"USER a b", "USER: exactly one argument is wanted"},
		{"VOLUME data", "VOLUME: \"data\" is not an absolute path"},
		{"VOLUME /\xfe", "VOLUME: its text is not UTF-8"},
		{"ONBUILD ONBUILD RUN x", "ONBUILD: ONBUILD cannot follow it"},
		{"SHELL /bin/sh", "SHELL: a list is wanted"},
		{"HEALTHCHECK", "HEALTHCHECK: NONE or CMD is wanted"},
		{"HEALTHCHECK --interval=5 CMD x", "HEALTHCHECK: --interval=5 needs a duration"},
		{"HEALTHCHECK --color=5 CMD x", "HEALTHCHECK: the option --color=5 is not known"},
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		struct oci_image i = {0};
		struct err e = {0};

		assert_int_equal(oci_image_change(&i, cases[n].line, &e), -1);
		if (strncmp(e.text, cases[n].error, strlen(cases[n].error)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[n].line, e.text, cases[n].error);
		oci_image_done(&i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_set_and_missing),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_bad_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
