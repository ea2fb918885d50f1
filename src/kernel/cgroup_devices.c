/* cgroup_devices.c: which devices a cgroup may use, v1. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cgroup.h"

static int open_file(const struct cgroup_hier *h, const char *path, const char *name)
{
	auto_free char *full = xasprintf("%s%s/%s", h->mount, path, name);
	int fd = open(full, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_devices(const struct cgroup_host *h, const char *path, char *const *rules)
{
	const struct cgroup_hier *hier = cgroup_find(h, "devices");
	auto_fd int allow = -1, deny = -1;

	if (!hier || hier->v2)
		return -ENOSYS;
	allow = open_file(hier, path, "devices.allow");
	deny = open_file(hier, path, "devices.deny");
	if (allow < 0 || deny < 0)
		return allow < 0 ? allow : deny;
	/* The kernel takes one rule from each write. */
	strv_foreach (r, rules)
		if (write(**r == '+' ? allow : deny, *r + 1, strlen(*r + 1)) < 0)
			return -errno;
	return 0;
}
