/* remove.c: rm, and cleaning up behind containers that nobody else cleans up behind. */
#define _GNU_SOURCE
#include "engine/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/delegate.h"
#include "engine/engine.h"
#include "engine/mode.h"
#include "engine/net.h"
#include "engine/net_names.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "engine/volumes.h"
#include "kernel/cgroup.h"
#include "kernel/fs.h"
#include "kernel/ns.h"

#define KILL_MS 10000  /* for a killed container to be gone */
#define KILL_ROUNDS 10 /* naps between two kills */
#define CGROUP_MS 2000
#define BUNDLE "config.json" /* launch.c */
#define BUNDLE_MAX (4UL << 20)

static int erase_cgroup_in(struct cgroup_host *host, const char *path, struct err *e)
{
	auto_strv char **paths = NULL;
	int r;

	if (host->layout == CGROUP_NONE)
		return 0;
	paths = cgroup_paths(host, path);
	cgroup_kill(paths);
	r = cgroup_remove(paths, CGROUP_MS);
	return r < 0 ? err_sys(e, r, "remove the cgroup %s", path) : 0;
}

static int erase_cgroup_at(const char *path, struct err *e)
{
	struct cgroup_host host = {0};
	int r = cgroup_probe(&host);

	r = r < 0 ? err_sys(e, r, "look for control groups") : erase_cgroup_in(&host, path, e);
	cgroup_host_done(&host);
	return r;
}

static int erase_cgroup(const char *id, const json_t *config, struct err *e)
{
	const char *parent = jsonx_str(jsonx_obj(config, "HostConfig"), "CgroupParent", NULL);
	auto_free char *path = NULL;
	struct cgroup_host host = {0};
	int r = delegate_probe(&host, e);

	if (r == 0) {
		path = spec_cgroup_path(&host, parent, id);
		r = erase_cgroup_in(&host, path, e);
	}
	cgroup_host_done(&host);
	return r;
}

static int erase_volumes(struct engine *en, const json_t *config, struct err *e)
{
	size_t i;
	json_t *m;
	int r = 0;

	json_array_foreach (jsonx_arr(config, "Mounts"), i, m)
		if (jsonx_bool(m, "Anonymous", 0) &&
			volumes_remove(en, jsonx_str(m, "Name", ""), e) < 0)
			r = -1;
	return r;
}

static int erase_folder(int base_fd, const char *base, const char *id, struct err *e)
{
	auto_free char *path = xasprintf(ENGINE_CONTAINERS "/%s", id);
	int r = fs_remove_tree(base_fd, path);

	return r < 0 ? err_sys(e, r, "remove %s/%s", base, path) : 0;
}

/* The lock last: as long as it is there, whoever finds the folder can tell that it is garbage. */
static int erase_run_folder(struct engine *en, const char *id, int last, struct err *e)
{
	static const char *const names[] = {
		"exit", "resolv.conf", "hostname", "hosts", "state", BUNDLE};
	auto_fd int folder = engine_container_folder(en->runroot_fd, id);

	if (folder >= 0)
		net_names_forget(en, folder, id);
	for (size_t i = 0; folder >= 0 && i < ARRAY_SIZE(names); i++)
		if (last || !streq(names[i], BUNDLE))
			unlinkat(folder, names[i], 0);
	return !last ? 0 : erase_folder(en->runroot_fd, en->runroot, id, e);
}

static int erase_row(struct engine *en, const struct container_row *row, int flags, struct err *e)
{
	if (db_begin(en->db, !(flags & ERASE_VOLATILE), e) < 0)
		return -1;
	if (container_store_remove(en->db, row->id, e) == 0 &&
		(flags & ERASE_NO_NETWORK ||
			network_store_forget(en->db, row->id, row->ephemeral, e) == 0))
		return db_commit(en->db, e);
	db_rollback(en->db);
	return -1;
}

