/* helpers.h: where hull's other programs and its data are: relative to the running program first (a
 * tree that was installed with DESTDIR, or a build folder), then where it was configured to be
 * installed. */
#pragma once

#include "base/err.h"

/* In the environment of a hull that runs out of a sealed view of itself, which has no path. */
#define HELPERS_SELF "HULL_SELF"

/* Full path of hull-monitor, hull-init, hull-seccomp (executable) or seccomp.json; caller frees.
 * Speaking: NULL and what was looked for. */
char *helpers_find(const char *name, struct err *e);
/* Of the running program itself; caller frees. NULL with *e. */
char *helpers_self(struct err *e);
