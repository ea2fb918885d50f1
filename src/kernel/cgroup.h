/* cgroup.h: control groups v1, v2 and hybrid behind one interface. A cgroup is a path beneath each
 * hierarchy's mount ("/hull/ID"), made in all of them. Quiet: >= 0 or -errno. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum cgroup_layout { CGROUP_NONE, CGROUP_V1, CGROUP_V2, CGROUP_HYBRID };

struct cgroup_hier {
	char *mount;	   /* "/sys/fs/cgroup/memory" */
	char *controllers; /* "cpu,cpuacct" as /proc/self/cgroup has it; "" for v2; "name=systemd"
			    */
	char *own;	   /* this process's path in it, "/" or "/user.slice/..." */
	int v2;
};
struct cgroup_host {
	enum cgroup_layout layout; /* V2: only a v2 mount; HYBRID: v1 controllers and a v2 mount */
	struct cgroup_hier *hiers;
	size_t n;
	char *delegated; /* NULL, or the v2 cgroup that systemd gave us: nothing above is ours */
};

/* Read /proc/self/mountinfo and /proc/self/cgroup (once). */
int cgroup_probe(struct cgroup_host *out);
/* The same from the text of the two files (modified), for tests. */
void cgroup_probe_text(char *mountinfo, char *cgroup, struct cgroup_host *out);
void cgroup_host_done(struct cgroup_host *h);
/* The hierarchy with that controller ("memory"): the v1 one that has it, else v2, else NULL. */
const struct cgroup_hier *cgroup_find(const struct cgroup_host *h, const char *controller);

/* What a kernel and its layout may or may not be able to limit. */
enum cgroup_feature {
	CGROUP_MEMORY,
	CGROUP_SWAP,
	CGROUP_RESERVATION,
	CGROUP_SWAPPINESS,
	CGROUP_OOM_KILL_DISABLE,
	CGROUP_PIDS,
	CGROUP_CPU_SHARES,
	CGROUP_CPU_CFS,
	CGROUP_CPU_RT,
	CGROUP_CPUSET,
	/* of block devices; from here to READ_BPS.. WRITE_IOPS also struct cgroup_io.what */
	CGROUP_IO_WEIGHT,
	CGROUP_IO_WEIGHT_DEVICE,
	CGROUP_IO_READ_BPS,
	CGROUP_IO_WRITE_BPS,
	CGROUP_IO_READ_IOPS,
	CGROUP_IO_WRITE_IOPS,
	CGROUP_FEATURES
};
/* 0 when it is known before anything is made that this host cannot, else 1: files that only
 * cgroups below the root have are found missing by cgroup_limit. */
int cgroup_can(const struct cgroup_host *h, enum cgroup_feature feature);
/* "Your kernel does not support ... discarded.": Docker's line for it; caller frees. */
char *cgroup_cannot_text(enum cgroup_feature feature);

struct cgroup_io {		  /* one limit of one block device */
	enum cgroup_feature what; /* CGROUP_IO_WEIGHT_DEVICE ... CGROUP_IO_WRITE_IOPS */
	int64_t major, minor;
	uint64_t value; /* weight 10..1000, bytes or operations a second; 0: no limit */
};
struct cgroup_limits { /* 0 or -1 as OCI has it: *_set says whether a value was given */
	int memory_set, swap_set, reservation_set, swappiness_set, pids_set, cpu_set, shares_set;
	int oom_kill_disable;
	int64_t memory, swap, pids; /* bytes; -1 = unlimited; swap: memory plus swap, as OCI */
	int64_t reservation;
	uint64_t swappiness;		     /* 0..100 */
	int64_t cpu_quota_us, cpu_period_us; /* quota -1 = none; 0 = leave as it is */
	int64_t rt_runtime_us, rt_period_us; /* 0 = leave as it is */
	uint64_t cpu_shares;
	const char *cpus, *mems; /* "0-3,7"; NULL or "" = leave as it is */
	uint64_t io_weight;	 /* 10..1000; 0 = leave as it is */
	const struct cgroup_io *io;
	size_t n_io;
	/* Called for what this kernel turns out to lack: it is left out. May be NULL. */
	void (*lacks)(void *ctx, enum cgroup_feature feature);
	void *lacks_ctx;
};

