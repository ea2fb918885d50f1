/* engine.h: the only room that knows a container's whole life, and all that cli (and later api and
 * build) see of the floors below. Speaking. One engine per process, one thread. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

struct engine;

struct engine_options {
	const char *root; /* NULL: HULL_ROOT, else /var/lib/hull ($XDG_DATA_HOME/hull for a user) */
	const char *runroot; /* NULL: HULL_RUNROOT, else /run/hull ($XDG_RUNTIME_DIR/hull) */
	void (*warn)(const char *text); /* one line each, without prefix or newline */
};
/* Cheap: opens nothing but the folders and the database. */
int engine_open(const struct engine_options *o, struct engine **out, struct err *e);
void engine_close(struct engine *en);

/* ---- images ---- */

struct engine_image { /* a row of `hull images`; strings owned */
	char *id;     /* sha256:... */
	char **refs;  /* familiar references ("debian:trixie"), may be empty */
	int64_t created_ns, size;
};
int engine_image_list(struct engine *en, struct engine_image **out, size_t *out_n, struct err *e);
void engine_image_list_free(struct engine_image *v, size_t n);
/* Docker's JSON object of `docker image inspect`; new reference. */
json_t *engine_image_inspect(struct engine *en, const char *name, struct err *e);
/* Array of {"Id","Created"(unix seconds),"CreatedBy","Size","Comment","Tags"}, newest first. */
json_t *engine_image_history(struct engine *en, const char *name, struct err *e);
int engine_image_tag(struct engine *en, const char *name, const char *ref, struct err *e);
/* *out_lines: strv of "Untagged: ..." and "Deleted: ..." lines. */
int engine_image_remove(
	struct engine *en, const char *name, int force, char ***out_lines, struct err *e);
struct engine_import {
	int archive_fd;
	const char *url; /* instead: http://, https:// */
	const char *reference, *message, *platform;
	char *const *changes;
	const char *source;   /* what created_by and the default message name */
	const char *max_size; /* of the unpacked archive; NULL: nine tenths of the free space */
};
int engine_import_is_url(const char *text);
int engine_image_import(
	struct engine *en, const struct engine_import *req, char out_id[72], struct err *e);
struct engine_bootstrap {
	const char *reference, *mirror, *variant, *include;
};
int engine_image_bootstrap(
	struct engine *en, const struct engine_bootstrap *req, char out_id[72], struct err *e);

struct engine_load {
	int archive_fd, folder_fd; /* one of them: an archive, or a folder with an OCI layout */
	const char *platform;	   /* NULL: this machine's */
	const char *max_size;	   /* as of struct engine_import */
	const char *source;	   /* what errors name */
	/* store.h, struct store_load */
	void (*loaded)(void *ctx, const char *familiar, const char *id, const char *replaced);
	void *ctx;
};
int engine_image_load(struct engine *en, const struct engine_load *req, struct err *e);
struct engine_save {
	char *const *names;
	int tar_fd, folder_fd; /* one of them; the other -1 */
	int docker;	       /* with what docker load wants */
};
int engine_image_save(struct engine *en, const struct engine_save *req, struct err *e);

/* ---- containers ---- */

/* What `run` and `create` ask for: the flags as typed where the engine must interpret them (so that
 * every front end gets the same errors), numbers where the text has no second meaning. NULL and 0
 * are "not given". */
