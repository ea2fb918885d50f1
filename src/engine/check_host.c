/* check_host.c: what the kernel holds of containers: cgroups, mounts, processes.
 *
 * How it works: cgroups of all stores of this host lie side by side. Of a container that this store
 * knows the lock tells whether its cgroup is in use. Another one may be another store's: it is
 * garbage only when, for longer than any start takes, no process in it was the child of a hull. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "engine/check.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "kernel/mount_list.h"
#include "kernel/ns.h"

#define START_MAX_S 90 /* the monitor gives up after 60 */
#define CGROUP_MS 2000
#define PROC_MAX (256 << 10)

/* ---- processes, as /proc shows them */

static int read_proc(pid_t pid, const char *file, struct buf *b)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return fd_read_file(AT_FDCWD, path, b) < 0 || !b->len ? -1 : 0;
}

/* 0: gone, or outside of our pid namespace. */
static pid_t parent_of(pid_t pid)
{
	auto_buf struct buf b = BUF_MAX(4096);
	const char *p;
	int parent = 0;

	if (read_proc(pid, "stat", &b) < 0 || !(p = strrchr(b.data, ')')))
		return 0;
	return sscanf(p, ") %*c %d", &parent) == 1 ? parent : 0;
}

static int is_program(pid_t pid, const char *name)
{
	auto_buf struct buf b = BUF_MAX(256);

	if (pid <= 0 || read_proc(pid, "comm", &b) < 0)
		return 0;
	b.data[strcspn(b.data, "\n")] = '\0';
	return streq(b.data, name);
}

/* ---- cgroups */

static int exists(char *const *paths)
{
	strv_foreach (p, paths)
		if (access(*p, F_OK) == 0)
			return 1;
	return 0;
}

static int remove_cgroup(char *const *paths)
{
	cgroup_kill(paths);
	return cgroup_remove(paths, CGROUP_MS);
}

/* Of a container that does not run. */
static void check_idle(struct check *c, const struct container_row *row)
{
	auto_fd int run = engine_container_folder(c->en->runroot_fd, row->id);
	auto_free char *text = NULL, *path = NULL;
	auto_json json_t *config = NULL;
	auto_strv char **paths = NULL;
	int r = 0;

	/* That of a --rm goes with it. */
	if (row->ephemeral || (run >= 0 && container_is_locked(run)))
		return;
	text = container_store_config(c->en->db, row->id, NULL);
	config = text ? jsonx_parse(text, strlen(text), "a container", NULL) : NULL;
	path = spec_cgroup_path(&c->cgroups,
		jsonx_str(jsonx_obj(config, "HostConfig"), "CgroupParent", NULL), row->id);
	paths = cgroup_paths(&c->cgroups, path);
	if (!exists(paths))
		return;
	if (c->repair) {
		auto_fd int lock = run < 0 ? -1 : container_lock(run, 0);
		r = lock == -EAGAIN ? -EBUSY : remove_cgroup(paths);
	}
	check_tell(c, r, "cgroup", path, "what is in it is killed, and it is removed",
		"its container does not run");
}

static int is_fresh(const char *path)
{
	const time_t limit = time(NULL) - START_MAX_S;
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mtim.tv_sec > limit || st.st_ctim.tv_sec > limit);
}

/* Does a process in it have a hull outside as its parent, or one that we cannot see? */
static int has_guardian(const char *path)
{
	auto_free char *file = xasprintf("%s/cgroup.procs", path);
	auto_buf struct buf b = BUF_MAX(4UL << 20);

	if (fd_read_file(AT_FDCWD, file, &b) < 0 || !b.data)
		return 0;
	for (char *p = b.data, *end; *p; p = *end ? end + 1 : end) {
		pid_t pid = (pid_t)strtol(p, &end, 10), parent;

		if (end == p)
			break;
		parent = pid > 0 ? parent_of(pid) : 0;
		if (parent == 0 || is_program(parent, "hull") || is_program(parent, "hull-monitor"))
			return 1;
	}
	return 0;
}

static int is_abandoned(char *const *paths)
{
	strv_foreach (p, paths)
		if (is_fresh(*p) || has_guardian(*p))
			return 0;
	return 1;
}

static int is_ours(struct check *c, const char *id)
{
	auto_fd int run = engine_container_folder(c->en->runroot_fd, id);
	auto_fd int kept = engine_container_folder(c->en->root_fd, id);

	return run >= 0 || kept >= 0 || check_row(c, id);
}

static void check_stranger(struct check *c, const char *id)
{
	auto_free char *path = spec_cgroup_path(&c->cgroups, NULL, id);
	auto_strv char **paths = cgroup_paths(&c->cgroups, path);
	int r = 0;

	c->out->cgroups++;
	/* What leads to it is told, and removed together with it. */
	if (is_ours(c, id) || !is_abandoned(paths))
		return;
	if (c->repair)
		r = remove_cgroup(paths);
	check_tell(c, r, "cgroup", path, "what is in it is killed, and it is removed",
		"no container has it, and no monitor guards it");
}

static void add_ids(const char *folder, char ***ids)
{
	DIR *d = opendir(folder);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (check_is_id(de->d_name) && !strv_has(*ids, de->d_name))
			strv_add(ids, de->d_name);
	if (d)
		closedir(d);
}

