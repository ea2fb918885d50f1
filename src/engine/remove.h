/* remove.h: taking away what a container has. Inside the engine's folder only. Speaking. */
#pragma once

#include "base/json.h"
#include "engine/container_store.h"
#include "engine/parts.h"

enum erase_flags {
	ERASE_CGROUP = 1,   /* kill and remove its cgroup: nobody did */
	ERASE_VOLUMES = 2,  /* its anonymous volumes too */
	ERASE_VOLATILE = 4, /* the row need not be gone after a crash of the machine */
};
/* The row first, then the folders: what a crash leaves is garbage without a row, never a container
 * without its folders. row->config must be there for ERASE_VOLUMES and ERASE_CGROUP. */
int container_erase(struct engine *en, const struct container_row *row, int flags, struct err *e);
