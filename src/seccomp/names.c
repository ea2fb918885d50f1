/* names.c: system call names to numbers. */
#include "seccomp/names.h"

#include <seccomp.h>
#include <stddef.h>

#include "base/mem.h"

#define X32_BIT 0x40000000

enum { EVERY, ONLY_64 };

/* Newer than libseccomp 2.5.4 (Debian 12). From 424 on a call has one number everywhere. */
static const struct {
	const char *name;
	int nr, where;
} newer[] = {
	{"uretprobe", 335, ONLY_64},					    /* 6.11, x86_64 */
	{"futex_waitv", 449, EVERY},					    /* 5.16 */
	{"set_mempolicy_home_node", 450, EVERY}, {"cachestat", 451, EVERY}, /* 6.5 */
	{"fchmodat2", 452, EVERY},					    /* 6.6 */
	{"map_shadow_stack", 453, EVERY}, {"futex_wake", 454, EVERY},	    /* 6.7 */
	{"futex_wait", 455, EVERY}, {"futex_requeue", 456, EVERY},
	{"statmount", 457, EVERY}, /* 6.8 */
	{"listmount", 458, EVERY}, {"lsm_get_self_attr", 459, EVERY},
	{"lsm_set_self_attr", 460, EVERY}, {"lsm_list_modules", 461, EVERY},
	{"mseal", 462, EVERY},	    /* 6.10 */
	{"setxattrat", 463, EVERY}, /* 6.13 */
	{"getxattrat", 464, EVERY}, {"listxattrat", 465, EVERY}, {"removexattrat", 466, EVERY},
	{"open_tree_attr", 467, EVERY},			      /* 6.15 */
	{"file_getattr", 468, EVERY},			      /* 6.17 */
	{"file_setattr", 469, EVERY}, {"listns", 470, EVERY}, /* 6.19 */
	{"rseq_slice_yield", 471, EVERY},		      /* 7.0 */
};

/* i386 got these as calls of their own in 4.3 and 5.1; libseccomp answers with a number below zero
 * that stands for both ways. */
static const struct {
	const char *name;
	int nr;
} i386_direct[] = {
	{"socket", 359},
	{"socketpair", 360},
	{"bind", 361},
	{"connect", 362},
	{"listen", 363},
	{"accept4", 364},
	{"getsockopt", 365},
	{"setsockopt", 366},
	{"getsockname", 367},
	{"getpeername", 368},
	{"sendto", 369},
	{"sendmsg", 370},
	{"recvfrom", 371},
	{"recvmsg", 372},
	{"shutdown", 373},
	{"recvmmsg", 337},
	{"sendmmsg", 345},
	{"semget", 393},
	{"semctl", 394},
	{"shmget", 395},
	{"shmctl", 396},
	{"shmat", 397},
	{"shmdt", 398},
	{"msgget", 399},
	{"msgsnd", 400},
	{"msgrcv", 401},
	{"msgctl", 402},
};

static int newer_number(uint32_t token, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(newer); i++) {
		if (!streq(newer[i].name, name))
			continue;
		if (newer[i].where == ONLY_64 && token != SCMP_ARCH_X86_64)
			return NAMES_ABSENT;
		return token == SCMP_ARCH_X32 ? newer[i].nr | X32_BIT : newer[i].nr;
	}
	return NAMES_UNKNOWN;
}

int names_number(uint32_t token, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(token, name);

	if (nr >= 0)
		return nr;
	if (nr == __NR_SCMP_ERROR)
		return newer_number(token, name);
	for (size_t i = 0; token == SCMP_ARCH_X86 && i < ARRAY_SIZE(i386_direct); i++)
		if (streq(i386_direct[i].name, name))
			return i386_direct[i].nr;
	/* libseccomp knows it for others only; a name that it learned late may be in our table,
	 * too. */
	nr = newer_number(token, name);
	return nr == NAMES_UNKNOWN ? NAMES_ABSENT : nr;
}

int names_multiplexed(uint32_t token, const char *name, uint32_t *out_nr, uint32_t *out_call)
{
	int nr = token == SCMP_ARCH_X86 ? seccomp_syscall_resolve_name_arch(token, name) : 0;

	if (nr <= -101 && nr >= -120) { /* SYS_SOCKET .. SYS_SENDMMSG of linux/net.h */
		*out_nr = 102;
		*out_call = (uint32_t)(-100 - nr);
		return 1;
	}
	if (nr <= -201 && nr >= -224) { /* SEMOP .. SHMCTL of linux/ipc.h */
		*out_nr = 117;
		*out_call = (uint32_t)(-200 - nr);
		return 1;
	}
	return 0;
}
