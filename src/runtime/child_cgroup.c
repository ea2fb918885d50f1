/* child_cgroup.c: into the cgroup, and the container's own view of it. Process: the child. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/mount.h"
#include "kernel/path.h"
#include "runtime/child.h"

int child_cgroup_join(struct child *c, struct err *e)
{
	const char *path = c->plan->config->cgroups_path;
	int r = c->cgroups ? cgroup_enter_self(c->cgroup_host, path, !c->born_in_v2) : 0;

	return r < 0 ? err_sys(e, r, "join the cgroup %s", path) : 0;
}

/* One hierarchy: the container's folder of it, bound where its mount would be. */
static int show(int top_fd, const char *path, const char *name, unsigned long flags, struct err *e)
{
	auto_fd int own = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), target = -1;
	int r;

	if (own < 0)
		return err_sys(e, errno, "open the cgroup %s", path);
	target = path_mount_target(top_fd, name, 1);
	r = target < 0 ? target : mount_bind(own, target, 0, flags);
	return r < 0 ? err_sys(e, r, "show the cgroup %s", path) : 0;
}

/* "cpu,cpuacct" is also known as "cpu" and "cpuacct". */
static void add_links(int top_fd, const char *name)
{
	auto_strv char **parts = strv_split(name, ",");

	if (strv_len(parts) > 1)
		strv_foreach (p, parts)
			(void)!symlinkat(name, top_fd, *p);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int child_cgroup_view(struct child *c, const struct plan_mount *m, struct err *e)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (m->words.set & MS_RDONLY);
	const struct mount_param params[] = {MOUNT_STR("mode", "755"), MOUNT_STR("size", "64k")};
	const struct cgroup_host *h = c->cgroup_host;
	auto_fd int target = path_mount_target(c->root_fd, m->destination, 1), top = -1;
	size_t i = 0;
	int r;

	if (target < 0)
		return err_sys(e, target, "mount cgroups on %s", m->destination);
	if (c->cgroups && h->layout == CGROUP_V2) {
		/* In the host's namespace /proc/self/cgroup names the whole path: all is shown, so
		 * that it leads somewhere. */
		const char *shown = plan_has_namespace(c->plan, "cgroup") ? c->cgroups[0]
									  : h->hiers[0].mount;
		auto_fd int own = open(shown, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = own < 0 ? -errno : mount_bind(own, target, 0, flags);
		return r < 0 ? err_sys(e, r, "show the cgroup %s", shown) : 0;
	}
	top = mount_new("tmpfs", "cgroup", params, ARRAY_SIZE(params), flags & ~MS_RDONLY);
	if (top == -ENOSYS) {
		r = mount_new_at(
			"tmpfs", "cgroup", params, ARRAY_SIZE(params), flags & ~MS_RDONLY, target);
		if (r == 0) {
			fd_close_ptr(&target);
			top = path_open(c->root_fd, m->destination, O_PATH | O_DIRECTORY, 0);
		}
	} else if (top >= 0) {
		r = mount_attach(top, target);
	} else {
		r = top;
	}
	if (r < 0 || top < 0)
		return err_sys(e, r < 0 ? r : top, "mount cgroups on %s", m->destination);
	strv_foreach (path, c->cgroups) {
		const char *name = base_name(h->hiers[i++].mount);
		if (show(top, *path, name, flags, e) < 0)
			return -1;
		add_links(top, name);
	}
	r = flags & MS_RDONLY ? mount_change(top, MS_RDONLY, 0, 0) : 0;
	return r < 0 ? err_sys(e, r, "make %s read-only", m->destination) : 0;
}
