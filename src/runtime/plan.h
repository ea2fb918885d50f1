/* plan.h: what is going to be done for one container, as plain data without side effects. Made from
 * the OCI configuration before anything is cloned; parent and child both read the same one (the
 * child by its copy of the memory), and descriptors that the parent makes later are named by their
 * place in one list. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kernel/mount.h"
#include "oci/config.h"

#define PLAN_PARAMS_MAX 16
#define PLAN_INIT_PATH "/sbin/docker-init" /* where Docker has it */

enum plan_kind {
	PLAN_NEW,    /* a new file system, made by the child */
	PLAN_DEV,    /* /dev: a tmpfs with nodes, made by the parent */
	PLAN_BIND,   /* a file or folder of the host: trees opened by the parent */
	PLAN_CGROUP, /* the container's own control groups */
};

struct plan_mount {
	enum plan_kind kind;
	const char *destination, *fstype, *source; /* borrowed from the configuration */
	struct mount_words words;
	char *data; /* the file system's own options, taken apart in params */
	struct mount_param params[PLAN_PARAMS_MAX];
	size_t n_params;
	const char *options_text; /* as written, for people */
};

struct plan {
	const struct oci_config *config;
	struct plan_mount *mounts;
	size_t n_mounts;
	uint64_t clone_flags;	/* in the clone: what must be there before the maps */
	uint64_t unshare_flags; /* in the child later: CLONE_NEWNET, then NEWIPC and NEWCGROUP */
	const char *join_net;	/* the network namespace to be born in (borrowed); NULL: none */
	int user_ns;		/* a new user namespace */
	uid_t root_uid;		/* the host's ids of the container's root */
	gid_t root_gid;
	int dev;      /* index of the PLAN_DEV mount, -1: none */
	int terminal; /* process.terminal */
};

/* Speaking. *out may be released with plan_done whatever happens. */
int plan_make(const struct oci_config *config, struct plan *out, struct err *e);
void plan_done(struct plan *p);
/* The plan's lines, in the order of their doing; caller frees. */
char *plan_text(const struct plan *p);
/* The id that one of the container has outside of it; itself when it has no map. */
uint32_t plan_outside(const struct plan *p, const struct oci_idmaps *maps, uint32_t id);
/* CLONE_NEW* of an OCI namespace type, 0 when it is none. */
uint64_t plan_namespace_flag(const char *type);
/* Does the container have a namespace of this kind that is not the host's? */
int plan_has_namespace(const struct plan *p, const char *type);
