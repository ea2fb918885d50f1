/* unpack.h: an archive becomes the content of a folder. */
#pragma once

#include "base/err.h"
#include "image/transfer/recipe.h"
#include "image/transfer/result.h"
#include "image/transfer/stream.h"

struct unpack_request {
	int rootfd;	       /* the folder, empty; the process's umask must be 0 */
	struct stream *stream; /* read to its end */
	struct recipe *recipe; /* NULL: none is wanted; else the stream's tap is set to it */
	struct limit limit;
	/* Told at the end of each device that has to be made. */
	int (*node)(void *ctx, const struct transfer_node *n, struct err *e);
	void *ctx;
};

/* out->digest is set too. */
int unpack_run(const struct unpack_request *req, struct transfer_result *out, struct err *e);