struct engine_run {
	const char *image;  /* reference or id; NULL with rootfs */
	const char *rootfs; /* --rootfs DIR: no image */
	int rootfs_overlay; /* DIR is the lower layer of a throw-away overlay (--rootfs DIR:O) */
	char *const *args;  /* command and arguments, may be empty */
	const char *name;
	int remove; /* --rm */
	int interactive, tty, detach;
	char *const *env, *const *env_files; /* -e (K=V or K), --env-file */
	const char *workdir, *user, *entrypoint, *hostname, *domainname;
	int entrypoint_set; /* --entrypoint "" resets */
	char *const *group_add;
	char *const *volumes; /* -v */
	char *const *mounts;  /* --mount */
	char *const *tmpfs;   /* --tmpfs */
	int read_only;
	const char *pid, *ipc, *uts, *userns, *cgroupns; /* modes */
	char *const *networks; /* --network: none, host, NAME[:key=value,...] */
	char *const *network_aliases, *const *publish, *const *expose;
	const char *ip, *ip6, *mac_address;
	int publish_all;
	const char *publish_policy; /* "firewall", "direct"; NULL: the network's */
	int init;
	char *const *ulimits,
		*const *sysctls,
			*const *cap_add,
				*const *cap_drop,
					*const *security_opts,
						*const *devices,
							*const *labels,
								*const *label_files,
									*const *annotations,
										*const *add_hosts,
											*const *dns,
												*const *dns_search,
													*const *dns_option;
	int privileged;
	const char *memory, *memory_swap, *memory_reservation, *kernel_memory, *cpus, *cpuset_cpus,
		*cpuset_mems, *shm_size, *cgroup_parent;
	int64_t memory_swappiness; /* -1 as good as not given */
	int memory_swappiness_set, oom_kill_disable;
	int64_t pids_limit;
	int pids_limit_set;
	int64_t cpu_shares, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, blkio_weight;
	/* "PATH:NUMBER"; "c 1:3 rwm" */
	char *const *blkio_weight_devices,
		*const *device_read_bps, *const *device_write_bps,
						 *const *device_read_iops,
							 *const *device_write_iops,
								 *const *device_cgroup_rules;
	int oom_score_adj, oom_score_adj_set;
	const char *stop_signal, *cidfile, *pull, *platform;
	int stop_timeout, stop_timeout_set;
	char *out_id; /* NULL, or 65 bytes that get the container's id as soon as it has one */
};

/* Foreground run: attaches this process's stdio, forwards signals, returns when the container
 * ended, with everything of --rm removed. *out_status: the exit status to leave with. -1: it was
 * not run; e->status is the exit status (125, 126, 127). With detach it returns, status 0, when the
 * program runs; nothing is printed: *out_id is for the caller. */
int engine_run(struct engine *en, const struct engine_run *req, int *out_status, struct err *e);

struct engine_container { /* a row of `hull ps`; strings owned */
	char *id, *name, *image, *image_id, *command;
	int64_t created_ns, started_ns, finished_ns;
	enum { ENGINE_CREATED, ENGINE_RUNNING, ENGINE_EXITED, ENGINE_DEAD } state;
	int status;	/* exit status when EXITED; -1: not known (its monitor was killed) */
	int pid;	/* when RUNNING */
	json_t *labels; /* object or NULL */
	char *network;	/* "none", "host", "bridge" ... */
	char *ports;	/* of a running one, as ps shows them */
	char **mounts;	/* sources or volume names, for .Mounts */
};
/* Newest first; all: also those that do not run. Never blocks on a broken container. */
int engine_container_list(
	struct engine *en, int all, struct engine_container **out, size_t *out_n, struct err *e);
void engine_container_list_free(struct engine_container *v, size_t n);
/* Docker's JSON object of `docker container inspect`; by name, id or unique id prefix. */
json_t *engine_container_inspect(struct engine *en, const char *name, int size, struct err *e);
/* Docker's rm: a running one needs force (SIGKILL). *out_name (caller frees): what to print. */
int engine_container_remove(
	struct engine *en, const char *name, int force, int volumes, struct err *e);
/* Its root file system as a tar, without what is mounted in it; it may run. */
int engine_container_export(struct engine *en, const char *name, int out_fd, struct err *e);
/* Kill what is left of a container that has no monitor any more, free what it holds; with --rm,
 * remove it. What the monitor executes at the end. No error when it is gone already. */
int engine_container_cleanup(struct engine *en, const char *id, struct err *e);

/* ---- volumes ---- */

struct engine_volume { /* a row of `hull volume ls`; strings owned */
	char *name, *mountpoint;
	int64_t created_ns;
	json_t *labels; /* object or NULL */
	int anonymous;
	char **users; /* ids of the containers that have it */
};
/* By name. users are only looked up when asked for. */
int engine_volume_list(struct engine *en, int with_users, struct engine_volume **out, size_t *out_n,
	struct err *e);
