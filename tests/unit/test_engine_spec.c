/* test_engine_spec.c: requests as OCI configurations, without doing anything. No image is needed:
 * the root file system is an empty folder. */
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
#include "base/mem.h"
#include "engine/idrange.h"
#include "engine/parts.h"
#include "engine/spec.h"
#include "runtime/runtime.h"

static char folder[] = "/tmp/hull-test-spec.XXXXXX";
static char warned[512];

static void on_warning(const char *text)
{
	snprintf(warned, sizeof(warned), "%s", text);
}

static struct engine engine = {.root = (char *)"/R", .runroot = (char *)"/r", .warn = on_warning};

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

#define V(...) ((char *[]){__VA_ARGS__, NULL})
#define S(text) ((char *)(text))

static char *args[] = {S("prog"), S("arg"), NULL};

static struct engine_run request(void)
{
	return (struct engine_run){.rootfs = folder, .rootfs_overlay = 1, .args = args};
}

static int make(const struct engine_run *req, struct spec *s, struct err *e)
{
	*s = (struct spec){0};
	*e = (struct err){0};
	warned[0] = '\0';
	memset(s->id, 'a', 64);
	return spec_make(&engine, req, s, e);
}

static void make_good(const struct engine_run *req, struct spec *s)
{
	struct err e;

	if (make(req, s, &e) < 0)
		fail_msg("%s", e.text);
}

static void make_bad(const struct engine_run *req, const char *want)
{
	struct spec s;
	struct err e;

	if (make(req, &s, &e) == 0)
		fail_msg("taken, instead of \"%s\"", want);
	if (!strstr(e.text, want))
		fail_msg("\"%s\" lacks \"%s\"", e.text, want);
	spec_done(&s);
}

static const struct oci_mount *mount_at(const struct spec *s, const char *destination)
{
	for (size_t i = 0; i < s->oci.n_mounts; i++)
		if (streq(s->oci.mounts[i].destination, destination))
			return &s->oci.mounts[i];
	return NULL;
}

