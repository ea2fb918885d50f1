/* store_check.h: what lies in the store against what the database says. Speaking. */
#pragma once

#include "image/store.h"

enum store_finding_state {
	STORE_FOUND,	/* repair would do what `repair` says */
	STORE_REPAIRED, /* it did */
	STORE_LEFT,	/* nothing but the user can: `repair` says what */
	STORE_FAILED,	/* repair was tried; `problem` says what went wrong */
};
struct store_finding {
	const char *kind; /* "image", "layer", "blob", "reference" */
	const char *name, *problem, *repair;
	enum store_finding_state state;
};

/* What reading everything showed, for the checks that follow: begin with zeros, give the same one
 * to each. The first check reads all; later ones only what was damaged. */
struct store_deep {
	int done;
	struct store_bad {
		enum { BAD_LAYER, BAD_RECIPE, BAD_BLOB, BAD_SHIFTED } what;
		char *digest, *why; /* BAD_SHIFTED: the name of the copy */
		int64_t stored_ns;  /* of its row: another one is another thing */
	} * v;
	size_t n;
	int64_t n_layers, n_blobs; /* that were read */
	int64_t n_unknown;	   /* layers that nothing says of what they should be */
};
void store_deep_done(struct store_deep *d);

struct store_check {
	int repair;
	struct store_deep *deep; /* NULL: only names and sizes are looked at */
	void (*found)(void *ctx, const struct store_finding *f);
	/* As store_image_remove's: a damaged image that a container uses is left. */
	int (*in_use)(void *ctx, const char *image_id, char container_id[65]);
	void *ctx;
	int64_t n_images, n_layers, n_blobs; /* out: all that were looked at */
	int64_t n_busy;			     /* out: layers in the making or on their way out */
};
/* Looks at everything under the database's write lock, so that what others are doing at the moment
 * is not taken for damage (contents are read before it); removes folders after it. Nothing outside
 * of the store is reached: no link is followed. */
int store_check(struct store *s, struct store_check *c, struct err *e);
