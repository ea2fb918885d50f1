/* gen.h: a policy as a classic BPF program for seccomp(2). */
#pragma once

#include <linux/filter.h>

#include "base/err.h"
#include "seccomp/policy.h"

/* A sorted policy -> *out_code (caller frees), *out_n instructions. Speaking: fails when the
 * program is longer than the kernel takes (BPF_MAXINSNS, 4096). */
int gen_filter(const struct policy *p, struct sock_filter **out_code, size_t *out_n, struct err *e);
