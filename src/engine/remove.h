/* remove.h: taking away what a container has. Inside the engine's folder only. Speaking. */
#pragma once

#include "base/json.h"
#include "engine/container_store.h"
#include "engine/parts.h"

enum erase_flags {
	ERASE_CGROUP = 1,      /* kill and remove its cgroup: nobody did */
	ERASE_VOLUMES = 2,     /* its anonymous volumes too */
	ERASE_VOLATILE = 4,    /* the row need not be gone after a crash of the machine */
	ERASE_NO_NETWORK = 16, /* it has no place in one, no port */
	ERASE_NOT_LAST =
		8, /* its monitor is still at it: of the run folder stays what leads to it */
};
/* The row first, then the folders: what a crash leaves is garbage without a row, never a container
 * without its folders. row->config must be there for ERASE_VOLUMES and ERASE_CGROUP. */
int container_erase(struct engine *en, const struct container_row *row, int flags, struct err *e);
/* After ERASE_NOT_LAST: the rest. by_force: the monitor was killed before it could remove the
 * cgroup. */
int container_erase_last(
	struct engine *en, const struct container_row *row, int by_force, struct err *e);

/* Folders beneath the run folder whose container was never stored, or whose row went before them:
 * what a killed hull leaves. rows: all there are. Quiet. */
void containers_sweep(struct engine *en, const struct container_row *rows, size_t n_rows);
/* Row or not: kill and remove the cgroup, remove both folders. */
int container_erase_garbage(struct engine *en, const char *id);