void engine_volume_list_free(struct engine_volume *v, size_t n);
/* name NULL: 64 random hexadecimal digits, which make it an anonymous one. One that is there
 * already is no error. labels: KEY=VALUE. *out_name: caller frees. */
int engine_volume_create(
	struct engine *en, const char *name, char *const *labels, char **out_name, struct err *e);
/* Docker's JSON object of `docker volume inspect`; new reference. */
json_t *engine_volume_inspect(struct engine *en, const char *name, struct err *e);
/* ERR_CONFLICT while a container has it, running or not. */
int engine_volume_remove(struct engine *en, const char *name, struct err *e);
/* What its files take, for the report of prune. */
int64_t engine_volume_size(struct engine *en, const char *name);

/* ---- networks ---- */

struct engine_network { /* what `network create` asks for, as typed; NULL and 0: not given */
	const char *name, *driver;
	char *const *subnets, *const *gateways, *const *ranges;
	int ipv4, ipv6; /* --ipv4, --ipv6 */
	int internal;
	char *const *options, *const *labels;
};
int engine_network_create(
	struct engine *en, const struct engine_network *req, char out_id[65], struct err *e);
/* Docker's JSON objects of `docker network inspect`, by name. Members besides, for lists: none. The
 * containers that run are only looked up when asked for. */
json_t *engine_network_list(struct engine *en, int with_containers, struct err *e);
json_t *engine_network_inspect(struct engine *en, const char *name, struct err *e);
/* ERR_CONFLICT: predefined, or a running container has it. */
int engine_network_remove(struct engine *en, const char *name, struct err *e);
/* The table of nftables anew, with all that runs. */
int engine_network_reload(struct engine *en, struct err *e);

struct engine_connect {
	const char *network, *container;
	char *const *aliases;
	const char *ip, *ip6, *mac_address;
};
/* Now, when the container runs; else for its next start. */
int engine_network_connect(struct engine *en, const struct engine_connect *req, struct err *e);
/* force: no error when either is gone. */
int engine_network_disconnect(
	struct engine *en, const char *network, const char *container, int force, struct err *e);

/* {"80/tcp":[{"HostIp","HostPort"}]} of a container; new reference. */
json_t *engine_port_list(struct engine *en, const char *container, struct err *e);
/* spec: as -p has it; policy: as --publish-policy, or NULL. *out: the ports of it alone, as
 * engine_port_list has them (NULL: not asked for). */
int engine_port_add(struct engine *en, const char *container, const char *spec, const char *policy,
	json_t **out, struct err *e);
/* spec: as -p had it, or the port inside alone. */
int engine_port_remove(struct engine *en, const char *container, const char *spec, struct err *e);

/* ---- host ---- */
json_t *engine_info(
	struct engine *en, struct err *e); /* facts of the host and the store, for `hull info` */

/* ---- hull system check ---- */

struct engine_finding { /* strings owned */
	char *kind; /* "database", "image", "layer", "blob", "reference", "container", "run folder",
		       "ids", "cgroup", "process", "mount", "filter", "base", "volume" */
	char *name, *problem;
	char *repair; /* what repair does, or what the user may do about it */
	enum { FINDING_FOUND, FINDING_REPAIRED, FINDING_LEFT, FINDING_FAILED } state;
};
struct engine_check { /* what was looked at, and what is wrong */
	struct engine_finding *v;
	size_t n;
	int64_t images, layers, blobs, containers, running, busy, cgroups;
	int64_t read_layers, read_blobs; /* CHECK_DEEP: whose contents were compared */
	int64_t unread_layers;		 /* that nothing says of what they should be */
};
#define CHECK_REPAIR 1 /* remove what is garbage */
#define CHECK_DEEP 2   /* read the contents of layers and blobs */
/* Compare all that hull has on this host with what it should have. flags: CHECK_*. Other commands
 * may run at the same time: what they are at is not taken for damage. Opens the engine by itself,
 * because a damaged database is one of the things it tells. -1: it could not look. Release with
 * engine_check_done in either case. */
int engine_check(
	const struct engine_options *o, int flags, struct engine_check *out, struct err *e);
void engine_check_done(struct engine_check *c);
