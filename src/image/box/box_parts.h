/* box_parts.h: shared by the files of the box. */
#pragma once

#include "base/err.h"
#include "image/box/box.h"

/* Sanitizers need memory without end, and calls of their own. */
#if defined(__SANITIZE_ADDRESS__)
#define BOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BOX_SANITIZED 1
#endif
#endif

/* Only what lies beneath BOX_ROOT_FD, and beneath the n descriptors from BOX_LAYERS_FD on. Nothing
 * on a kernel without Landlock, or with one that forbids hard links across folders whatever the
 * rules say (before 5.19). */
int box_landlock(const struct box *b, struct err *e);
/* Only the calls that the work needs. */
int box_seccomp(const struct box *b, struct err *e);
