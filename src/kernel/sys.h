/* sys.h: system calls and constants that the C library or its headers may not have, and the test
 * mode's switch. Each wrapper is quiet: >= 0 or -errno; -ENOSYS where the kernel has no such call.
 * Callers above this floor use mount.h, path.h, ns.h, ..., which fall back; not these. */
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/types.h>

/* glibc has these since 2.36, musl and linux/mount.h of older headers have not. */
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 0x00000001
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 0x00000001
#endif
#ifndef FSCONFIG_SET_FLAG
#define FSCONFIG_SET_FLAG 0
#endif
#ifndef FSCONFIG_SET_STRING
#define FSCONFIG_SET_STRING 1
#endif
#ifndef FSCONFIG_SET_FD
#define FSCONFIG_SET_FD 5
#endif
#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif
#ifndef MOUNT_ATTR_NOSUID
#define MOUNT_ATTR_NOSUID 0x00000002
#endif
#ifndef MOUNT_ATTR_NODEV
#define MOUNT_ATTR_NODEV 0x00000004
#endif
#ifndef MOUNT_ATTR_NOEXEC
#define MOUNT_ATTR_NOEXEC 0x00000008
#endif
#ifndef MOUNT_ATTR__ATIME
#define MOUNT_ATTR__ATIME 0x00000070
#endif
#ifndef MOUNT_ATTR_NOATIME
#define MOUNT_ATTR_NOATIME 0x00000010
#endif
#ifndef MOUNT_ATTR_STRICTATIME
#define MOUNT_ATTR_STRICTATIME 0x00000020
#endif
#ifndef MOUNT_ATTR_NODIRATIME
#define MOUNT_ATTR_NODIRATIME 0x00000080
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif
#ifndef RESOLVE_NO_XDEV
#define RESOLVE_NO_XDEV 0x01
#endif
#ifndef RESOLVE_NO_MAGICLINKS
#define RESOLVE_NO_MAGICLINKS 0x02
#endif
#ifndef RESOLVE_IN_ROOT
#define RESOLVE_IN_ROOT 0x10
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

struct sys_clone_args { /* struct clone_args of linux/sched.h, clone3(2), 5.3 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
		set_tid_size, cgroup;
};
struct sys_mount_attr { /* struct mount_attr, mount_setattr(2), 5.12 */
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};
struct sys_open_how { /* struct open_how, openat2(2), 5.6 */
	uint64_t flags, mode, resolve;
};

/* For unit tests of the fall-backs: every wrapper below whose call has a number above newest
 * answers -ENOSYS from now on. SYS_DENY_NEW is a kernel of 3.10, SYS_DENY_NONE ends it. (The whole
 * suite is run under a seccomp filter that does the same to every process; this needs no filter.)
 */
#define SYS_DENY_NONE 0x7fffffff
#define SYS_DENY_NEW 313
void sys_deny_above(int newest);

/* Whether the kernel is older, by its name; or call nr, which came with it or before, is denied.
 * For what cannot be asked by trying it. */
int sys_is_before(int major, int minor, int nr);

int sys_open_tree(int dirfd, const char *path, unsigned flags); /* 5.2 */
int sys_move_mount(
	int from_fd, const char *from, int to_fd, const char *to, unsigned flags); /* 5.2 */
int sys_fsopen(const char *fstype, unsigned flags);				   /* 5.2 */
/* 5.2; overlay's options are denied with calls of the same kernel: "lowerdir+" (6.5, cachestat),
 * "userxattr" (5.11, epoll_pwait2), "volatile" (5.10, process_madvise). */
int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned flags, unsigned attr); /* 5.2 */
int sys_mount_setattr(
	int dirfd, const char *path, unsigned flags, const struct sys_mount_attr *a); /* 5.12 */
int sys_openat2(int dirfd, const char *path, const struct sys_open_how *how);	      /* 5.6 */
/* Returns twice, like fork(2), when a->stack is 0. */
pid_t sys_clone3(struct sys_clone_args *a);			       /* 5.3 */
int sys_pidfd_open(pid_t pid, unsigned flags);			       /* 5.3 */
int sys_pidfd_send_signal(int pidfd, int sig);			       /* 5.1 */
int sys_close_range(unsigned first, unsigned last, unsigned flags);    /* 5.9; CLOEXEC: 5.11 */
int sys_seccomp(unsigned operation, unsigned flags, const void *args); /* 3.17 */
/* ioctl TIOCGPTPEER (4.13): the slave of a pty master; denied with the calls above statx (4.11). */
int sys_pty_peer(int master, int flags);
/* attr: union bpf_attr of linux/bpf.h; bpf(2), 3.18. */
int sys_bpf(int command, void *attr, unsigned size);
int sys_pivot_root(const char *new_root, const char *put_old);