void check_cgroups(struct check *c)
{
	auto_free char *parent = spec_cgroup_path(&c->cgroups, NULL, "");
	auto_strv char **folders = cgroup_paths(&c->cgroups, parent), **ids = NULL;

	for (size_t i = 0; i < c->n_rows; i++)
		check_idle(c, &c->rows[i]);
	strv_foreach (f, folders)
		add_ids(*f, &ids);
	strv_foreach (id, ids)
		check_stranger(c, *id);
}

static int link_of(const char *path, char out[PATH_MAX])
{
	ssize_t n = readlink(path, out, PATH_MAX - 1);

	if (n < 0)
		return -1;
	out[n] = '\0';
	return 0;
}

/* What the kernel calls a folder of ours: the names on the way may be links. Caller frees. */
static char *real_path(int fd, const char *folder)
{
	char path[64], target[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return link_of(path, target) < 0 ? NULL : xasprintf("%s/%s/", target, folder);
}

/* ---- mounts */

/* Containers have their mounts in namespaces of their own; whoever gave the store's folders file
 * systems of their own keeps them. */
static void check_beneath(struct check *c, int base_fd, const char *folder)
{
	auto_free char *top = real_path(base_fd, folder);
	auto_strv char **points = NULL;

	if (!top || mount_list(top, &points) < 0)
		return;
	/* The topmost last: they lie on each other. */
	for (size_t i = strv_len(points); i-- > 0;) {
		int r = 0;
		if (c->repair && umount2(points[i], MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			r = -errno;
		check_tell(c, r, "mount", points[i], "it is unmounted",
			"nothing of hull's is mounted in the host's namespace");
	}
}

void check_mounts(struct check *c)
{
	check_beneath(c, c->en->root_fd, ENGINE_CONTAINERS);
	check_beneath(c, c->en->root_fd, "layers");
	check_beneath(c, c->en->root_fd, "shifted");
	check_beneath(c, c->en->runroot_fd, ENGINE_CONTAINERS);
}

/* ---- monitors and workers */

/* 1 when some descriptor of the process is something beneath `top` for which `fits` says so. */
static int holds(pid_t pid, const char *top, int (*fits)(const char *rest))
{
	char path[64], target[PATH_MAX];
	struct dirent *de;
	int found = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && !found && (de = readdir(d))) {
		const char *rest;

		snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)pid, de->d_name);
		rest = link_of(path, target) == 0 ? str_after(target, top) : NULL;
		found = rest && fits(rest);
	}
	if (d)
		closedir(d);
	return found;
}

static int any(const char *rest)
{
	return 1;
}

static int is_gone(const char *rest)
{
	return strlen(rest) > ENGINE_ID_LEN && streq(rest + ENGINE_ID_LEN, " (deleted)");
}

static int has_child(pid_t pid)
{
	auto_buf struct buf b = BUF_MAX(64 << 10);
	char file[32];

	snprintf(file, sizeof(file), "task/%d/children", (int)pid);
	return read_proc(pid, file, &b) == 0;
}

/* A monitor whose container's run folder is gone and which still has a child: one without is about
 * to go by itself. */
static int is_stray_monitor(struct check *c, pid_t pid)
{
	auto_free char *top = NULL;

	if (!is_program(pid, "hull-monitor"))
		return 0;
	top = real_path(c->en->runroot_fd, ENGINE_CONTAINERS);
	return top && holds(pid, top, is_gone) && has_child(pid);
}

static int is_stray_worker(struct check *c, pid_t pid)
{
	auto_free char *top = NULL;
	pid_t parent;

	if (!is_program(pid, "hull-transfer") && !is_program(pid, "hull-fetch"))
		return 0;
	top = real_path(c->en->root_fd, "layers");
	if (!top || !holds(pid, top, any))
		return 0;
	parent = parent_of(pid);
	return !is_program(parent, "hull") && !is_program(parent, "hull-transfer");
}

/* By a pidfd that was had before the process was judged the last time. */
static int kill_judged(struct check *c, pid_t pid, int (*is_stray)(struct check *c, pid_t pid))
{
	auto_fd int pidfd = ns_pidfd(pid);

	if (!is_stray(c, pid))
		return -ESRCH;
	return ns_kill(pid, pidfd < 0 ? -1 : pidfd, SIGKILL);
}

static void check_process(struct check *c, pid_t pid)
{
	char name[32];
	int r = 0;

	snprintf(name, sizeof(name), "%d", (int)pid);
	if (is_stray_monitor(c, pid)) {
		if (c->repair)
			r = kill_judged(c, pid, is_stray_monitor);
		check_tell(c, r, "process", name, "it is killed, and its container with it",
			"a monitor whose container's folder is gone");
	} else if (is_stray_worker(c, pid)) {
		if (c->repair)
			r = kill_judged(c, pid, is_stray_worker);
		check_tell(c, r, "process", name, "it is killed",
			"an archive unpacker whose hull is gone");
	}
}

void check_processes(struct check *c)
{
	DIR *d = opendir("/proc");
	struct dirent *de;
	uint32_t pid;

	while (d && (de = readdir(d)))
		if (parse_u32(de->d_name, &pid) == 0 && pid > 0 && pid < INT_MAX)
			check_process(c, (pid_t)pid);
	if (d)
		closedir(d);
}
