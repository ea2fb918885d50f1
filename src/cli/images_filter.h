/* images_filter.h: --filter and the positional argument of `hull images`. */
#pragma once

#include "engine/engine.h"

struct images_filter {
	struct engine *en;
	char *const *filters;  /* KEY=VALUE, checked */
	int dangling;	       /* -1: not asked for */
	int64_t before, since; /* times of images; 0: not asked for */
	int has_reference, has_label;
};

/* filters must outlive it. */
int images_filter_init(
	struct images_filter *f, struct engine *en, char *const *filters, struct err *e);
int images_filter_matches(const struct images_filter *f, const struct engine_image *i);
/* Is this name of an image that matches (NULL: it has none) one of those asked for? */
int images_filter_shows(const struct images_filter *f, const char *ref);