int container_erase(struct engine *en, const struct container_row *row, int flags, struct err *e)
{
	auto_json json_t *config = NULL;
	int r = 0;

	if (flags & (ERASE_CGROUP | ERASE_VOLUMES) && row->config)
		config = jsonx_parse(row->config, strlen(row->config), "a container", NULL);
	/* All is tried, whatever fails; the first failure is told. */
	if (flags & ERASE_CGROUP) {
		r = erase_cgroup(row->id, config, e);
		net_unplug(en, row->id);
	}
	/* Nothing but the row leads to them. Of what is to stay until it is removed by name, the
	 * row goes first all the same: a container without its volume is worse than one too many.
	 */
	if (flags & ERASE_VOLUMES && row->ephemeral &&
		erase_volumes(en, config, r < 0 ? NULL : e) < 0)
		r = -1;
	if (erase_row(en, row, flags, r < 0 ? NULL : e) < 0)
		r = -1;
	if (erase_folder(en->root_fd, en->root, row->id, r < 0 ? NULL : e) < 0)
		r = -1;
	if (erase_run_folder(en, row->id, !(flags & ERASE_NOT_LAST), r < 0 ? NULL : e) < 0)
		r = -1;
	if (flags & ERASE_VOLUMES && !row->ephemeral &&
		erase_volumes(en, config, r < 0 ? NULL : e) < 0)
		r = -1;
	return r;
}

int container_erase_last(
	struct engine *en, const struct container_row *row, int by_force, struct err *e)
{
	auto_json json_t *config = NULL;
	int r = 0;

	if (by_force && row->config)
		config = jsonx_parse(row->config, strlen(row->config), "a container", NULL);
	if (by_force)
		r = erase_cgroup(row->id, config, e);
	return erase_run_folder(en, row->id, 1, r < 0 ? NULL : e) < 0 ? -1 : r;
}

/* Where it may have had one: the bundle says it as long as it is there. */
static int erase_cgroup_of_garbage(struct engine *en, const char *id)
{
	auto_fd int run = engine_container_folder(en->runroot_fd, id);
	auto_buf struct buf b = BUF_MAX(BUNDLE_MAX);
	auto_json json_t *bundle = NULL;
	const char *path;
	int r = erase_cgroup(id, NULL, NULL);

	if (run >= 0 && fd_read_file(run, BUNDLE, &b) == 0 && b.len)
		bundle = jsonx_parse(b.data, b.len, BUNDLE, NULL);
	path = jsonx_str(jsonx_obj(bundle, "linux"), "cgroupsPath", NULL);
	/* Never another's: its own name ends the path. */
	if (path && str_ends(path, id) && erase_cgroup_at(path, NULL) < 0)
		r = -1;
	return r;
}

int container_erase_garbage(struct engine *en, const char *id)
{
	int r = erase_cgroup_of_garbage(en, id);

	if (erase_folder(en->root_fd, en->root, id, NULL) < 0)
		r = -1;
	return erase_run_folder(en, id, 1, NULL) < 0 ? -1 : r;
}

/* By a pidfd that was checked against the start time: never a process that got the number since. */
static void kill_first_process(int run_fd)
{
	auto_buf struct buf b = BUF_MAX(4096);
	auto_json json_t *state = NULL;
	auto_fd int pidfd = -1;
	uint64_t ticks;
	int pid, monitor, r = 0;

	if (fd_read_file(run_fd, "state", &b) == 0 && b.len)
		state = jsonx_parse(b.data, b.len, "state", NULL);
	pid = state ? (int)jsonx_int(state, "pid", 0) : 0;
	if (pid <= 0)
		return;
	pidfd = ns_pidfd(pid);
	if (ns_start_time(pid, &ticks) == 0 && ticks == (uint64_t)jsonx_int(state, "startTime", -1))
		r = ns_kill(pid, pidfd, SIGKILL);
	/* A user's container that runs as another of the user's ids, in a user namespace that is
	 * not the one we are in (mode.c): its monitor is always ours to kill, and it dies of that.
	 */
	monitor = r == -EPERM ? container_monitor(run_fd) : 0;
	if (monitor > 0)
		kill(monitor, SIGKILL);
}

/* One that is just starting has no process yet that could be killed: again and again, until its
 * monitor gives the lock back. cgroups: its paths. */
