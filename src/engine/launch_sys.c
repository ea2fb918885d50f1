/* launch_sys.c: /sys where the kernel makes no new sysfs: in a container whose engine has hidden
 * parts of it, a new one would show them again (mount_too_revealing).
 *
 * How it works: as with copies (launch_copy.c), the run that fails so leaves a mark in the run
 * folder and is started again with the /sys from outside, bound with all that lies on it; later
 * ones see the mark. For /proc there is no such way: the outer one shows the outer processes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/launch.h"

#define MARK "outer-sys"

static struct oci_mount *find_sysfs(const struct launch *l)
{
	const struct oci_config *c = &l->spec.oci;

	for (size_t i = 0; i < c->n_mounts; i++)
		if (streq(c->mounts[i].destination, "/sys") && streq(c->mounts[i].type, "sysfs"))
			return &c->mounts[i];
	return NULL;
}

int launch_sys_possible(const struct launch *l)
{
	return l->en->nested && find_sysfs(l);
}

int launch_sys_wanted(const struct launch *l)
{
	return launch_sys_possible(l) && faccessat(l->en->runroot_fd, MARK, F_OK, 0) == 0;
}

void launch_sys_bind(struct launch *l)
{
	struct oci_mount *m = find_sysfs(l);
	const int ro = strv_has(m->options, "ro");
	int fd = openat(l->en->runroot_fd, MARK, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		engine_warn(l->en,
			"parts of /sys are hidden here, and the kernel makes no new one then: "
			"containers see this one, with the network devices of outside");
	}
	str_set(&m->type, "bind");
	str_set(&m->source, "/sys");
	strv_free(m->options);
	m->options = strv_split(ro ? "rbind,rprivate,nosuid,noexec,nodev,ro,rro"
				   : "rbind,rprivate,nosuid,noexec,nodev",
		",");
}
