/* caps.h: capabilities(7) as bit sets. Quiet. */
#pragma once

#include <stdint.h>

#define CAPS_BIT(n) (UINT64_C(1) << (n))

/* "CAP_CHOWN", "chown" -> its number; -EINVAL when unknown. */
int caps_number(const char *name);
/* "CAP_CHOWN"; NULL when there is no such number. */
const char *caps_name(int number);
/* All that this kernel knows (prctl(PR_CAPBSET_READ)), cached. */
uint64_t caps_all(void);

struct caps_sets {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};
/* Drop the bounding set to keep. Before the change of user. */
int caps_set_bounding(uint64_t keep);
/* PR_SET_KEEPCAPS, so that the permitted set survives setresuid. */
int caps_keep(int on);
/* capset(2) of effective, permitted, inheritable, then the ambient set (4.3; -EOPNOTSUPP if one is
 * asked for and cannot be). After the change of user. s->bounding is not looked at. Bits that this
 * kernel does not know are left out. */
int caps_set(const struct caps_sets *s);
int caps_get(struct caps_sets *out);
