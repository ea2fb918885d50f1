/* volumes.h: folders that outlive containers: HULL_ROOT/volumes/NAME/_data. Speaking. */
#pragma once

#include "base/err.h"
#include "engine/parts.h"

#define VOLUME_ABOUT "volume.json" /* in a volume's folder, when it was made with labels */

/* The volume's folder, made when there is none. layers (may be NULL) and destination: an empty
 * volume first gets what the image has there, with its owners and modes. *out_path: what to mount;
 * caller frees. */
int volumes_use(struct engine *en, const char *name, char *const *layers, const char *destination,
	char **out_path, struct err *e);
/* Makes it, empty, with `about` (JSON, may be NULL) beside its folder. One that is there is no
 * error. */
int volumes_make(struct engine *en, const char *name, const char *about, struct err *e);
/* Missing is no error. */
int volumes_remove(struct engine *en, const char *name, struct err *e);
