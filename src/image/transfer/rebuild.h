/* rebuild.h: the tar of a layer, by its recipe. Speaking. */
#pragma once

#include "base/err.h"
#include "image/transfer/result.h"

/* To out_fd; only out->digest and out->stream_bytes are set. */
int rebuild_run(int recipe_fd, int rootfd, int out_fd, struct transfer_result *out, struct err *e);
/* The same, but only hashed. The error's kind tells: INVALID, the recipe is damaged; CONFLICT, the
 * layer's files are not what it names. */
int rebuild_verify(int recipe_fd, int rootfd, struct transfer_result *out, struct err *e);