/* "type source options" of the mount there, "" when there is none. */
static void check_mount(const struct spec *s, const char *destination, const char *want)
{
	const struct oci_mount *m = mount_at(s, destination);
	auto_free char *options = m ? strv_join(m->options, ",") : NULL;
	auto_free char *got = m ? xasprintf("%s %s %s", m->type, m->source, options) : xstrdup("");

	if (strcmp(got, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", destination, got, want);
}

static int has_namespace(const struct spec *s, const char *type)
{
	return oci_config_namespace(&s->oci, type) != NULL;
}

static void test_defaults(void **state)
{
	struct engine_run req = request();
	struct spec s;

	(void)state;
	make_good(&req, &s);
	assert_true(has_namespace(&s, "user") && has_namespace(&s, "pid") &&
		    has_namespace(&s, "mount") && has_namespace(&s, "uts") &&
		    has_namespace(&s, "ipc") && has_namespace(&s, "network") &&
		    has_namespace(&s, "cgroup"));
	assert_string_equal(s.oci.hostname, "aaaaaaaaaaaa");
	assert_string_equal(s.oci.process.cwd, "/");
	assert_int_equal(s.oci.process.caps_bounding, 0xa80425fb & s.caps);
	assert_int_equal(s.oci.process.caps_effective, s.oci.process.caps_bounding);
	assert_int_equal(s.oci.process.caps_inheritable | s.oci.process.caps_ambient, 0);
	assert_false(s.oci.process.no_new_privileges);
	assert_int_equal(strv_len(s.oci.masked_paths), 12);
	assert_int_equal(strv_len(s.oci.readonly_paths), 5);
	assert_non_null(strstr(s.oci.cgroups_path, "/hull/aaaa"));
	assert_string_equal(s.oci.process.rlimits[0].type, "RLIMIT_NOFILE");
	assert_int_equal(s.oci.process.rlimits[0].soft, 1024);
	check_mount(&s, "/proc", "proc proc nosuid,noexec,nodev");
	check_mount(&s, "/dev", "tmpfs tmpfs nosuid,strictatime,mode=755,size=65536k");
	check_mount(&s, "/dev/pts",
		"devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	check_mount(&s, "/sys", "sysfs sysfs nosuid,noexec,nodev,ro");
	check_mount(&s, "/sys/fs/cgroup", "cgroup cgroup nosuid,noexec,nodev,ro");
	check_mount(&s, "/dev/mqueue", "mqueue mqueue nosuid,noexec,nodev");
	check_mount(&s, "/dev/shm", "tmpfs shm nosuid,noexec,nodev,mode=1777,size=67108864");
	assert_true(s.oci.hull->idmap_root);
	assert_non_null(strstr(s.oci.hull->upper, "/R/containers/aaaa"));
	assert_false(s.oci.hull->volatile_upper);
	assert_string_equal(warned, "");
	spec_done(&s);
}

static void test_plan(void **state)
{
	struct engine_run req = request();
	auto_free char *text = NULL;
	struct spec s;
	struct err e = {0};

	(void)state;
	req.volumes = V(S("/src:/dst:ro"));
	req.tmpfs = V(S("/t:size=1m"));
	make_good(&req, &s);
	spec_add_mounts(&s, (char *[]){S("/src"), NULL}, "/files");
	spec_set_ids(&s, 1000000, 65536);
	text = runtime_plan_text(&s.oci, &e);
	if (!text)
		fail_msg("%s", e.text);
	assert_non_null(strstr(text, "uid-map 0 1000000 65536"));
	assert_non_null(strstr(text, "mount bind /dst from /src rbind idmap ro"));
	assert_non_null(strstr(text, "mount bind /etc/hosts from /files/hosts rbind"));
	assert_non_null(strstr(text, "exec prog arg"));
	check_mount(&s, "/dst", "bind /src rbind,rprivate,ro,rro,idmap");
	check_mount(&s, "/t", "tmpfs tmpfs nosuid,nodev,noexec,size=1m");
	check_mount(&s, "/etc/resolv.conf", "bind /files/resolv.conf rbind,rprivate");
	spec_done(&s);
}

static void test_taken_places(void **state)
{
	struct engine_run req = request();
	struct spec s;

	(void)state;
	req.volumes = V(S("/a:/dev"), S("/b:/etc/hosts"), S("/c:/etc/sub/x"), S("/d:/etc"));
	make_good(&req, &s);
	spec_add_mounts(&s, (char *[]){S("/a"), S("/d"), S("/b"), S("/c"), NULL}, "/files");
	check_mount(&s, "/dev", "bind /a rbind,rprivate,idmap");
	check_mount(&s, "/dev/pts", "");
	check_mount(&s, "/dev/shm", "");
	check_mount(&s, "/proc", "proc proc nosuid,noexec,nodev");
	check_mount(&s, "/etc/hosts", "bind /b rbind,rprivate,idmap");
	/* /etc first, then what lies in it */
	assert_true(mount_at(&s, "/etc") < mount_at(&s, "/etc/resolv.conf"));
	assert_true(mount_at(&s, "/etc") < mount_at(&s, "/etc/hosts"));
	assert_true(mount_at(&s, "/etc/hostname") < mount_at(&s, "/etc/sub/x"));
	spec_done(&s);
}

static void test_modes(void **state)
{
	struct engine_run req = request();
	struct spec s;

	(void)state;
	req.networks = V(S("host"));
	req.ipc = "host";
	make_good(&req, &s);
	assert_true(has_namespace(&s, "user"));
	assert_false(has_namespace(&s, "network") || has_namespace(&s, "ipc"));
	assert_null(s.oci.sysctl);
	check_mount(&s, "/sys", "bind /sys rbind,rprivate,nosuid,noexec,nodev,ro,rro");
	check_mount(&s, "/dev/shm", "bind /dev/shm rbind,rprivate,nosuid,noexec,nodev");
	if (access("/dev/mqueue", F_OK) == 0) /* not every host has it mounted */
		check_mount(
			&s, "/dev/mqueue", "bind /dev/mqueue rbind,rprivate,nosuid,noexec,nodev");
	spec_done(&s);

	req = request();
	req.pid = "host";
	req.uts = "host";
	req.ipc = "none";
	make_good(&req, &s);
	assert_false(has_namespace(&s, "user") || has_namespace(&s, "pid"));
	assert_null(s.oci.hostname);
	assert_false(s.oci.hull->idmap_root);
	check_mount(&s, "/dev/shm", "");
	assert_non_null(strstr(warned, "--pid=host"));
	spec_done(&s);
}

static void test_bad_modes(void **state)
{
	static const struct {
		size_t member;
		const char *value, *error;
	} cases[] = {
#define M(name) offsetof(struct engine_run, name)
		{M(pid), "frob", "--pid: invalid mode: frob"},
		{M(pid), "container:x", "not supported yet"},
		{M(userns), "keep-id", "is for ordinary users, and you are root"},
		{M(userns), "frob", "invalid USER mode"},
		{M(hostname), "a b", "invalid hostname format"},
		{M(workdir), "rel", "it needs to be an absolute path"},
		{M(memory), "1m", "Minimum memory limit allowed is 6MB"},
		{M(memory), "lots", "invalid size: 'lots'"},
		{M(memory_swap), "1g", "You should always set the Memory limit"},
		{M(cpus), "1000", "Range of CPUs is from 0.01 to"},
		{M(cpus), "x", "failed to parse"},
		{M(shm_size), "-1", "invalid size"},
		{M(pull), "always", "not supported yet"},
		{M(stop_signal), "SIGFOO", "invalid signal: SIGFOO"},
		{M(user), "4294967296", "must be in range"},
		{M(cgroup_parent), "x.slice", "not supported"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct engine_run req = request();

		*(const char **)((char *)&req + cases[i].member) = cases[i].value;
		make_bad(&req, cases[i].error);
	}
}

static void test_privileged(void **state)
{
	struct engine_run req = request();
	struct spec s;

	(void)state;
	req.privileged = 1;
	make_good(&req, &s);
	assert_false(has_namespace(&s, "user"));
	assert_true(s.caps > 0xa80425fb);
	assert_string_equal(s.seccomp, "unconfined");
	assert_null(s.oci.masked_paths);
	assert_null(s.oci.readonly_paths);
	assert_true(s.oci.n_devices > 3);
	assert_true(s.oci.resources.devices[0].allow);
	check_mount(&s, "/sys", "sysfs sysfs nosuid,noexec,nodev");
	check_mount(&s, "/sys/fs/cgroup", "cgroup cgroup nosuid,noexec,nodev");
	assert_string_equal(warned, "");
	spec_done(&s);
	req.userns = "auto";
	make_bad(&req, "--userns=auto cannot go with --privileged");
}

static uint64_t caps_of(char *const *add, char *const *drop)
{
	struct engine_run req = request();
	struct spec s;
	uint64_t caps;

	req.cap_add = add;
	req.cap_drop = drop;
	make_good(&req, &s);
	caps = s.caps;
	spec_done(&s);
	return caps;
}

static void test_caps(void **state)
{
	const uint64_t standard = caps_of(NULL, NULL), chown = 1, kill = 1 << 5, nice = 1 << 23;
	struct engine_run req = request();

	(void)state;
	assert_int_equal(caps_of(V(S("sys_nice")), V(S("CAP_KILL"))), (standard & ~kill) | nice);
	assert_int_equal(caps_of(V(S("CHOWN")), V(S("all"))), chown);
	assert_int_equal(caps_of(NULL, V(S("ALL"))), 0);
	assert_int_equal(caps_of(V(S("ALL")), V(S("chown"))), caps_of(V(S("ALL")), NULL) & ~chown);
	req.cap_add = V(S("FROB"));
	make_bad(&req, "invalid CapAdd: unknown capability: \"CAP_FROB\"");
	req.cap_add = NULL;
	req.cap_drop = V(S("cap_frob"));
	make_bad(&req, "invalid CapDrop: unknown capability");
}

static void test_security_options(void **state)
{
	struct engine_run req = request();
	struct spec s;

	(void)state;
	req.security_opts = V(S("no-new-privileges"), S("seccomp:unconfined"),
		S("systempaths=unconfined"), S("apparmor=x"));
	make_good(&req, &s);
	assert_true(s.oci.process.no_new_privileges);
	assert_string_equal(s.seccomp, "unconfined");
	assert_null(s.oci.masked_paths);
	assert_non_null(strstr(warned, "apparmor=x is not supported yet"));
	spec_done(&s);
	req.security_opts = V(S("no-new-privileges=false"), S("label=disable"));
	make_good(&req, &s);
	assert_false(s.oci.process.no_new_privileges);
	assert_string_equal(warned, "");
	spec_done(&s);
	req.security_opts = V(S("no-new-privileges=maybe"));
	make_bad(&req, "invalid --security-opt");
	req.security_opts = V(S("frob=1"));
	make_bad(&req, "invalid --security-opt: \"frob=1\"");
	req.security_opts = V(S("seccomp"));
	make_bad(&req, "invalid --security-opt: \"seccomp\"");
}

static void test_limits(void **state)
{
	struct engine_run req = request();
	const struct oci_resources *r;
	struct spec s;

	(void)state;
	req.memory = "64m";
	req.cpus = "0.5";
	req.pids_limit = 7;
	req.pids_limit_set = 1;
	req.ulimits = V(S("core=0"), S("nofile=10:20"), S("nproc=-1"));
	make_good(&req, &s);
	r = &s.oci.resources;
	assert_true(r->memory_set && r->memory_swap_set && r->pids_set && r->cpu_quota_set);
	assert_int_equal(r->memory_limit, 64 << 20);
	assert_int_equal(r->memory_swap, 128 << 20);
	assert_int_equal(r->cpu_quota, 50000);
	assert_int_equal(r->cpu_period, 100000);
	assert_int_equal(r->pids_limit, 7);
	assert_int_equal(s.oci.process.n_rlimits, 3);
	assert_int_equal(s.oci.process.rlimits[0].hard, 20); /* the default is replaced */
	assert_true(s.oci.process.rlimits[2].soft == UINT64_MAX);
	spec_done(&s);
	req = request();
	req.ulimits = V(S("nofile=2:1"));
	make_bad(&req, "soft limit must be less than or equal to hard limit");
	req.ulimits = V(S("frob=1"));
	make_bad(&req, "invalid ulimit type: frob");
	req.ulimits = V(S("nofile"));
	make_bad(&req, "invalid ulimit argument: nofile");
	req.ulimits = V(S("nofile=a"));
	make_bad(&req, "invalid ulimit argument: nofile=a");
}

static void test_sysctls(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"kernel.core_pattern=|/x", "sysctl 'kernel.core_pattern' is not allowed"},
		{"vm.swappiness=1", "sysctl 'vm.swappiness' is not allowed"},
		{"net.core.somaxconn", "the form is KEY=VALUE"},
		{"=1", "the form is KEY=VALUE"},
		/* CVE-2022-0811 */
		{"kernel.shm_rmid_forced=1+kernel.core_pattern=|/x", "holds one of"},
		{"net.core.somaxconn=1\nkernel.core_pattern=x", "control character"},
		{"net.../../kernel.core_pattern=x", "is not allowed"},
		{"net.core.somaxconn\nx=1", "is not allowed"},
	};
	struct engine_run req = request();
	struct spec s;

	(void)state;
	req.sysctls = V(S("net.core.somaxconn=77"), S("kernel.shmmax=1"), S("fs.mqueue.msg_max=5"));
	make_good(&req, &s);
	assert_string_equal(jsonx_str(s.oci.sysctl, "net.core.somaxconn", ""), "77");
	assert_string_equal(
		jsonx_str(s.oci.sysctl, "net.ipv4.ip_unprivileged_port_start", ""), "0");
	spec_done(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		req.sysctls = V(S(cases[i].text));
		make_bad(&req, cases[i].error);
	}
	req.networks = V(S("host"));
	req.sysctls = V(S("net.core.somaxconn=1"));
	make_bad(&req, "not allowed in host network namespace");
}

static void test_devices(void **state)
{
	struct engine_run req = request();
	const struct oci_device *d;
	struct spec s;

	(void)state;
	req.devices = V(S("/dev/null:/dev/x/../nothing:r"), S("/dev/zero"));
	make_good(&req, &s);
	assert_int_equal(s.oci.n_devices, 2);
	d = &s.oci.devices[0];
	assert_string_equal(d->path, "/dev/nothing");
	assert_true(d->type == 'c' && d->major == 1 && d->minor == 3);
	assert_string_equal(s.oci.resources.devices[1].access, "r");
	assert_string_equal(s.oci.resources.devices[2].access, "rwm");
	spec_done(&s);
	req.devices = V(S("/dev/no-such-device"));
	make_bad(&req, "error gathering device information while adding custom device");
	req.devices = V(S("dev/null"));
	make_bad(&req, "bad format for path");
	req.devices = V(S("/dev/null:/dev/x:rwx"));
	make_bad(&req, "bad mode specified: rwx");
	req.devices = V(S("/etc/passwd"));
	make_bad(&req, "not a device node");
}

static void test_user_and_ids(void **state)
{
	struct engine_run req = request();
	struct spec s;

	(void)state;
	req.user = "70000:5";
	make_good(&req, &s);
	assert_int_equal(s.oci.process.uid, 70000);
	assert_int_equal(s.oci.process.gid, 5);
	/* Only root has them at once; the others' programs may gain them from files. */
	assert_int_equal(s.oci.process.caps_effective, 0);
	assert_int_not_equal(s.oci.process.caps_bounding, 0);
	assert_int_equal(idrange_slots(spec_id_max(&s)), 2);
	spec_done(&s);
	req = request();
	req.args = NULL;
	make_bad(&req, "no command specified");
	req.entrypoint = "/entry";
	make_good(&req, &s);
	assert_string_equal(s.oci.process.args[0], "/entry");
	spec_done(&s);
}

static void test_signals(void **state)
{
	static const struct {
		const char *text;
		int number;
	} cases[] = {{"TERM", 15}, {"SIGKILL", 9}, {"9", 9}, {"RTMIN+3", 37}, {"SIGRTMAX-1", 63},
		{"SIGRTMIN", 34}, {"0", -1}, {"65", -1}, {"FOO", -1}, {"", -1}, {"SIG", -1},
		{"RTMIN+99", -1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(spec_signal(cases[i].text), cases[i].number);
}

static void test_json(void **state)
{
	struct engine_run req = request();
	auto_json json_t *json = NULL;
	json_t *host, *config;
	struct spec s;

	(void)state;
	req.env = V(S("A=b"));
	req.labels = V(S("k=v"), S("bare"));
	req.cap_add = V(S("sys_nice"));
	req.memory = "64m";
	req.ulimits = V(S("nofile=10:20"));
	make_good(&req, &s);
	json = spec_json(&s);
	host = jsonx_obj(json, "HostConfig");
	config = jsonx_obj(json, "Config");
	assert_string_equal(jsonx_str(json, "Path", ""), "prog");
	assert_int_equal(jsonx_int(host, "Memory", 0), 64 << 20);
	assert_int_equal(jsonx_int(host, "MemorySwap", 0), 128 << 20);
	assert_string_equal(
		json_string_value(json_array_get(jsonx_arr(host, "CapAdd"), 0)), "CAP_SYS_NICE");
	assert_string_equal(jsonx_str(jsonx_obj(config, "Labels"), "k", ""), "v");
	assert_string_equal(jsonx_str(jsonx_obj(config, "Labels"), "bare", "x"), "");
	assert_string_equal(json_string_value(json_array_get(jsonx_arr(config, "Env"), 0)), "A=b");
	assert_string_equal(
		jsonx_str(json_array_get(jsonx_arr(host, "Ulimits"), 0), "Name", ""), "nofile");
	spec_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_taken_places),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_bad_modes),
		cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_security_options),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_sysctls),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_user_and_ids),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
