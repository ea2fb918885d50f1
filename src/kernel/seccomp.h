/* seccomp.h: loading a compiled filter (an array of struct sock_filter, as stored in the cache). */
#pragma once

#include <stddef.h>

/* data: len bytes, a multiple of 8, at most 4096 instructions (the kernel's BPF_MAXINSNS; -E2BIG
 * above). log: SECCOMP_FILTER_FLAG_LOG (4.14); the speculation mitigation stays off
 * (SPEC_ALLOW, 4.17) as the peers have it when spec_allow; a kernel without these flags loads the
 * filter without them. Needs no_new_privs or CAP_SYS_ADMIN (-EACCES). Quiet. */
int seccomp_load(const void *data, size_t len, int log, int spec_allow);
