/* seccomp.c: the system calls that a worker needs, as a filter by hand: any other one kills. The
 * frequent ones come first. Found with strace over the unit and end-to-end tests; on another C
 * library or architecture a missing one shows as "died by signal 31". */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "image/box/box_parts.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#if defined(ARCH) && !defined(BOX_SANITIZED)

#ifndef SECCOMP_RET_KILL_PROCESS /* 4.14; older kernels read it as KILL of the thread */
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_rseq
#define SYS_rseq 334
#endif

static const int unpack_calls[] = {
	SYS_pwrite64,
	SYS_openat,
	SYS_close,
	SYS_utimensat,
	SYS_futex,
	SYS_getrusage,
	SYS_madvise,
	SYS_read,
	SYS_openat2,
	SYS_fchown,
	SYS_fchmod,
	SYS_newfstatat,
	SYS_fstat,
	SYS_mkdirat,
	SYS_symlinkat,
	SYS_fchownat,
	SYS_linkat,
	SYS_fsetxattr,
	SYS_write,
	SYS_pread64,
	SYS_llistxattr,
	/* rare */
	SYS_faccessat,
	SYS_faccessat2,
	SYS_fallocate,
	SYS_fchdir,
	SYS_fchmodat,
	SYS_fcntl,
	SYS_fstatfs,
	SYS_ftruncate,
	SYS_flistxattr,
	SYS_fgetxattr,
	SYS_getdents64,
	SYS_lgetxattr,
	SYS_lseek,
	SYS_lsetxattr,
	SYS_mknodat,
	SYS_readlinkat,
	SYS_umask,
	SYS_unlinkat,
	/* memory, the thread, the end */
	SYS_brk,
	SYS_exit,
	SYS_exit_group,
	SYS_getpid,
	SYS_getrandom,
	SYS_gettid,
	SYS_mremap,
	SYS_munmap,
	SYS_rseq,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_set_robust_list,
	/* qsort_r of glibc asks how much memory there is, from a KiB to be sorted on */
	SYS_sysinfo,
};

/* libcurl with its thread for names, OpenSSL, glibc's resolver. Sockets: see below. */
static const int fetch_calls[] = {
	SYS_read,
	SYS_recvfrom,
	SYS_write,
	SYS_poll,
	SYS_futex,
	SYS_close,
	SYS_sendto,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	/* rare */
	SYS_bind,
	SYS_connect,
	SYS_eventfd2,
	SYS_fcntl,
	SYS_fstat,
	SYS_getpeername,
	SYS_getsockname,
	SYS_getsockopt,
	SYS_ioctl,
	SYS_lseek,
	SYS_madvise,
	SYS_newfstatat,
	SYS_openat,
	SYS_pipe2,
	SYS_pread64,
	SYS_recvmsg,
	SYS_sched_yield,
	SYS_sendmmsg,
	SYS_sendmsg,
	SYS_setsockopt,
	SYS_shutdown,
	SYS_socketpair,
	SYS_uname,
	/* memory, threads, the end */
	SYS_brk,
	SYS_exit,
	SYS_exit_group,
	SYS_getpid,
	SYS_getrandom,
	SYS_gettid,
	SYS_mremap,
	SYS_munmap,
	SYS_rseq,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_set_robust_list,
	SYS_sysinfo,
};

#define CALLS_MAX (ARRAY_SIZE(unpack_calls) + ARRAY_SIZE(fetch_calls))
#define NR offsetof(struct seccomp_data, nr)
#define STMT(c, k) ((struct sock_filter)BPF_STMT((c), (k)))
#define JUMP(c, k, t, f) ((struct sock_filter)BPF_JUMP((c), (k), (t), (f)))
#define RETURN(v) STMT(BPF_RET | BPF_K, (v))
#define LOAD(at) STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define SKIP_UNLESS(v) JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(v), 0, 1)

/* IPv4 and IPv6, and what tells which of them the host has; a raw or packet socket would need a
 * capability anyway. Others get what they get on a kernel without that family. */
static size_t add_socket(struct sock_filter *f)
{
	static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};
	size_t n = 0;

	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 2 * ARRAY_SIZE(families) + 2);
	f[n++] = LOAD(offsetof(struct seccomp_data, args[0]));
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		f[n++] = SKIP_UNLESS(families[i]);
		f[n++] = RETURN(SECCOMP_RET_ALLOW);
	}
	f[n++] = RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	return n;
}

int box_seccomp(const struct box *b, struct err *e)
{
	const int *calls = b->network ? fetch_calls : unpack_calls;
	size_t n_calls = b->network ? ARRAY_SIZE(fetch_calls) : ARRAY_SIZE(unpack_calls), n = 0;
	struct sock_filter f[2 * CALLS_MAX + 48];
	struct sock_fprog prog = {.filter = f};

	f[n++] = LOAD(offsetof(struct seccomp_data, arch));
	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	f[n++] = LOAD(NR);
	for (size_t i = 0; i < n_calls; i++) {
		f[n++] = SKIP_UNLESS(calls[i]);
		f[n++] = RETURN(SECCOMP_RET_ALLOW);
	}
	if (b->network)
		n += add_socket(f + n);
	/* Memory that can be executed was mapped before; no code comes in any more. */
	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0);
	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 4);
	f[n++] = LOAD(offsetof(struct seccomp_data, args[2]));
	f[n++] = JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	f[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	f[n++] = RETURN(SECCOMP_RET_ALLOW);
	f[n++] = LOAD(NR);
	/* abort(3); nobody else's processes (root's ids are root's here too) */
	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 3);
	f[n++] = LOAD(offsetof(struct seccomp_data, args[0])); /* little-endian: the low half */
	f[n++] = SKIP_UNLESS(getpid());
	f[n++] = RETURN(SECCOMP_RET_ALLOW);
	f[n++] = LOAD(NR);
	/* A new thread, no process. Flags behind a pointer cannot be looked at: the C library falls
	 * back from clone3 to clone. */
	f[n++] = SKIP_UNLESS(SYS_clone3);
	f[n++] = RETURN(SECCOMP_RET_ERRNO | ENOSYS);
	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3);
	f[n++] = LOAD(offsetof(struct seccomp_data, args[0]));
	f[n++] = JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
	f[n++] = RETURN(SECCOMP_RET_ALLOW);
	f[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	prog.len = (unsigned short)n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0 && errno != EINVAL)
		return err_sys(e, errno, "shut %s in (seccomp)", b->who);
	return 0; /* EINVAL: a kernel without seccomp filters */
}

#else

int box_seccomp(const struct box *b, struct err *e)
{
	return 0;
}

#endif
