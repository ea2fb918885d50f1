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

struct store_check {
	int repair;
	void (*found)(void *ctx, const struct store_finding *f);
	/* As store_image_remove's: a damaged image that a container uses is left. */
	int (*in_use)(void *ctx, const char *image_id, char container_id[65]);
	void *ctx;
	int64_t n_images, n_layers, n_blobs; /* out: all that were looked at */
	int64_t n_busy;			     /* out: layers in the making or on their way out */
};
/* Looks at everything under the database's write lock, so that what others are doing at the moment
 * is not taken for damage; removes folders after it. Nothing outside of the store is reached: no
 * link is followed. */
int store_check(struct store *s, struct store_check *c, struct err *e);
