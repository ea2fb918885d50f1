/* base_layer.h: the layer beneath all layers. Speaking. */
#pragma once

#include "engine/parts.h"

#define ENGINE_BASE "base" /* beneath root */

/* 1 when something of it is missing (with mend: and could not be made), 0. Quiet. */
int base_layer_check(struct engine *en, int mend);
/* *out (caller frees): its folder; made, in one step, when it is missing. */
int base_layer_path(struct engine *en, char **out, struct err *e);
