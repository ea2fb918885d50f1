/* deny.c: runs a command for which every system call newer than a chosen kernel answers ENOSYS.
 * usage: deny VERSION [--] COMMAND [ARGUMENT...]      VERSION: 3.10, 4.19, 5.4, ...
 *
 * How it works: a seccomp filter, written by hand from the tables below (x86-64, x32, i386), which
 * every program inherits that the command starts, containers too. What it cannot imitate: flags,
 * ioctls, files in /proc and file systems' options that came later; a real kernel can
 * (make check-vm). As root without no_new_privs, so that setuid programs work as ever. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define V(major, minor) ((major)*1000 + (minor))
#define X32 0x40000000u
#define FOR_EVER V(1000, 0) /* no kernel has it: what is not known here is newer than all */

struct calls {
	uint32_t first, last;
	int since;
};

/* From 424 on a call has the same number on every architecture. Sources: syscalls(2), and the
 * kernel's own tables for what is newer. */
static const struct calls common[] = {
	{424, 427, V(5, 1)},  /* pidfd_send_signal, io_uring_* */
	{428, 433, V(5, 2)},  /* open_tree, move_mount, fsopen, fsconfig, fsmount, fspick */
	{434, 435, V(5, 3)},  /* pidfd_open, clone3 */
	{436, 436, V(5, 9)},  /* close_range */
	{437, 438, V(5, 6)},  /* openat2, pidfd_getfd */
	{439, 439, V(5, 8)},  /* faccessat2 */
	{440, 440, V(5, 10)}, /* process_madvise */
	{441, 441, V(5, 11)}, /* epoll_pwait2 */
	{442, 442, V(5, 12)}, /* mount_setattr */
	{443, 443, V(5, 14)}, /* quotactl_fd */
	{444, 446, V(5, 13)}, /* landlock_* */
	{447, 447, V(5, 14)}, /* memfd_secret */
	{448, 448, V(5, 15)}, /* process_mrelease */
	{449, 449, V(5, 16)}, /* futex_waitv */
	{450, 450, V(5, 17)}, /* set_mempolicy_home_node */
	{451, 451, V(6, 5)},  /* cachestat */
	{452, 453, V(6, 6)},  /* fchmodat2, map_shadow_stack */
	{454, 456, V(6, 7)},  /* futex_wake, futex_wait, futex_requeue */
	{457, 461, V(6, 8)},  /* statmount, listmount, lsm_* */
	{462, 462, V(6, 10)}, /* mseal */
	{463, 466, V(6, 13)}, /* *xattrat */
	{467, 467, V(6, 15)}, /* open_tree_attr */
	{468, 469, V(6, 17)}, /* file_getattr, file_setattr */
	{470, 511, FOR_EVER},
	{548, X32 - 1, FOR_EVER},
};

static const struct calls x86_64[] = {
	{314, 315, V(3, 14)}, /* sched_setattr, sched_getattr */
	{316, 316, V(3, 15)}, /* renameat2 */
	{317, 320, V(3, 17)}, /* seccomp, getrandom, memfd_create, kexec_file_load */
	{321, 321, V(3, 18)}, /* bpf */
	{322, 322, V(3, 19)}, /* execveat */
	{323, 324, V(4, 3)},  /* userfaultfd, membarrier */
	{325, 325, V(4, 4)},  /* mlock2 */
	{326, 326, V(4, 5)},  /* copy_file_range */
	{327, 328, V(4, 6)},  /* preadv2, pwritev2 */
	{329, 331, V(4, 9)},  /* pkey_* */
	{332, 332, V(4, 11)}, /* statx */
	{333, 334, V(4, 18)}, /* io_pgetevents, rseq */
	{335, 423, FOR_EVER}, /* uretprobe (6.11), uprobe (6.18): nobody calls them himself */
	{545, 545, V(3, 19)}, /* x32: execveat */
	{546, 547, V(4, 6)},  /* x32: preadv2, pwritev2 */
};

