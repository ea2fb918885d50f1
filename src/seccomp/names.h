/* names.h: system call names to numbers. libseccomp's tables, and ours for what is newer than them.
 */
#pragma once

#include <stdint.h>

enum {
	NAMES_ABSENT = -1,  /* this architecture has no such call of its own */
	NAMES_UNKNOWN = -2, /* nobody knows the name */
};

/* The number on that architecture (SCMP_ARCH_...; with its bit on x32), or one of the above. */
int names_number(uint32_t token, const char *name);
/* i386 only: the call is also reached through a multiplexer, socketcall(2) or ipc(2), with this
 * first argument -> 1. */
int names_multiplexed(uint32_t token, const char *name, uint32_t *out_nr, uint32_t *out_call);
