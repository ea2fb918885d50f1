/* seccomp.h: loading a compiled filter (an array of struct sock_filter, as stored in the cache). */
#pragma once

#include <stddef.h>

/* data: len bytes, a multiple of 8, at most 32768 instructions. log: SECCOMP_FILTER_FLAG_LOG;
 * the speculation mitigation stays off (SPEC_ALLOW) as the peers have it when spec_allow. Quiet. */
int seccomp_load(const void *data, size_t len, int log, int spec_allow);
