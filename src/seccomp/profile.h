/* profile.h: a seccomp profile as JSON, in Docker's format or as linux.seccomp of an OCI
 * configuration, decided for one host and one set of capabilities. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "seccomp/policy.h"

struct profile_host {
	uint32_t native;    /* SCMP_ARCH_... */
	uint64_t caps;	    /* the container's bounding set */
	unsigned kernel;    /* major << 16 | minor */
	int no_x86;	    /* leave the 32-bit calls of x86 (i386, x32) out */
	int strict;	    /* a name that nobody knows is an error */
	char *const *allow; /* names that are allowed whatever the profile says; NULL */
};

/* This machine and this kernel; caps and the rest stay 0. Quiet: 0 or -errno. */
int profile_host_ask(struct profile_host *out);
/* "amd64", "arm64", "x86", ... or libseccomp's own word -> SCMP_ARCH_..., 0 when unknown. */
uint32_t profile_arch(const char *word);
/* Text of a profile -> *out, sorted; release with policy_done in either case. Speaking: the error
 * names the member. Names of system calls and architectures that are not known are left out, as
 * Docker does. */
int profile_read(const char *text, size_t len, const struct profile_host *host, struct policy *out,
	struct err *e);
