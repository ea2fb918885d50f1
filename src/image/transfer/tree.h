/* tree.h: folders become a tar: the merged view of a container's layers, or one layer with its
 * marks. Speaking. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "image/transfer/result.h"

enum {
	TREE_MERGED, /* what a container sees */
	TREE_MARKS,  /* one folder as a layer: marks of overlay become those of archives */
};

/* layers: topmost first; borrowed. Names are sorted bytewise, the root has no entry, sockets are
 * left out. Of out only entries and bytes are set. */
int tree_write(const int *layers, size_t n_layers, int mode, int out_fd,
	struct transfer_result *out, struct err *e);