static const struct calls i386[] = {
	{351, 352, V(3, 14)}, /* sched_setattr, sched_getattr */
	{353, 353, V(3, 15)}, /* renameat2 */
	{354, 356, V(3, 17)}, /* seccomp, getrandom, memfd_create */
	{357, 357, V(3, 18)}, /* bpf */
	{358, 358, V(3, 19)}, /* execveat */
	{359, 375, V(4, 3)},  /* socket and its kin, userfaultfd, membarrier */
	{376, 376, V(4, 4)},  /* mlock2 */
	{377, 377, V(4, 5)},  /* copy_file_range */
	{378, 379, V(4, 6)},  /* preadv2, pwritev2 */
	{380, 382, V(4, 9)},  /* pkey_* */
	{383, 383, V(4, 11)}, /* statx */
	{384, 384, V(4, 12)}, /* arch_prctl */
	{385, 386, V(4, 18)}, /* io_pgetevents, rseq */
	{387, 392, FOR_EVER},
	{393, 423, V(5, 1)}, /* semget and its kin, the calls with 64-bit times */
	{512, 547, FOR_EVER},
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

struct program {
	struct sock_filter v[512];
	unsigned short n;
};

static void add(struct program *p, struct sock_filter f)
{
	if (p->n < N(p->v))
		p->v[p->n++] = f;
}

#define STMT(code, k) ((struct sock_filter)BPF_STMT((code), (k)))
#define JUMP(code, k, jt, jf) ((struct sock_filter)BPF_JUMP((code), (k), (jt), (jf)))

/* The number is in the accumulator: ENOSYS when it is in one of the ranges newer than `version`. */
static void deny(struct program *p, const struct calls *c, size_t n, int version)
{
	for (size_t i = 0; i < n; i++) {
		if (c[i].since <= version)
			continue;
		add(p, JUMP(BPF_JMP | BPF_JGE | BPF_K, c[i].first, 0, 2));
		add(p, JUMP(BPF_JMP | BPF_JGT | BPF_K, c[i].last, 1, 0));
		add(p, STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
	}
}

static void one_arch(
	struct program *p, uint32_t arch, const struct calls *own, size_t n_own, int version)
{
	struct program body = {.n = 0};

	add(&body, STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	if (arch == AUDIT_ARCH_X86_64) /* x32 has the same numbers, marked by a bit */
		add(&body, STMT(BPF_ALU | BPF_AND | BPF_K, ~X32));
	deny(&body, own, n_own, version);
	deny(&body, common, N(common), version);
	add(&body, STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));

	/* A conditional jump reaches 255 instructions, an unconditional one all. */
	add(p, STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	add(p, JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0));
	add(p, STMT(BPF_JMP | BPF_JA, body.n));
	for (unsigned i = 0; i < body.n; i++)
		add(p, body.v[i]);
}

static int parse_version(const char *text)
{
	char *end;
	const unsigned long major = strtoul(text, &end, 10);
	const unsigned long minor = *end == '.' ? strtoul(end + 1, &end, 10) : ULONG_MAX;

	return *end || major < 2 || major > 100 || minor > 999 ? -1 : V((int)major, (int)minor);
}

static int load(struct program *p)
{
	struct sock_fprog prog = {.len = p->n, .filter = p->v};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

int main(int argc, char **argv)
{
	struct program p = {.n = 0};
	int command = argc > 2 && strcmp(argv[2], "--") == 0 ? 3 : 2;
	int version = argc > command ? parse_version(argv[1]) : -1;

	if (version < 0) {
		fprintf(stderr,
			"usage: deny VERSION [--] COMMAND [ARGUMENT...]   (VERSION: 3.10)\n");
		return 2;
	}
	one_arch(&p, AUDIT_ARCH_X86_64, x86_64, N(x86_64), version);
	one_arch(&p, AUDIT_ARCH_I386, i386, N(i386), version);
	add(&p, STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	if (p.n == N(p.v) || load(&p) < 0) {
		fprintf(stderr, "deny: load the filter: %s\n", strerror(errno));
		return 125;
	}
	setenv("HULL_DENY", argv[1], 1);
	execvp(argv[command], argv + command);
	fprintf(stderr, "deny: %s: %s\n", argv[command], strerror(errno));
	return 127;
}
