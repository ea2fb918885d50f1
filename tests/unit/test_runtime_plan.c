/* test_runtime_plan.c: the plan of a container, made without touching anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "runtime/plan.h"
#include "runtime/runtime.h"

static void base(struct oci_config *c)
{
	memset(c, 0, sizeof(*c));
	oci_config_init(c);
	c->version = xstrdup("1.3.0");
	c->root_path = xstrdup("/root-fs");
	c->process.cwd = xstrdup("/");
	strv_add(&c->process.args, "/bin/true");
	oci_config_add_namespace(c, "mount", NULL);
	oci_config_add_namespace(c, "user", NULL);
	oci_config_add_namespace(c, "network", NULL);
	oci_config_add_namespace(c, "ipc", NULL);
	oci_idmaps_add(&c->uids, 0, 524288, 65536);
	oci_idmaps_add(&c->gids, 0, 589824, 65536);
}

static void expect_error(struct oci_config *c, const char *part)
{
	struct err e = {0};
	struct plan p;

	assert_int_equal(plan_make(c, &p, &e), -1);
	plan_done(&p);
	if (!strstr(e.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, e.text);
	oci_config_done(c);
}

static void test_namespaces_by_time(void **state)
{
	struct oci_config c;
	struct err e = {0};
	struct plan p;

	(void)state;
	base(&c);
	assert_int_equal(plan_make(&c, &p, &e), 0);
	assert_true(p.user_ns);
	assert_int_equal(p.root_uid, 524288);
	assert_int_equal(p.root_gid, 589824);
	/* Made before the id maps, a network namespace would belong to nobody. */
	assert_false(p.clone_flags & plan_namespace_flag("network"));
	assert_true(p.unshare_flags & plan_namespace_flag("network"));
	assert_true(p.clone_flags & plan_namespace_flag("mount"));
	plan_done(&p);
	oci_config_done(&c);
}

static void test_text(void **state)
{
	struct oci_config c;
	struct err e = {0};
	auto_free char *text = NULL;

	(void)state;
	base(&c);
	oci_config_add_mount(&c, "/dev", "tmpfs", "tmpfs", "nosuid,mode=755,size=64k");
	oci_config_add_mount(&c, "/data", "bind", "/src", "rbind,ro,idmap");
	oci_config_add_mount(&c, "/sys/fs/cgroup", "cgroup", "cgroup", "ro");
	text = runtime_plan_text(&c, &e);
	assert_non_null(text);
	assert_non_null(strstr(text, "root folder /root-fs\n"));
	assert_non_null(strstr(text, "mount dev /dev tmpfs mode=755 size=64k\n"));
	assert_non_null(strstr(text, "mount bind /data from /src rbind idmap ro\n"));
	assert_non_null(strstr(text, "mount cgroup /sys/fs/cgroup cgroup ro\n"));
	assert_non_null(strstr(text, "exec /bin/true\n"));
	oci_config_done(&c);
}

static void test_refusals(void **state)
{
	struct oci_config c;

	(void)state;
	base(&c);
	oci_config_add_namespace(&c, "mount", NULL);
	expect_error(&c, "given twice");
	base(&c);
	oci_config_add_namespace(&c, "soul", NULL);
	expect_error(&c, "\"soul\" is not known");
	base(&c);
	c.process.uid = 70000;
	expect_error(&c, "outside the container's id range");
	base(&c);
	str_set(&c.process.cwd, "relative");
	expect_error(&c, "absolute");
	base(&c);
	strv_free(c.process.args);
	c.process.args = NULL;
	expect_error(&c, "no program");
	base(&c);
	oci_config_add_mount(&c, "/data", "bind", NULL, "rbind");
	expect_error(&c, "/data has no source");
	base(&c);
	oci_config_add_rlimit(&c, "RLIMIT_LUCK", 1, 1);
	expect_error(&c, "RLIMIT_LUCK");
	base(&c);
	str_set(&c.root_path, NULL);
	expect_error(&c, "no root file system");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_namespaces_by_time),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
