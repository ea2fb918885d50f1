/* save_parts.h: inside the image folder only: where a saved image goes. */
#pragma once

#include "image/store_parts.h"

/* A tar to a descriptor, or files in a folder. Times are 0, so that the same images give the same
 * archive. */
struct save_out {
	struct store *s;
	int tar_fd; /* else -1: */
	int folder_fd;
	char **written; /* digests of blobs */
};

/* The folders that an image layout has. */
int save_out_start(struct save_out *o, struct err *e);
int save_out_text(struct save_out *o, const char *path, const char *text, struct err *e);
/* A blob of the store, a document at hand, a layer's tar by its recipe; each once. Digests are
 * checked on the way. */
int save_out_blob(struct save_out *o, const char *digest, int64_t size, struct err *e);
int save_out_document(struct save_out *o, const char *text, char out_digest[72], struct err *e);
int save_out_layer(struct save_out *o, const char *diff_id, struct err *e);
/* A tar's end mark, or the folder's sync. */
int save_out_finish(struct save_out *o, struct err *e);
