/* volumes_filter.h: --filter of `hull volume ls` and `prune`. */
#pragma once

#include "engine/engine.h"

struct volumes_filter {
	char *const *filters; /* KEY=VALUE, checked */
	int dangling;	      /* -1: not asked for */
};

/* keys: NULL-terminated list of those that the command knows. filters must outlive it. */
int volumes_filter_init(
	struct volumes_filter *f, char *const *filters, const char *const *keys, struct err *e);
int volumes_filter_matches(const struct volumes_filter *f, const struct engine_volume *v);
