/* launch.h: a container between its decision (spec.h) and its process: name, row, folders, files,
 * volumes. Inside the engine's folder only. */
#pragma once

#include <sys/types.h>

#include "engine/container_store.h"
#include "engine/parts.h"
#include "engine/spec.h"

struct launch {
	struct engine *en;
	struct spec spec;
	struct container_row row;
	char *monitor;	     /* program */
	char *run_path;	     /* HULL_RUNROOT/containers/ID */
	int run_fd, lock_fd; /* its folder, and the lock in it */
	int kept_fd;	     /* HULL_ROOT/containers/ID */
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

/* launch_mounts.c: sources found, checked, made (-v); then volumes made. Speaking. */
int launch_open_sources(struct launch *l, struct err *e);
int launch_make_volumes(struct launch *l, struct err *e);
/* The list that inspect shows, with our own "Anonymous". */
json_t *launch_mounts_json(const struct launch *l);
/* In the configuration that is handed to the runtime, the sources are the descriptors. */
void launch_use_descriptors(struct launch *l);