/* The full paths of the cgroup `path` in every hierarchy, as a strv (mount + path). */
char **cgroup_paths(const struct cgroup_host *h, const char *path);
/* mkdir in every hierarchy (and, on v2, enable controllers in the parents' subtree_control; cpuset
 * of v1 filled from the parent). What was made before a failure is removed again. -EROFS, -EACCES
 * tell that there is no right to: the caller decides whether that matters. One that is there
 * already and empty is taken over, one with processes is -EBUSY; ".." in path is -EINVAL. */
int cgroup_make(const struct cgroup_host *h, const char *path);
/* One half of it: with_v2 1 in the v2 hierarchy only, 0 in those of v1. So that a child can be born
 * in the one while the others are still made: a mkdir in each of nine costs 0.3 ms. */
int cgroup_make_half(const struct cgroup_host *h, const char *path, int with_v2);
/* Hand all controllers that limits and statistics want down to the children of path (v2; nothing
 * elsewhere). cgroup_make does it when it makes the parent. */
void cgroup_hand_down(const struct cgroup_host *h, const char *path);
/* Speaking, because the file and value matter to the user ("memory.limit_in_bytes: Device or
 * resource busy"). What the kernel has no file for is told to l->lacks and left out. Conversions
 * from v1's words to v2's as runc and crun do them (cpu.weight, io.weight, memory.swap.max). */
int cgroup_limit(const struct cgroup_host *h, const char *path, const struct cgroup_limits *l,
	struct err *e);

struct cgroup_device_rule {
	int allow;
	char type;	      /* 'c', 'b', or 'a': both */
	int64_t major, minor; /* -1: any */
	unsigned access;      /* CGROUP_DEVICE_* */
};
#define CGROUP_DEVICE_MKNOD 1u
#define CGROUP_DEVICE_READ 2u
#define CGROUP_DEVICE_WRITE 4u
#define CGROUP_DEVICE_ALL 7u
/* Which devices may be used, in order: the last rule that names a device and a kind of access
 * decides. v1: devices.allow and devices.deny. v2: a program (bpf_device.h, 4.15), which the cgroup
 * keeps until it is removed; -E2BIG when there are too many rules for one. -ENOSYS: no such
 * controller, an older kernel, or no right to load programs. */
int cgroup_devices(const struct cgroup_host *h, const char *path,
	const struct cgroup_device_rule *rules, size_t n);
/* Move pid into it in every hierarchy. Slow when nothing was moved lately: the kernel then waits
 * for an RCU grace period, 5 to 15 ms, before it may move a process from outside. The two below
 * avoid that. */
int cgroup_enter(const struct cgroup_host *h, const char *path, pid_t pid);
/* The calling process, which must have one thread, moves itself: "0" into v1's tasks takes no
 * global lock (6.0; before, it costs what cgroup_enter does): 0.1 ms for nine hierarchies. Early in
 * the child, while it still sees the host's mounts. with_v2 0: it was cloned into the v2 cgroup. */
int cgroup_enter_self(const struct cgroup_host *h, const char *path, int with_v2);
/* O_PATH descriptor of the v2 cgroup for ns_clone; -ENOENT when there is no v2 hierarchy. */
int cgroup_open_v2(const struct cgroup_host *h, const char *path);

/* The functions below know only full paths (cgroup_paths): all that a monitor needs. */

/* SIGKILL everything inside: cgroup.kill (5.14), else freeze, kill, thaw until empty. -ETIMEDOUT
 * when something still lives after two seconds. Cheapest at a normal end: cgroup_remove(paths, 0)
 * first, this only after its -EBUSY. */
int cgroup_kill(char *const *paths);
/* Remove (children first), retrying EBUSY for at most timeout_ms. `paths` as cgroup_paths gives.
 * Parents ("/hull") stay. Missing ones are no error. */
int cgroup_remove(char *const *paths, int timeout_ms);
/* 1 when the kernel killed a process of it for memory (memory.events oom_kill, memory.oom_control;
 * the latter since 4.13). Before cgroup_remove. */
int cgroup_oom_killed(char *const *paths);
/* Number of processes in it, recursively, or -errno. */
int cgroup_count(char *const *paths);
