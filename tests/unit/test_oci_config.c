/* test_oci_config.c: runtime configurations in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kernel/caps.h"
#include "oci/config.h"

/* One of everything the struct has a place for. */
static const char full[] =
	"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":"
	"\"h\","
	"\"domainname\":\"d\",\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,"
	"\"width\":80},"
	"\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[3,4294967295]},"
	"\"args\":[\"sh\",\"-c\",\"\"],\"env\":[\"A=b\"],\"cwd\":\"/\","
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\",\"CAP_NEW\"],"
	"\"effective\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"],\"inheritable\":[\"CAP_"
	"CHOWN\"],"
	"\"ambient\":[\"CAP_CHOWN\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1024}],"
	"\"noNewPrivileges\":true,\"apparmorProfile\":\"a\",\"selinuxLabel\":\"s\",\"oomScoreAdj\":"
	"0},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/data\",\"source\":\"/x\",\"options\":[\"rbind\",\"ro\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":524288,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":524288,\"size\":65536}]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/"
	"h\",\"args\":[\"h\"],\"env\":[\"X=y\"],\"timeout\":5}],"
	"\"createRuntime\":[{\"path\":\"/1\"}],\"createContainer\":[{\"path\":\"/2\"}],"
	"\"startContainer\":[{\"path\":\"/3\"}],\"poststart\":[{\"path\":\"/4\"}],"
	"\"poststop\":[{\"path\":\"/5\"},{\"path\":\"/6\"}]},"
	"\"annotations\":{\"k\":\"v\"},"
	"\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":7,\"size\":1}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":8,\"size\":1}],"
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
	"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rw\"}],"
	"\"memory\":{\"limit\":67108864,\"swap\":-1,\"checkBeforeUpdate\":true},"
	"\"cpu\":{\"shares\":1024,\"quota\":-1,\"period\":100000,\"cpus\":\"0-1\"},"
	"\"pids\":{\"limit\":0},\"unified\":{\"memory.high\":\"1\"}},"
	"\"cgroupsPath\":\"/hull/x\",\"namespaces\":[{\"type\":\"pid\"},"
	"{\"type\":\"network\",\"path\":\"/proc/1/ns/net\"}],"
	"\"devices\":[{\"path\":\"/dev/"
	"fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438,"
	"\"uid\":0,\"gid\":0},{\"path\":\"/dev/fifo\",\"type\":\"p\"}],"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"mask\":-256},\"rootfsPropagation\":"
	"\"rslave\","
	"\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],\"mountLabel\":\"l\","
	"\"personality\":{\"domain\":\"LINUX32\"}},"
	"\"hull\":{\"layers\":[\"/l/1\",\"/l/2\"],\"upper\":\"/"
	"u\",\"volatileUpper\":true,\"idmapRoot\":true,"
	"\"seccompFilter\":\"/f.bpf\",\"init\":true,\"initPath\":\"/usr/libexec/hull-init\"}}";

static void parse(const char *text, struct oci_config *c)
{
	struct err e = {0};

	if (oci_config_parse(text, strlen(text), c, &e) < 0)
		fail_msg("%s", e.text);
}

static void test_full(void **state)
{
	struct oci_config c;

	(void)state;
	parse(full, &c);
	assert_string_equal(c.root_path, "rootfs");
	assert_true(c.root_readonly);
	assert_int_equal(c.process.console_width, 80);
	assert_int_equal(c.process.umask, 18);
	assert_int_equal(c.process.n_additional_gids, 2);
	assert_true(c.process.additional_gids[1] == UINT32_MAX);
	assert_int_equal(strv_len(c.process.args), 3);
	assert_true(c.process.caps_set);
	assert_true(c.process.caps_bounding == (CAPS_BIT(0) | CAPS_BIT(5)));
	assert_int_equal(strv_len(c.process.caps_unknown), 1);
	assert_string_equal(c.process.caps_unknown[0], "CAP_NEW");
	assert_true(c.process.rlimits[0].hard == UINT64_MAX);
	assert_true(c.process.rlimits[0].soft == 1024);
	assert_true(c.process.oom_score_adj_set);
	assert_int_equal(c.n_mounts, 2);
	assert_null(c.mounts[1].type);
	assert_int_equal(c.mounts[1].gids.v[0].host_id, 524288);
	assert_int_equal(c.prestart.v[0].timeout, 5);
	assert_int_equal(c.poststop.n, 2);
	assert_int_equal(c.resources.devices[0].type, 'a');
	assert_int_equal(c.resources.devices[0].minor, -1);
	assert_int_equal(c.resources.devices[1].minor, 3);
	assert_true(c.resources.memory_set && c.resources.memory_limit == 67108864);
	assert_true(c.resources.memory_swap_set && c.resources.memory_swap == -1);
	assert_true(c.resources.pids_set && c.resources.pids_limit == 0);
	assert_non_null(json_object_get(c.resources.raw, "unified"));
	assert_string_equal(oci_config_namespace(&c, "network")->path, "/proc/1/ns/net");
	assert_null(oci_config_namespace(&c, "uts"));
	assert_int_equal(c.devices[0].file_mode, 0666);
	assert_int_equal(c.devices[1].uid, -1);
	assert_string_equal(c.hull->layers[1], "/l/2");
	assert_string_equal(c.hull->init_path, "/usr/libexec/hull-init");
	oci_config_done(&c);
}

