/* tar_write.h: writing tar archives: ustar headers, and pax records (POSIX.1-2001) for what does
 * not fit into them: long names, times below a second, large ids and sizes, extended attributes
 * (SCHILY.xattr), holes (GNU.sparse 1.0). Speaking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/transfer/tar.h"

struct tar_out;
struct tar_extent {
	uint64_t offset, len;
};

struct tar_out *tar_out_new(int fd);  /* fd stays the caller's */
void tar_out_free(struct tar_out *o); /* NULL is accepted */
/* The header of an entry. Folders get a "/" behind their name. A file's content follows: n->size
 * bytes by tar_out_data; of a sparse one (n->sparse) only those of the extents, in order. */
int tar_out_entry(struct tar_out *o, const struct tar_entry *n, const struct tar_extent *extents,
	size_t n_extents, struct err *e);
int tar_out_data(struct tar_out *o, const void *data, size_t len, struct err *e);
/* Room for up to *len bytes to be read into and then given to tar_out_took. */
void *tar_out_room(struct tar_out *o, size_t *out_len, struct err *e);
void tar_out_took(struct tar_out *o, size_t len);
/* Behind the content. */
int tar_out_pad(struct tar_out *o, struct err *e);
/* The end mark, and all that is not written yet. */
int tar_out_finish(struct tar_out *o, struct err *e);
