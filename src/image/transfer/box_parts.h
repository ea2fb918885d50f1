/* box_parts.h: shared by the files of the box. */
#pragma once

#include "base/err.h"

/* Sanitizers need memory without end, and calls of their own. */
#if defined(__SANITIZE_ADDRESS__)
#define BOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BOX_SANITIZED 1
#endif
#endif

/* Only what lies beneath root, and beneath the n descriptors from BOX_LAYERS_FD on. Nothing on a
 * kernel without Landlock, or with one that forbids hard links across folders whatever the rules
 * say (before 5.19). */
int box_landlock(int root, int n_layers, int read_only, struct err *e);
/* Only the calls that unpacking needs. */
int box_seccomp(struct err *e);
