/* download.h: inside the image folder only: a URL's bytes as a descriptor to read from. Speaking.
 */
#pragma once

#include "base/err.h"
#include "image/worker.h"

struct download {
	struct worker w;
	int fd; /* the bytes come here */
};
#define DOWNLOAD_NONE                      \
	{                                  \
		.w = WORKER_NONE, .fd = -1 \
	}
/* folder_fd: an empty folder for the fetcher to be shut in. download_end() must follow either way.
 */
int download_start(const char *url, int folder_fd, struct download *d, struct err *e);
/* read: 0 when the reader got all it wanted, -1 when it failed, with its reason in e: which is not
 * the true one when the bytes ended early. Returns 0, or -1 with e set. */
int download_end(struct download *d, int read, struct err *e);
