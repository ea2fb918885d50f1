/* spec_mounts.c: the kernel's file systems, then the files that hull writes, then what the user and
 * the image want mounted, parents first. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/files.h"
#include "engine/spec.h"

#define TTY_GROUP 5 /* of Debian, and of every image that matters */

/* Does the user mount something there, or on a folder above that hides it? */
static int is_taken(const struct spec *s, const char *destination)
{
	for (size_t i = 0; i < s->mounts.n; i++) {
		const char *rest = str_after(destination, s->mounts.v[i].destination);
		if (rest && (!*rest || *rest == '/'))
			return 1;
	}
	return 0;
}

static void add(struct spec *s, const char *destination, const char *type, const char *source,
	const char *options)
{
	if (!is_taken(s, destination))
		oci_config_add_mount(&s->oci, destination, type, source, options);
}

/* sysfs belongs to the network namespace: who does not own that may only see the host's. */
static void add_sys(struct spec *s)
{
	const char *ro = s->req->privileged ? "" : ",ro";
	auto_free char *fresh = xasprintf("nosuid,noexec,nodev%s", ro);
	auto_free char *bound = xasprintf(
		"rbind,rprivate,nosuid,noexec,nodev%s%s", ro, s->req->privileged ? "" : ",rro");

	if ((s->modes.network == NETWORK_HOST || s->modes.network == NETWORK_CONTAINER) &&
		(s->modes.user_ns || s->uids))
		add(s, "/sys", "bind", "/sys", bound);
	else
		add(s, "/sys", "sysfs", "sysfs", fresh);
	add(s, "/sys/fs/cgroup", "cgroup", "cgroup", fresh);
}