/* text(parse(x)) is a fixed point, and for a document in our own order of members it is x itself.
 */
static void test_round_trip(void **state)
{
	struct oci_config c, again;
	auto_free char *text = NULL, *text_again = NULL;
	auto_json json_t *want = NULL, *got = NULL;
	struct err e;

	(void)state;
	parse(full, &c);
	text = oci_config_text(&c);
	want = jsonx_parse_u64(full, strlen(full), "full", &e);
	got = jsonx_parse_u64(text, strlen(text), "text", &e);
	if (!json_equal(want, got))
		fail_msg("%s", text);
	parse(text, &again);
	text_again = oci_config_text(&again);
	assert_string_equal(text, text_again);
	assert_true(again.process.rlimits[0].hard == UINT64_MAX);
	oci_config_done(&c);
	oci_config_done(&again);
}

static void test_empty(void **state)
{
	struct oci_config c;
	auto_free char *text = NULL;

	(void)state;
	parse("{\"hull\":{},\"linux\":null,\"unknown\":{\"a\":1},\"process\":{\"capabilities\":{}}"
	      "}",
		&c);
	assert_non_null(c.hull);
	assert_int_equal(c.process.umask, -1);
	assert_true(c.process.caps_set);
	text = oci_config_text(&c);
	assert_string_equal(text,
		"{\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"capabilities\":{}},\"hull\":{}}");
	oci_config_done(&c);
}

static void test_strings(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"a\"b\\c/d", "a\\\"b\\\\c/d"},
		{"\b\t\n\v\f\r\x01\x1f\x7f", "\\b\\t\\n\\u000b\\f\\r\\u0001\\u001f\\u007f"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\x80z", "\xef\xbf\xbdz"},				  /* lone continuation */
		{"\xc3", "\xef\xbf\xbd"},				  /* cut short */
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},		  /* overlong */
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_config c;
		auto_free char *text = NULL, *want = NULL;
		struct err e;
		auto_json json_t *json = NULL;

		oci_config_init(&c);
		c.hostname = xstrdup(cases[i].in);
		text = oci_config_text(&c);
		want = xasprintf(
			"{\"hostname\":\"%s\",\"process\":{\"user\":{\"uid\":0,\"gid\":0}}}",
			cases[i].out);
		assert_string_equal(text, want);
		json = jsonx_parse(text, strlen(text), "text", &e);
		assert_non_null(json);
		oci_config_done(&c);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *in, *error;
	} cases[] = {
		{"[]", "the document must be an object"},
		{"{", "the OCI configuration is not valid JSON"},
		{"{\"process\":{\"args\":1}}", "process.args must be a list"},
		{"{\"process\":{\"args\":[\"a\",2]}}", "process.args[1] must be text"},
		{"{\"process\":{\"user\":{\"uid\":-1}}}",
			"process.user.uid is -1; it must be from 0 to 4294967295"},
		{"{\"process\":{\"user\":{\"uid\":4294967296}}}",
			"process.user.uid is 4294967296; it must be from 0 to 4294967295"},
		{"{\"process\":{\"user\":{\"umask\":512}}}",
			"process.user.umask is 512; it must be from 0 to 511"},
		{"{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILES\",\"hard\":1,\"soft\":1}]}"
		 "}",
			"process.rlimits has the unknown type \"RLIMIT_NOFILES\"; did you mean "
			"\"RLIMIT_NOFILE\"?"},
		{"{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1}]}}",
			"process.rlimits[0].soft is missing"},
		{"{\"process\":{\"oomScoreAdj\":1001}}",
			"process.oomScoreAdj is 1001; it must be from -1000 to 1000"},
		{"{\"process\":{\"terminal\":1}}", "process.terminal must be true or false"},
		{"{\"mounts\":[{\"type\":\"proc\"}]}", "mounts[0].destination is missing"},
		{"{\"mounts\":[1]}", "mounts[0] must be an object"},
		{"{\"annotations\":{\"a\":1}}", "annotations.a must be text"},
		{"{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]}}",
			"linux.namespaces has \"pid\" twice"},
		{"{\"linux\":{\"namespaces\":[{\"type\":\"net\"}]}}",
			"linux.namespaces has the unknown type \"net\""},
		{"{\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1}]}}",
			"linux.devices[0] (/dev/x) needs major and minor"},
		{"{\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"cc\"}]}}",
			"linux.devices[0].type must be one letter of \"cbup\""},
		{"{\"linux\":{\"resources\":{\"devices\":[{\"access\":\"x\"}]}}}",
			"linux.resources.devices[0].access may hold r, w and m only, not \"x\""},
		{"{\"linux\":{\"resources\":{\"memory\":{\"limit\":1.5}}}}",
			"linux.resources.memory.limit must be a whole number"},
		{"{\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}}",
			"hooks.poststop[0].path must be absolute, not \"x\""},
		{"{\"root\":{}}", "root.path is missing"},
		{"{\"hull\":1}", "hull must be an object"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_config c;
		struct err e = {0};

		assert_int_equal(oci_config_parse(cases[i].in, strlen(cases[i].in), &c, &e), -1);
		if (strncmp(e.text, cases[i].error, strlen(cases[i].error)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].in, e.text, cases[i].error);
		oci_config_done(&c);
	}
}

