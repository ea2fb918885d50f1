/* test_engine_mounts.c: -v, --mount and --tmpfs as Docker reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/mounts.h"

typedef int parse_fn(const char *text, struct mount_requests *m, struct err *e);

static int parse_v(const char *text, struct mount_requests *m, struct err *e)
{
	return mounts_parse_volume(text, "/home/u", m, e);
}

static int parse_mount(const char *text, struct mount_requests *m, struct err *e)
{
	return mounts_parse_mount(text, "/home/u", m, e);
}

/* One line that says everything about a request. */
static void describe(const struct mount_request *r, char *out, size_t size)
{
	static const char *const types[] = {"bind", "volume", "tmpfs"};
	static const char *const recursion[] = {"", " nonrec", " recwrite", " recread"};

	snprintf(out, size, "%s %s %s%s%s%s%s%s%s%s%s%s", types[r->type],
		r->source ? r->source : "-", r->destination, r->read_only ? " ro" : "",
		r->no_copy ? " nocopy" : "", *r->propagation ? " " : "", r->propagation,
		recursion[r->recursion], r->create_source ? " create" : "", *r->options ? " [" : "",
		r->options, *r->options ? "]" : "");
}

static void check_good(parse_fn *parse, const char *text, const char *want)
{
	struct mount_requests m = {0};
	struct err e = {0};
	char got[512];

	if (parse(text, &m, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	assert_int_equal(m.n, 1);
	describe(&m.v[0], got, sizeof(got));
	if (strcmp(got, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", text, got, want);
	mount_requests_done(&m);
}

static void check_bad(parse_fn *parse, const char *text, const char *want)
{
	struct mount_requests m = {0};
	struct err e = {0};

	if (parse(text, &m, &e) == 0)
		fail_msg("%s was taken", text);
	if (!strstr(e.text, want))
		fail_msg("%s: \"%s\" lacks \"%s\"", text, e.text, want);
	assert_int_equal(m.n, 0);
}

static void test_volume(void **state)
{
	(void)state;
	check_good(parse_v, "/a:/b", "bind /a /b create");
	check_good(parse_v, "/a:/b:ro", "bind /a /b ro create");
	check_good(parse_v, "/a:/b:rw,z,rshared", "bind /a /b rshared create");
	check_good(parse_v, "./x:/b", "bind /home/u/x /b create");
	check_good(parse_v, "../x:/b", "bind /home/x /b create");
	check_good(parse_v, ".:/b:Z", "bind /home/u /b create");
	check_good(parse_v, "/a/../c//d/:/b/./c/", "bind /c/d /b/c create");
	check_good(parse_v, "name:/b", "volume name /b");
	check_good(parse_v, "na.m-e_1:/b:nocopy,ro", "volume na.m-e_1 /b ro nocopy");
	check_good(parse_v, "/data", "volume - /data");
	check_good(parse_v, "/x/../../../etc", "volume - /etc");
	check_good(parse_v, "/a:/ro", "bind /a /ro create");
}

static void test_bad_volume(void **state)
{
	(void)state;
	check_bad(parse_v, "", "invalid volume specification: ''");
	check_bad(parse_v, ":/b", "invalid volume specification: ':/b'");
	check_bad(parse_v, "/a:", "invalid volume specification: '/a:'");
	check_bad(parse_v, "/a:/b:ro:x", "invalid volume specification");
	check_bad(parse_v, "/a:b", "invalid mount path: 'b' mount path must be absolute");
	check_bad(parse_v, "b", "mount path must be absolute");
	check_bad(parse_v, "/a:/", "invalid specification: destination can't be '/'");
	check_bad(parse_v, "/a:/b/..", "destination can't be '/'");
	check_bad(parse_v, "/a:/b:foo", "invalid mode: foo");
	check_bad(parse_v, "/a:/b:ro,rw", "invalid mode: ro,rw");
	check_bad(parse_v, "/a:/b:z,Z", "invalid mode");
	check_bad(parse_v, "/a:/b:shared,slave", "invalid mode");
	check_bad(parse_v, "/a:ro", "a volume without a source has no mode");
	check_bad(parse_v, "n/a:/b",
		"create n/a: \"n/a\" includes invalid characters for a local volume name");
	check_bad(parse_v, "..n:/b", "includes invalid characters");
	check_bad(parse_v, "name:/b:rshared", "a volume has no propagation");
}

static void test_mount(void **state)
{
	(void)state;
	check_good(parse_mount, "type=bind,source=/a,target=/b", "bind /a /b");
	check_good(parse_mount, "type=bind,src=./a,dst=/b,ro", "bind /home/u/a /b ro");
	check_good(
		parse_mount, "TYPE=BIND,Source=/a,Destination=/b,readonly=true", "bind /a /b ro");
	check_good(parse_mount, "type=bind,src=/a,dst=/b,bind-propagation=rslave",
		"bind /a /b rslave");
	check_good(parse_mount, "type=bind,src=/a,dst=/b,bind-recursive=disabled",
		"bind /a /b nonrec");
	check_good(parse_mount, "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly",
		"bind /a /b ro recread");
	check_good(parse_mount, "type=bind,\"src=/a,b\",dst=/b", "bind /a,b /b");
	check_good(parse_mount, "type=bind,\"src=/a\"\"b\",dst=/b", "bind /a\"b /b");
}

static void test_mount_kinds(void **state)
{
	(void)state;
	check_good(parse_mount, "target=/b", "volume - /b");
	check_good(parse_mount, "src=vol,target=/b,volume-nocopy", "volume vol /b nocopy");
	check_good(parse_mount, "type=tmpfs,target=/b", "tmpfs - /b [mode=1777]");
	check_good(parse_mount, "type=tmpfs,target=/b,tmpfs-size=64m,tmpfs-mode=700,ro",
		"tmpfs - /b ro [ro,size=67108864,mode=700]");
}

static void test_bad_mount(void **state)
{
	(void)state;
	check_bad(parse_mount, "type=bind,source=/a", "target is required");
	check_bad(parse_mount, "type=bind,target=/b", "field Source must not be empty");
	check_bad(parse_mount, "type=bind,source=a,target=/b",
		"invalid mount path: 'a' mount path must be absolute");
	check_bad(parse_mount, "type=bind,source=/a,target=b", "mount path must be absolute");
	check_bad(parse_mount, "type=blob,target=/b", "mount type unknown: \"blob\"");
	check_bad(parse_mount, "type=image,source=x,target=/b", "not supported yet");
	check_bad(parse_mount, "type=tmpfs,source=/a,target=/b",
		"field Source must not be specified");
	check_bad(parse_mount, "type=tmpfs,target=/b,bind-propagation=shared",
		"cannot mix 'bind-*' options with mount type 'tmpfs'");
	check_bad(parse_mount, "target=/b,tmpfs-size=1m", "cannot mix 'tmpfs-*' options");
	check_bad(parse_mount, "target=/b,frob=1",
		"invalid argument \"target=/b,frob=1\" for \"--mount\" flag: unexpected key 'frob' "
		"in 'frob=1'");
	check_bad(parse_mount, "tarjet=/b", "did you mean 'target'?");
	check_bad(parse_mount, "target=/b,frob", "invalid field 'frob' must be a key=value pair");
	check_bad(parse_mount, "target", "invalid field 'target' must be a key=value pair");
	check_bad(parse_mount, "target=/b,ro=maybe", "invalid value for ro: maybe");
	check_bad(parse_mount, "type=bind,src=/a,dst=/b,bind-recursive=readonly",
		"requires 'readonly'");
	check_bad(
		parse_mount, "type=tmpfs,target=/b,tmpfs-mode=999", "invalid value for tmpfs-mode");
	check_bad(parse_mount, "\"target=/b", "is not closed");
	check_bad(parse_mount, "src=../x/y,target=/b", "includes invalid characters");
}

static void test_tmpfs(void **state)
{
	(void)state;
	check_good(mounts_parse_tmpfs, "/run", "tmpfs - /run");
	check_good(mounts_parse_tmpfs, "/run:size=64m,exec,mode=755",
		"tmpfs - /run [size=64m,exec,mode=755]");
	check_bad(mounts_parse_tmpfs, "run", "mount path must be absolute");
	check_bad(mounts_parse_tmpfs, "/", "destination can't be '/'");
	check_bad(mounts_parse_tmpfs, "/run:frob", "Invalid tmpfs option [\"frob\"]");
	check_bad(mounts_parse_tmpfs, "/run:lowerdir=/", "Invalid tmpfs option [\"lowerdir=/\"]");
}

static void test_sets(void **state)
{
	struct mount_requests m = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(parse_v("/a:/x/y", &m, &e), 0);
	assert_int_equal(parse_v("/a:/x", &m, &e), 0);
	assert_int_equal(mounts_parse_tmpfs("/x/y/z", &m, &e), 0);
	mounts_add_image_volume(&m, "/../../etc");
	mounts_add_image_volume(&m, "/x/"); /* the user's is there */
	mounts_add_image_volume(&m, "/..");
	assert_int_equal(m.n, 4);
	assert_int_equal(mounts_check(&m, &e), 0);
	mounts_sort(&m);
	assert_string_equal(m.v[0].destination, "/x");
	assert_string_equal(m.v[1].destination, "/etc");
	assert_string_equal(m.v[2].destination, "/x/y");
	assert_string_equal(m.v[3].destination, "/x/y/z");
	assert_int_equal(parse_v("/b:/x/./y", &m, &e), 0);
	assert_int_equal(mounts_check(&m, &e), -1);
	assert_string_equal(e.text, "Duplicate mount point: /x/y");
	mount_requests_done(&m);
}

static void test_clean(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"/", "/"},
		{"", "/"},
		{"//a///b/", "/a/b"},
		{"/a/./b/.", "/a/b"},
		{"/a/../..", "/"},
		{"/a/b/../c", "/a/c"},
		{"/a/...", "/a/..."},
		{"/..a/b..", "/..a/b.."},
		{"/../../etc/passwd", "/etc/passwd"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *got = mounts_clean_path(cases[i].in);
		assert_string_equal(got, cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volume),
		cmocka_unit_test(test_bad_volume),
		cmocka_unit_test(test_mount),
		cmocka_unit_test(test_mount_kinds),
		cmocka_unit_test(test_bad_mount),
		cmocka_unit_test(test_tmpfs),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