static void add_ipc(struct spec *s)
{
	auto_free char *size = xasprintf(
		"nosuid,noexec,nodev,mode=1777,size=%" PRId64, s->shm_size);

	if (s->modes.ipc_host) {
		/* As far as the host has them mounted. */
		static const char *const paths[] = {"/dev/mqueue", "/dev/shm"};
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
			if (access(paths[i], F_OK) == 0)
				add(s, paths[i], "bind", paths[i],
					"rbind,rprivate,nosuid,noexec,nodev");
		return;
	}
	add(s, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	if (!s->modes.ipc_none)
		add(s, "/dev/shm", "tmpfs", "shm", size);
}

static void add_kernel_mounts(struct spec *s)
{
	/* proc of a foreign pid namespace can be shown, not mounted, by a root of less than all. */
	if (s->modes.pid_host && s->uids)
		add(s, "/proc", "bind", "/proc", "rbind,rprivate,nosuid,noexec,nodev");
	else
		add(s, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	add(s, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	for (char **d = s->device_binds; d && *d; d += 2)
		add(s, d[1], "bind", d[0], "bind,rprivate,nosuid,noexec");
	add(s, "/dev/pts", "devpts", "devpts",
		s->gids && !userns_map_has(s->gids, TTY_GROUP)
			? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"
			: "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_sys(s);
	add_ipc(s);
}

static int collect(struct spec *s, struct err *e)
{
	const struct engine_run *req = s->req;
	auto_free char *cwd = getcwd(NULL, 0);

	if (!cwd)
		return err_sys(e, errno, "find the current folder");
	strv_foreach (v, req->volumes)
		if (mounts_parse_volume(*v, cwd, &s->mounts, e) < 0)
			return -1;
	strv_foreach (m, req->mounts)
		if (mounts_parse_mount(*m, cwd, &s->mounts, e) < 0)
			return -1;
	strv_foreach (t, req->tmpfs)
		if (mounts_parse_tmpfs(*t, &s->mounts, e) < 0)
			return -1;
	return mounts_check(&s->mounts, e);
}

/* A mount that is to pass on later mounts takes a root file system that lets them through. */
static void set_root_propagation(struct spec *s)
{
	const char *want = NULL;

	for (size_t i = 0; i < s->mounts.n; i++) {
		const char *p = s->mounts.v[i].propagation;
		if (streq(p, "shared") || streq(p, "rshared"))
			want = "shared";
		else if (!want && (streq(p, "slave") || streq(p, "rslave")))
			want = "rslave";
	}
	str_set(&s->oci.rootfs_propagation, want);
}

/* A foreign /proc would be written to as if it were the kernel's, and would hide what is masked
 * (CVE-2019-16884, CVE-2019-19921). The single files are those that lxcfs replaces. */
static int check_proc(const char *destination, struct err *e)
{
	static const char *const allowed[] = {"cpuinfo", "diskstats", "meminfo", "stat", "swaps",
		"uptime", "loadavg", "slabinfo", "sys/kernel/ns_last_pid",
		"sys/crypto/fips_enabled"};
	const char *rest = str_after(destination, "/proc");

	if (!rest || (*rest && *rest != '/'))
		return 0;
	for (size_t i = 0; *rest && i < ARRAY_SIZE(allowed); i++)
		if (streq(rest + 1, allowed[i]))
			return 0;
	return err_set(e, ERR_INVALID,
		"\"%s\" cannot be mounted because it is %s: the kernel's own must be there",
		destination, *rest ? "inside /proc" : "/proc");
}

int spec_mounts(struct spec *s, struct err *e)
{
	if (collect(s, e) < 0)
		return -1;
	if (s->image)
		strv_foreach (v, s->image->config.volumes)
			mounts_add_image_volume(&s->mounts, *v);
	for (size_t i = 0; i < s->mounts.n; i++)
		if (check_proc(s->mounts.v[i].destination, e) < 0)
			return -1;
	mounts_sort(&s->mounts);
	set_root_propagation(s);
	if (files_extra_hosts(s->req->add_hosts, &s->extra_hosts, e) < 0 ||
		files_check_dns(s->req->dns, e) < 0)
		return -1;
	add_kernel_mounts(s);
	return 0;
}

static void add_bind(struct spec *s, const struct mount_request *m, const char *source)
{
	auto_buf struct buf b = BUF_MAX(256);

	buf_puts(&b, m->recursion == RECURSION_NONE ? "bind" : "rbind");
	buf_printf(&b, ",%s", *m->propagation ? m->propagation : "rprivate");
	if (m->read_only)
		buf_puts(&b, m->recursion == RECURSION_NONE || m->recursion == RECURSION_WRITABLE
				     ? ",ro"
				     : ",ro,rro");
	if (s->modes.user_ns && !s->uids)
		buf_puts(&b, ",idmap"); /* the host's ids inside and out */
	oci_config_add_mount(&s->oci, m->destination, "bind", source, b.data);
}

static void add_tmpfs(struct spec *s, const struct mount_request *m)
{
	auto_free char *options = xasprintf(
		"nosuid,nodev,noexec%s%s", *m->options ? "," : "", m->options);

	oci_config_add_mount(&s->oci, m->destination, "tmpfs", "tmpfs", options);
}

static void add_files(struct spec *s, const char *folder)
{
	for (const char *const *name = files_names; *name; name++) {
		auto_free char *destination = xasprintf("/etc/%s", *name);
		auto_free char *source = xasprintf("%s/%s", folder, *name);

		/* Only what is mounted exactly there replaces ours: a mount on /etc does not. */
		int taken = 0;
		for (size_t i = 0; i < s->mounts.n; i++)
			taken |= streq(s->mounts.v[i].destination, destination);
		if (!taken)
			oci_config_add_mount(
				&s->oci, destination, "bind", source, "rbind,rprivate");
	}
}

void spec_add_mounts(struct spec *s, char *const *sources, const char *files)
{
	int files_done = 0;

	for (size_t i = 0; i < s->mounts.n; i++) {
		const struct mount_request *m = &s->mounts.v[i];

		/* Behind "/etc", before "/etc/x/y". */
		if (!files_done && strchr(m->destination + 1, '/')) {
			add_files(s, files);
			files_done = 1;
		}
		if (m->type == MOUNT_TMPFS)
			add_tmpfs(s, m);
		else
			add_bind(s, m, sources[i]);
	}
	if (!files_done)
		add_files(s, files);
}
