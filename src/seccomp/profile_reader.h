/* profile_reader.h: what the parts of the profile reader share. Private to seccomp/. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "seccomp/policy.h"
#include "seccomp/profile.h"

struct reader {
	const struct profile_host *host;
	struct policy *policy;
	uint32_t default_action;
	char **multiplexers; /* "socketcall", "ipc" when the profile itself speaks of them */
	struct err *e;
};

/* "amd64" of SCMP_ARCH_X86_64; "" when Go has no name for it. */
const char *profile_go_arch(uint32_t token);
/* "SCMP_ARCH_X86_64" -> its token, 0 when libseccomp does not know it. */
uint32_t profile_arch_token(const char *name);

/* Below: speaking. `what` is the path of obj, for errors. */

/* A whole number from 0 to max; def when it is missing. */
int profile_read_number(struct reader *r, const json_t *obj, const char *what, const char *member,
	json_int_t max, json_int_t def, json_int_t *out);
/* SCMP_ACT_... and the number that goes with it -> SECCOMP_RET_... */
int profile_read_action(struct reader *r, const json_t *obj, const char *what, const char *member,
	const char *data_member, uint32_t *out);
/* All of "syscalls" into r->policy. */
int profile_read_entries(struct reader *r, const json_t *root);
