/* base_layer.h: the layer beneath all layers. Speaking. */
#pragma once

#include "engine/parts.h"

#define ENGINE_BASE "base" /* beneath root */

/* *out (caller frees): its folder; made, in one step, when it is missing. */
int base_layer_path(struct engine *en, char **out, struct err *e);
