/* cgroup_can.c: what this kernel, with its layout, can limit, and what Docker says when it cannot.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "base/mem.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_v2.h"

#define GONE " or the cgroup is not mounted. "

static const struct {
	const char *v1, *v1_file; /* file NULL: the root has none, the write will tell */
	const char *v2;		  /* NULL: v2 has no such thing */
	const char *text;	  /* after "Your kernel does not support " */
} features[CGROUP_FEATURES] = {
	[CGROUP_MEMORY] = {"memory", "memory.limit_in_bytes", "memory",
		"memory limit capabilities" GONE "Limitation discarded."},
	[CGROUP_SWAP] = {"memory", "memory.memsw.limit_in_bytes", "memory",
		"swap limit capabilities" GONE "Memory limited without swap."},
	[CGROUP_RESERVATION] = {"memory", "memory.soft_limit_in_bytes", "memory",
		"memory soft limit capabilities" GONE "Limitation discarded."},
	[CGROUP_SWAPPINESS] = {"memory", "memory.swappiness", NULL,
		"memory swappiness capabilities" GONE "Memory swappiness discarded."},
	[CGROUP_OOM_KILL_DISABLE] = {"memory", "memory.oom_control", NULL,
		"OomKillDisable. OomKillDisable discarded."},
	[CGROUP_PIDS] = {"pids", NULL, "pids",
		"PIDs limit capabilities" GONE "PIDs limit discarded."},
	[CGROUP_CPU_SHARES] = {"cpu", "cpu.shares", "cpu", "CPU shares" GONE "Shares discarded."},
	[CGROUP_CPU_CFS] = {"cpu", "cpu.cfs_quota_us", "cpu",
		"CPU CFS scheduler. CPU period/quota discarded."},
	[CGROUP_CPU_RT] = {"cpu", "cpu.rt_runtime_us", NULL, "CPU real-time scheduler"},
	[CGROUP_CPUSET] = {"cpuset", "cpuset.cpus", "cpuset", "cpuset" GONE "Cpuset discarded."},
	[CGROUP_IO_WEIGHT] = {"blkio", NULL, "io", "Block I/O weight" GONE "Weight discarded."},
	[CGROUP_IO_WEIGHT_DEVICE] = {"blkio", NULL, "io",
		"Block I/O weight_device" GONE "Weight-device discarded."},
	[CGROUP_IO_READ_BPS] = {"blkio", "blkio.throttle.read_bps_device", "io",
		"BPS Block I/O read limit" GONE "Block I/O BPS read limit discarded."},
	[CGROUP_IO_WRITE_BPS] = {"blkio", "blkio.throttle.write_bps_device", "io",
		"BPS Block I/O write limit" GONE "Block I/O BPS write limit discarded."},
	[CGROUP_IO_READ_IOPS] = {"blkio", "blkio.throttle.read_iops_device", "io",
		"IOPS Block read limit" GONE "Block I/O IOPS read limit discarded."},
	[CGROUP_IO_WRITE_IOPS] = {"blkio", "blkio.throttle.write_iops_device", "io",
		"IOPS Block write limit" GONE "Block I/O IOPS write limit discarded."},
};

char *cgroup_cannot_text(enum cgroup_feature feature)
{
	return xasprintf("Your kernel does not support %s", features[feature].text);
}

int cgroup_can(const struct cgroup_host *h, enum cgroup_feature feature)
{
	const struct cgroup_hier *hier = cgroup_find(h, features[feature].v1);
	auto_free char *file = NULL;

	if (!hier)
		return 0;
	if (!hier->v2) {
		if (!features[feature].v1_file)
			return 1;
		file = xasprintf("%s/%s", hier->mount, features[feature].v1_file);
		return access(file, F_OK) == 0;
	}
	if (!features[feature].v2)
		return 0;
	/* v2 has memory.swap.max exactly where there is swap at all (CONFIG_SWAP). */
	if (feature == CGROUP_SWAP && access("/proc/swaps", F_OK) < 0)
		return 0;
	/* Of the root: what is delegated to us may not be there yet, and the write will tell. */
	return cgroup_v2_has(hier->mount, "", features[feature].v2);
}
