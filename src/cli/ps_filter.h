/* ps_filter.h: --filter of `hull ps`. */
#pragma once

#include "engine/engine.h"

struct ps_filter;

/* filters: KEY=VALUE. all: every container, also those that are not shown (before= and since= name
 * one). NULL and *e when a filter is unknown or its value makes no sense. all must outlive the
 * filter. */
struct ps_filter *ps_filter_new(struct engine *en, char *const *filters,
	const struct engine_container *all, size_t n, struct err *e);
void ps_filter_free(struct ps_filter *f);
/* Values of one key are alternatives, keys must all fit. */
int ps_filter_matches(const struct ps_filter *f, const struct engine_container *c);
/* Do the filters ask for containers that do not run? (Then -a is meant.) */
int ps_filter_wants_all(char *const *filters);
const char *ps_state(const struct engine_container *c);

static inline void ps_filter_free_ptr(struct ps_filter **f)
{
	ps_filter_free(*f);
}
#define auto_ps_filter __attribute__((cleanup(ps_filter_free_ptr)))
