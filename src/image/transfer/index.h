/* index.h: what lies where in an archive of images. Speaking. */
#pragma once

#include "base/err.h"
#include "image/transfer/result.h"
#include "image/transfer/stream.h"

struct index_request {
	struct stream *stream; /* read to its end */
	int spool_fd;	       /* gets all of it, uncompressed; -1: not */
	int (*member)(void *ctx, const struct transfer_member *m, struct err *e);
	void *ctx;
};

int index_run(const struct index_request *req, struct err *e);