static void test_limits(void **state)
{
	struct buf b = BUF_MAX(1 << 20);
	struct oci_config c;
	struct err e = {0};

	(void)state;
	buf_puts(&b, "{\"process\":{\"args\":[\"a\"");
	for (int i = 1; i < 65536; i++)
		buf_puts(&b, ",\"a\"");
	buf_puts(&b, "]}}");
	parse(b.data, &c);
	assert_int_equal(strv_len(c.process.args), 65536);
	strv_add(&c.process.args, "room for one more");
	oci_config_done(&c);
	b.len -= 3;
	buf_puts(&b, ",\"a\"]}}");
	assert_int_equal(oci_config_parse(b.data, b.len, &c, &e), -1);
	assert_string_equal(e.text, "process.args has 65537 items; at most 65536 are taken");
	oci_config_done(&c);
	buf_done(&b);
}

/* Vectors that came from a document may be added to, whatever their length. */
static void test_add_after_parse(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40; n++) {
		struct buf b = BUF_MAX(4096);
		struct oci_config c;

		buf_puts(&b, "{\"process\":{\"env\":[");
		for (size_t i = 0; i < n; i++)
			buf_printf(&b, "%s\"K%zu=\"", i ? "," : "", i);
		buf_puts(&b, "]}}");
		parse(b.data, &c);
		for (int i = 0; i < 40; i++)
			strv_add(&c.process.env, "X=");
		assert_int_equal(strv_len(c.process.env), n + 40);
		oci_config_done(&c);
		buf_done(&b);
	}
}

/* About what `hull run` writes for a Debian image. */
static void build(struct oci_config *c)
{
	static const char *const masked[] = {"/proc/asound", "/proc/acpi", "/proc/interrupts",
		"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
		"/sys/devices/virtual/powercap"};
	static const char *const spaces[] = {
		"pid", "network", "mount", "ipc", "uts", "user", "cgroup"};

	oci_config_init(c);
	c->version = xstrdup("1.3.0");
	c->root_path = xstrdup("rootfs");
	c->hostname = xstrdup("0123456789ab");
	c->process.cwd = xstrdup("/");
	for (int i = 0; i < 12; i++) {
		strv_add(&c->process.args, "argument");
		strv_addf(&c->process.env, "VARIABLE_%d=/usr/local/sbin:/usr/local/bin", i);
		oci_config_add_mount(
			c, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k");
		strv_add(&c->masked_paths, masked[i]);
		strv_add(&c->readonly_paths, "/proc/sysrq-trigger");
		oci_config_add_device_rule(c, 1, 'c', 1, 3, "rwm");
	}
	c->process.caps_set = 1;
	c->process.caps_bounding = c->process.caps_effective = c->process.caps_permitted =
		0xa80425fb;
	oci_config_add_rlimit(c, "RLIMIT_NOFILE", 1024, 524288);
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++)
		oci_config_add_namespace(c, spaces[i], NULL);
	oci_idmaps_add(&c->uids, 0, 524288, 65536);
	oci_idmaps_add(&c->gids, 0, 524288, 65536);
	oci_config_add_device(c, "/dev/fuse", 'c', 10, 229)->file_mode = 0666;
}

static void test_build(void **state)
{
	struct oci_config c, again;
	auto_free char *text = NULL, *text_again = NULL;

	(void)state;
	build(&c);
	text = oci_config_text(&c);
	parse(text, &again);
	assert_int_equal(again.n_mounts, 12);
	assert_int_equal(again.process.caps_bounding, 0xa80425fb);
	assert_int_equal(strv_len(again.mounts[0].options), 5);
	assert_int_equal(again.resources.n_devices, 12);
	text_again = oci_config_text(&again);
	assert_string_equal(text, text_again);
	oci_config_done(&c);
	oci_config_done(&again);
}

static double text_us(const struct oci_config *c)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < 100; i++)
		free(oci_config_text(c));
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       1e5;
}

/* On the way of every run: about 6 us here. The bound is wide for sanitizers and busy machines. */
static void test_speed(void **state)
{
	struct oci_config c;
	double best = 1e9;

	(void)state;
	build(&c);
	for (int i = 0; i < 10; i++) {
		double us = text_us(&c);
		best = us < best ? us : best;
	}
	print_message("# oci_config_text: %.1f us\n", best);
	assert_true(best < 1000);
	oci_config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_add_after_parse),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
