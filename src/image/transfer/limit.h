/* limit.h: how much an archive may become. Speaking. */
#pragma once

#include <stdint.h>

#include "base/err.h"

/* 0: no limit. */
struct limit {
	uint64_t bytes;	  /* of the uncompressed archive, and of the blocks that its files take */
	uint64_t entries; /* each may take an inode */
};

/* -1 *e: what the archive is refused with. */
int limit_bytes_exceeded(const struct limit *l, struct err *e);
int limit_entries_exceeded(const struct limit *l, struct err *e);
