/* launch.h: a container between its decision (spec.h) and its process: name, row, folders, files,
 * volumes. Inside the engine's folder only. */
#pragma once

#include <sys/types.h>

#include "engine/container_store.h"
#include "engine/net.h"
#include "engine/parts.h"
#include "engine/spec.h"

struct launch {
	struct engine *en;
	struct spec spec;
	struct container_row row;
	struct net net;
	char *monitor;	     /* program */
	char *run_path;	     /* HULL_RUNROOT/containers/ID */
	int run_fd, lock_fd; /* its folder, and the lock in it */
	int kept_fd;	     /* HULL_ROOT/containers/ID */
	int copied;	     /* the root file system is a plain copy */
	int shifted;	     /* the layers are copies with other owners */
	int stored;	     /* the row is there, and so must be undone */
	char **sources;	     /* for each of spec.mounts: what inspect shows, NULL for tmpfs */
	char **volumes;	     /* for each of spec.mounts: the volume's name, NULL for others */
	int *source_fds;     /* for each of spec.mounts: what was opened once, -1 */
};

/* Everything up to a complete bundle; on failure nothing stays. Release with launch_done in either
 * case. */
int launch_prepare(
	struct engine *en, const struct engine_run *req, struct launch *l, struct err *e);
/* Take away row, folders, anonymous volumes. flags: ERASE_* (remove.h). */
int launch_erase(struct launch *l, int flags, struct err *e);
void launch_done(struct launch *l);

int launch_write_bundle(const struct launch *l, struct err *e);

/* launch_copy.c: the root file system as a plain copy; beneath the container's folder: */
#define LAUNCH_COPY "rootfs"
#define LAUNCH_COPY_SHIFTED                                                   \
	"rootfs-shifted" /* owned by the container's ids as the host has them \
			  */
int launch_copy_possible(const struct launch *l);
/* 1, and why: an earlier container found that it must be. */
int launch_copy_wanted(const struct launch *l, char **out_why);
int launch_copy_root(struct launch *l, const char *why, struct err *e);
/* With keep-id, in place of the image's layers and the base layer: those with the right owners. */
int launch_shift_layers(struct launch *l, struct err *e);
/* The same lines as fs.h wants them; to be released. */
void launch_owners(
	const struct oci_idmaps *uids, const struct oci_idmaps *gids, struct fs_owners *out);
void launch_owners_done(struct fs_owners *o);
/* For a second start of what was launched and could not show its layers, or mount its sysfs; `why`
 * is the first one's error. */
int launch_again_possible(const struct launch *l, const struct err *why);
int launch_again(struct launch *l, const struct err *why, struct err *e);

/* launch_sys.c: the /sys of outside in place of a new sysfs. */
int launch_sys_possible(const struct launch *l);
int launch_sys_wanted(const struct launch *l); /* 1: an earlier container found that it must be */
void launch_sys_bind(struct launch *l);	       /* possible or wanted */

/* launch_mounts.c: sources found, checked, made (-v); then volumes made. Speaking. */
int launch_open_sources(struct launch *l, struct err *e);
int launch_make_volumes(struct launch *l, struct err *e);
/* The list that inspect shows, with our own "Anonymous". */
json_t *launch_mounts_json(const struct launch *l);
/* In the configuration that is handed to the runtime, the sources are the descriptors. */
void launch_use_descriptors(struct launch *l);
