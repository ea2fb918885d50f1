/* networks_filter.h: --filter of `hull network ls` and `prune`. */
#pragma once

#include <stdint.h>

#include "engine/engine.h"

struct networks_filter {
	char *const *filters; /* KEY=VALUE, checked */
	int dangling;	      /* -1: not asked for */
	int64_t until_ns;     /* 0: not asked for */
};

/* keys: NULL-terminated list of those that the command knows. filters must outlive it. */
int networks_filter_init(
	struct networks_filter *f, char *const *filters, const char *const *keys, struct err *e);
/* network: as engine_network_list has it; with its containers when dangling is asked for. */
int networks_filter_matches(const struct networks_filter *f, const json_t *network);
/* bridge, host, none */
int networks_is_builtin(const json_t *network);
