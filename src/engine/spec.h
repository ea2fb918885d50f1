/* spec.h: everything about a container that is decided before anything is done: the request, the
 * image's configuration and the defaults merged into one OCI configuration, and what inspect will
 * show of it. Reads (image, passwd, host files), never writes. Inside the engine's folder only. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/mounts.h"
#include "engine/users.h"
#include "image/store.h"
#include "kernel/cgroup.h"
#include "kernel/userns.h"
#include "oci/config.h"

enum spec_network { NETWORK_NONE, NETWORK_HOST, NETWORK_OWN, NETWORK_CONTAINER };

struct spec_modes {
	int keep_id;   /* the user's own ids are the same inside; implies user_ns */
	int user_ns;   /* an own user namespace */
	int no_idmaps; /* it would be, if this kernel could */
	int pid_host, uts_host, ipc_host, ipc_none, cgroup_host;
	enum spec_network network;
	const char *network_of; /* NETWORK_CONTAINER: whose, as typed (borrowed) */
};

struct spec_host_entry { /* --add-host */
	char *host, *ip;
};

/* --network container:NAME */
struct spec_join {
	int fd;	     /* its network namespace; -1 */
	char *id;    /* whose */
	char *files; /* the folder of its hosts, hostname, resolv.conf */
	char *hostname;
};

struct spec {
	const struct engine_run *req;
	char id[65];
	struct spec_modes modes;
	/* The only ids there are, when we are root of a user namespace (mode.h); else NULL. */
	const struct userns_map *uids, *gids;
	char **device_binds;	   /* there: HOST, INSIDE, HOST, INSIDE ... */
	struct store_image *image; /* NULL with --rootfs */
	char **layers;		   /* absolute, lowest first; with --rootfs: that folder */
	char *rootfs;		   /* --rootfs, absolute */
	int overlay;		   /* the root file system is layers and an upper folder */
	struct users_who who;
	char *user; /* as written: -u, else the image's */
	char *hostname;
	char **entrypoint, **cmd; /* together the program's arguments */
	char **config_env;	  /* what inspect shows of the environment */
	char *workdir;
	json_t *labels;
	uint64_t caps;
	char *seccomp;	      /* NULL: the default profile; "unconfined"; else a file */
	char **seccomp_allow; /* calls that it allows besides */
	int no_new_privileges, unconfined_paths;
	struct mount_requests mounts;
	struct cgroup_host cgroups;
	int64_t memory, memory_swap, memory_reservation, nano_cpus, shm_size; /* 0: not given */
	char **name_servers;  /* instead of --dns and the host's, where a network has its own */
	char **extra_hosts;   /* "IP\tname", as hosts files have it */
	const char *resolver; /* when the host has only such as nobody else can reach; or NULL */
	struct spec_join join;
	struct oci_config oci;
};

/* Fill s (zeroed, with id set). Release with spec_done also after an error. cwd: absolute. */
int spec_make(struct engine *en, const struct engine_run *req, struct spec *s, struct err *e);
void spec_done(struct spec *s);

/* spec_join.c: what is joined, when the container that it is runs. */
int spec_join(struct engine *en, struct spec *s, struct err *e);

/* The parts, in the order in which spec_make calls them. */
int spec_modes(
	const struct engine_run *req, struct spec_modes *out, struct err *e); /* spec_modes.c */
/* Gives up the user namespace that nobody asked for by name where this kernel cannot show layers
 * with other ids. Not for us as root of a user namespace: layers are shifted on disk there. */
void spec_modes_fit(const struct engine_run *req, struct spec_modes *m);
int spec_root(struct engine *en, struct spec *s, struct err *e);     /* spec.c */
int spec_process(struct spec *s, struct err *e);		     /* spec_process.c */
int spec_security(struct engine *en, struct spec *s, struct err *e); /* spec_security.c */
int spec_resources(struct spec *s, struct err *e);		     /* spec_resources.c */
/* Memory, processors, processes, block devices (spec_limits.c, spec_limits_io.c). What this host
 * cannot do is said with Docker's warning and left out; s->cgroups must be there. */
int spec_limits(struct engine *en, struct spec *s, struct err *e);
int spec_limits_io(struct engine *en, struct spec *s, struct err *e);
/* 1: this host can; else it has been said. */
int spec_limit_can(struct engine *en, const struct spec *s, enum cgroup_feature feature);
int spec_devices(struct spec *s, struct err *e); /* spec_devices.c */
int spec_mounts(struct spec *s, struct err *e);	 /* spec_mounts.c */

/* The user's and the image's mounts behind the kernel's file systems; `sources`: for each of
 * s->mounts the absolute path that is shown inside (NULL for tmpfs); `files`: folder with
 * resolv.conf, hostname, hosts. */
void spec_add_mounts(struct spec *s, char *const *sources, const char *files);
/* The id range of the container: host ids from `first` on; or, of a user namespace, what there is.
 */
void spec_set_ids(struct spec *s, uint32_t first, uint32_t count);
/* --userns=keep-id: the maps; and the user that the program runs as when nobody says. */
int spec_keep_id(struct spec *s, struct err *e);
/* u, g: the maps of this namespace, whose id 0 is the user. */
void spec_keep_id_maps(const struct userns_map *u, const struct userns_map *g,
	struct oci_idmaps *out_uids, struct oci_idmaps *out_gids);
/* Highest user or group id that the container must be able to have. */
int64_t spec_id_max(const struct spec *s);

/* "-e", "--env-file", image: the program's environment (spec_env.c). Speaking. */
int spec_env_merge(char *const *image_env, char *const *files, char *const *given,
	const char *hostname, const char *home, int tty, char ***out, char ***out_config,
	struct err *e);
/* Lines of an env or label file; bare names: with the host's value or left out (env), or as "NAME="
 * (labels). */
int spec_env_file(const char *path, int labels, char ***out, struct err *e);
/* spec_json.c: what inspect shows: {"Config":{...},"HostConfig":{...},"Path":...,"Args":[...]},
 * only what differs from the defaults. New reference. */
json_t *spec_json(const struct spec *s);
/* The container's cgroup beneath every hierarchy; parent: --cgroup-parent or NULL; caller frees. */
char *spec_cgroup_path(const struct cgroup_host *h, const char *parent, const char *id);
/* A signal by name ("TERM", "SIGTERM", "RTMIN+3") or number -> its number, or -1. */
int spec_signal(const char *text);
/* "64m" of that flag as bytes. */
int spec_parse_size(const char *flag, const char *text, int64_t *out, struct err *e);
