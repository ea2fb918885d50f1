/* seccomp.h: the compiled filter of a profile, from the cache, else made by hull-seccomp (which
 * takes 20 ms and is the only program with libseccomp). Speaking. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "engine/parts.h"

struct seccomp_wanted {
	const char *profile; /* a file; NULL: hull's own */
	uint64_t caps;	     /* the container's bounding set */
	char *const *allow;  /* names of calls that are allowed whatever the profile says; NULL */
};
/* *out_path: the filter's file; caller frees. */
int seccomp_filter(
	struct engine *en, const struct seccomp_wanted *w, char **out_path, struct err *e);
/* Why the file "KEY.bpf" of the cache is of no use any more; NULL when it is. Quiet. */
const char *seccomp_cache_judge(int folder_fd, const char *name);