static int kill_until_unlocked(int run_fd, const char *name, char *const *cgroups, struct err *e)
{
	const int64_t end = time_mono_ns() + KILL_MS * INT64_C(1000000);
	const struct timespec nap = {.tv_nsec = 2000000};

	for (int i = 0;; i++) {
		int lock = container_lock(run_fd, 0);

		if (lock != -EAGAIN)
			return lock < 0 && lock != -ENOENT
				       ? err_sys(e, lock, "lock the container \"%s\"", name)
				       : lock;
		if (time_mono_ns() > end)
			return err_set(e, ERR_SYSTEM,
				"cannot remove container \"%s\": it was killed, but is not gone "
				"after %d s: one of its processes may hang in the kernel",
				name, KILL_MS / 1000);
		if (i % KILL_ROUNDS == 0) {
			kill_first_process(run_fd);
			cgroup_kill(cgroups);
		}
		nanosleep(&nap, NULL);
	}
}

/* *out_lock: taken over from the monitor, -1 when there is none to take. */
static int stop_running(struct engine *en, const struct container_row *row, int run_fd,
	int *out_lock, struct err *e)
{
	auto_json json_t *config = jsonx_parse(
		row->config, strlen(row->config), "a container", NULL);
	const char *parent = jsonx_str(jsonx_obj(config, "HostConfig"), "CgroupParent", NULL);
	auto_strv char **paths = NULL;
	struct cgroup_host host = {0};
	int lock;

	if (delegate_probe(&host, NULL) == 0 && host.layout != CGROUP_NONE) {
		auto_free char *path = spec_cgroup_path(&host, parent, row->id);
		paths = cgroup_paths(&host, path);
	}
	cgroup_host_done(&host);
	lock = kill_until_unlocked(run_fd, row->name, paths, e);
	if (lock < 0 && lock != -ENOENT)
		return -1;
	*out_lock = lock < 0 ? -1 : lock;
	return 0;
}

static int remove_row(struct engine *en, const char *name, const struct container_row *row,
	int force, int volumes, struct err *e)
{
	auto_fd int run = engine_container_folder(en->runroot_fd, row->id);
	auto_fd int lock = run < 0 ? -1 : container_lock(run, 0);
	struct container_state s;
	int flags = ERASE_CGROUP | (volumes || row->ephemeral ? ERASE_VOLUMES : 0);

	container_state_read(en, row, &s);
	if (lock == -EAGAIN && s.phase != PHASE_EXITED && !force) {
		container_state_done(&s);
		return err_set(e, ERR_CONFLICT,
			"cannot remove container \"%s\": container is running: stop the container "
			"before removing or force remove",
			name);
	}
	/* Held until all is gone: an unlocked folder without a row is garbage, which ps sweeps. */
	if (lock == -EAGAIN && stop_running(en, row, run, &lock, e) < 0) {
		container_state_done(&s);
		return -1;
	}
	container_state_done(&s);
	return container_erase(en, row, flags, e);
}

int engine_container_remove(
	struct engine *en, const char *name, int force, int volumes, struct err *e)
{
	struct container_row row;
	int r;

	if (mode_enter(en, e) < 0 || container_store_find(en->db, name, &row, e) < 0)
		return -1;
	r = remove_row(en, name, &row, force, volumes, e);
	container_row_done(&row);
	return r;
}

int engine_container_cleanup(struct engine *en, const char *id, struct err *e)
{
	struct container_row row;
	auto_fd int run = -1, lock = -1;
	int r = mode_enter(en, e) < 0 ? -1 : container_store_get(en->db, id, &row, e);

	if (r <= 0)
		return r;
	run = engine_container_folder(en->runroot_fd, id);
	lock = run < 0 ? -1 : container_lock(run, 0);
	if (lock == -EAGAIN)
		r = err_set(e, ERR_CONFLICT,
			"cannot clean up container \"%s\": its monitor is alive", row.name);
	else if (row.ephemeral)
		r = container_erase(en, &row, ERASE_CGROUP | ERASE_VOLUMES | ERASE_VOLATILE, e);
	else {
		auto_json json_t *config = jsonx_parse(
			row.config, strlen(row.config), "a container", NULL);
		r = erase_cgroup(id, config, e);
	}
	container_row_done(&row);
	return r;
}
