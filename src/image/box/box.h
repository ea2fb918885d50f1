/* box.h: a worker gives up everything but one folder and the descriptors it was given, before it
 * reads the first byte that a stranger wrote. Speaking. */
#pragma once

#include "base/err.h"

enum {
	BOX_ARCHIVE_FD = 0,
	BOX_RESULT_FD = 3,
	BOX_ROOT_FD = 4,
	BOX_RECIPE_FD = 5, /* recipe.h */
	BOX_SPOOL_FD = 6,  /* a copy of what is read, or what is written */
	BOX_LAYERS_FD = 7, /* and on: folders to read */
};

struct box {
	int target_fd; /* above the last of them: the folder to be shut in */
	int n_layers;
	int read_only;
	/* The unpacker gives files their owners and modes; the fetcher speaks to servers, and has
	 * no capability. */
	int network;
	const char *who; /* for errors: "the archive unpacker" */
};

/* target_fd becomes the root of the file system, and BOX_ROOT_FD a descriptor of it; the others
 * that have a number here stay, all above are closed. */
int box_enter(const struct box *b, struct err *e);
