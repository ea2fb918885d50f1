/* config.h: an OCI runtime configuration (runtime-spec 1.3, config.md and config-linux.md) as a
 * struct, plus hull's own top-level object "hull", which says what the specification has no word
 * for (a root file system assembled from layers, a compiled filter). Unknown members are ignored,
 * as the specification wants; members of the wrong type are errors. All strings are owned by the
 * struct. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct oci_idmap {
	uint32_t container_id, host_id, size;
};
struct oci_idmaps {
	struct oci_idmap *v;
	size_t n;
};

struct oci_mount {
	char *destination, *type, *source; /* type and source may be NULL */
	char **options;
	struct oci_idmaps uids, gids; /* mount uidMappings, gidMappings (1.1) */
};

struct oci_rlimit {
	char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct oci_namespace {
	char *type; /* pid network mount ipc uts user cgroup time */
	char *path; /* NULL: a new one */
};

struct oci_device {
	char *path;
	char type; /* c b u p */
	int64_t major, minor;
	int64_t file_mode; /* -1 unset */
	int64_t uid, gid;  /* -1 unset */
};

struct oci_device_rule {
	int allow;
	char type;	      /* a b c */
	int64_t major, minor; /* -1 any */
	char *access;	      /* NULL: rwm */
};

struct oci_hook {
	char *path;
	char **args, **env;
	int timeout; /* seconds, 0 none */
};
struct oci_hook_list {
	struct oci_hook *v;
	size_t n;
};

struct oci_process {
	int terminal;
	unsigned console_height, console_width;
	uint32_t uid, gid;
	int64_t umask; /* -1 unset */
	uint32_t *additional_gids;
	size_t n_additional_gids;
	char **args, **env;
	char *cwd;
	int caps_set; /* the capabilities object was there */
	uint64_t caps_bounding, caps_effective, caps_permitted, caps_inheritable, caps_ambient;
	char **caps_unknown; /* names no kernel knows: to be warned about */
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	int no_new_privileges;
	char *apparmor_profile, *selinux_label;
	int oom_score_adj_set, oom_score_adj;
};

struct oci_io_device { /* blockIO.weightDevice, blockIO.throttle* */
	int64_t major, minor;
	uint64_t value; /* weight 10..1000, or a rate */
};
struct oci_io_devices {
	struct oci_io_device *v;
	size_t n;
};

struct oci_resources {
	struct oci_device_rule *devices;
	size_t n_devices;
	int memory_set, memory_swap_set, memory_reservation_set, memory_swappiness_set;
	int64_t memory_limit, memory_swap, memory_reservation;
	uint64_t memory_swappiness;
	int oom_kill_disable;
	int pids_set;
	int64_t pids_limit;
	int cpu_quota_set, cpu_period_set, cpu_shares_set;
	int64_t cpu_quota, cpu_rt_runtime; /* rt: 0 unset */
	uint64_t cpu_period, cpu_rt_period, cpu_shares;
	char *cpus, *mems;
	uint64_t io_weight; /* 0 unset */
	struct oci_io_devices io_weights, io_read_bps, io_write_bps, io_read_iops, io_write_iops;
	json_t *raw; /* the whole object, for what is not taken apart yet; owned reference or NULL
		      */
};

/* hull's own object. Written only by hull's engine; image metadata never reaches it. */
/* An interface that whoever creates the container puts into its network namespace. */
struct oci_interface {
	char *name;	  /* inside */
	char **addresses; /* "10.77.0.2/16" */
	char **gateways;  /* of default routes; empty: none */
};

struct oci_hull {
	char **layers; /* absolute folders, lowest first; NULL: root.path is the root file system */
	char *upper; /* folder that holds the sub-folders "upper" and "work"; NULL with layers: the
			layers are mounted read-only */
	int volatile_upper; /* the upper folder is thrown away: no sync when it ends */
	int idmap_root; /* show layers and upper (or root.path) through the user namespace's map */
	char *seccomp_filter; /* file with the compiled filter, used instead of linux.seccomp */
	int init; /* hull-init is PID 1: bind `init_path` to /sbin/docker-init and prepend it */
	char *init_path;
	struct oci_interface *interfaces;
	size_t n_interfaces;
};

struct oci_config {
	char *version;
	char *root_path;
	int root_readonly;
	char *hostname, *domainname;
	struct oci_process process;
	struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_hook_list prestart, create_runtime, create_container, start_container, poststart,
		poststop;
	json_t *annotations; /* object or NULL */

	struct oci_idmaps uids, gids;
	json_t *sysctl; /* object of strings or NULL */
	struct oci_resources resources;
	char *cgroups_path;
	struct oci_namespace *namespaces;
	size_t n_namespaces;
	struct oci_device *devices;
	size_t n_devices;
	json_t *seccomp; /* raw object or NULL */
	char *rootfs_propagation;
	char **masked_paths, **readonly_paths;
	char *mount_label;
	json_t *personality;

	struct oci_hull *hull; /* NULL when the object is missing */
};

/* The one namespace entry of that type, or NULL. */
const struct oci_namespace *oci_config_namespace(const struct oci_config *c, const char *type);

/* An empty one: zeroed, with -1 in the members that are unset so (umask). For those who build one.
 */
void oci_config_init(struct oci_config *c);
/* Text of a config.json -> *out (zeroed first; release with oci_config_done also after an error).
 * Speaking: the error names the member ("process.args must be a list"). */
int oci_config_parse(const char *text, size_t len, struct oci_config *out, struct err *e);
/* The reverse, as a compact JSON document; caller frees. Members that are unset are left out. NULL
 * when it would cross 64 MiB. */
char *oci_config_text(const struct oci_config *c);
void oci_config_done(struct oci_config *c);

/* Helpers for those who build one: copies of the strings are made. */
struct oci_mount *oci_config_add_mount(struct oci_config *c, const char *destination,
	const char *type, const char *source, const char *options_comma);
void oci_config_add_namespace(struct oci_config *c, const char *type, const char *path);
void oci_config_add_rlimit(struct oci_config *c, const char *type, uint64_t soft, uint64_t hard);
struct oci_interface *oci_config_add_interface(struct oci_config *c, const char *name);
struct oci_device *oci_config_add_device(
	struct oci_config *c, const char *path, char type, int64_t major, int64_t minor);
struct oci_device_rule *oci_config_add_device_rule(struct oci_config *c, int allow, char type,
	int64_t major, int64_t minor, const char *access);
void oci_io_devices_add(struct oci_io_devices *l, int64_t major, int64_t minor, uint64_t value);
void oci_idmaps_add(struct oci_idmaps *m, uint32_t container_id, uint32_t host_id, uint32_t size);
