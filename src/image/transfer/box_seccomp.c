/* box_seccomp.c: the system calls that unpacking needs, as a filter by hand: any other one kills.
 * The frequent ones come first. Found with strace over the unit and end-to-end tests; on another C
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
#include <sys/syscall.h>
#include <unistd.h>

#include "image/transfer/box_parts.h"

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

static const int calls[] = {
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

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))
#define NR offsetof(struct seccomp_data, nr)
#define STMT(c, k) ((struct sock_filter)BPF_STMT((c), (k)))
#define JUMP(c, k, t, f) ((struct sock_filter)BPF_JUMP((c), (k), (t), (f)))
#define RETURN(v) STMT(BPF_RET | BPF_K, (v))
#define LOAD(at) STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define SKIP_UNLESS(v) JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(v), 0, 1)

int box_seccomp(struct err *e)
{
	struct sock_filter f[2 * N_CALLS + 32];
	struct sock_fprog prog = {.filter = f};
	size_t n = 0;

	f[n++] = LOAD(offsetof(struct seccomp_data, arch));
	f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	f[n++] = LOAD(NR);
	for (size_t i = 0; i < N_CALLS; i++) {
		f[n++] = SKIP_UNLESS(calls[i]);
		f[n++] = RETURN(SECCOMP_RET_ALLOW);
	}
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
		return err_sys(e, errno, "shut the archive unpacker in (seccomp)");
	return 0; /* EINVAL: a kernel without seccomp filters */
}

#else

int box_seccomp(struct err *e)
{
	return 0;
}

#endif
