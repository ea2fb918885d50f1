/* sys.c: thin wrappers of system calls that the C library may not have. */
#define _GNU_SOURCE
#include "kernel/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* From 424 on a call has the same number on every architecture. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define STATX 332 /* on x86-64; 291 elsewhere */
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static int newest = SYS_DENY_NONE;

void sys_deny_above(int n)
{
	newest = n;
}

int sys_is_before(int major, int minor, int nr)
{
	struct utsname u;
	int is_major = 0, is_minor = 0;

	if (nr > newest)
		return 1;
	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &is_major, &is_minor) != 2)
		return 0;
	return is_major < major || (is_major == major && is_minor < minor);
}

static long result(long r)
{
	return r < 0 ? -errno : r;
}

#define CALL(nr, ...) ((nr) > newest ? -ENOSYS : result(syscall((nr), __VA_ARGS__)))

int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)CALL(SYS_open_tree, dirfd, path, flags);
}

int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return (int)CALL(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

int sys_fsopen(const char *fstype, unsigned flags)
{
	return (int)CALL(SYS_fsopen, fstype, flags);
}

static int key_denied(const char *key)
{
	static const struct {
		const char *key;
		int nr; /* a call of the same kernel */
	} keys[] = {{"lowerdir+", 451}, {"userxattr", 441}, {"volatile", 440}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i].key) == 0)
			return keys[i].nr > newest;
	return 0;
}

int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	static int unknown; /* as before 6.5: any key is taken, and refused with the whole */

	if (key && key_denied(key)) {
		unknown = 1;
		return 0;
	}
	if (cmd == FSCONFIG_CMD_CREATE && unknown) {
		unknown = 0;
		return -EINVAL;
	}
	return (int)CALL(SYS_fsconfig, fd, cmd, key, value, aux);
}

int sys_fsmount(int fd, unsigned flags, unsigned attr)
{
	return (int)CALL(SYS_fsmount, fd, flags, attr);
}

int sys_mount_setattr(int dirfd, const char *path, unsigned flags, const struct sys_mount_attr *a)
{
	return (int)CALL(SYS_mount_setattr, dirfd, path, flags, a, sizeof(*a));
}

int sys_openat2(int dirfd, const char *path, const struct sys_open_how *how)
{
	return (int)CALL(SYS_openat2, dirfd, path, how, sizeof(*how));
}

pid_t sys_clone3(struct sys_clone_args *a)
{
	/* Kernels that know a shorter struct (set_tid 5.5, cgroup 5.7) take this one while the rest
	 * is zero. */
	return (pid_t)CALL(SYS_clone3, a, sizeof(*a));
}

int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)CALL(SYS_pidfd_open, pid, flags);
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)CALL(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)CALL(SYS_close_range, first, last, flags);
}

int sys_seccomp(unsigned operation, unsigned flags, const void *args)
{
	return (int)CALL(SYS_seccomp, operation, flags, args);
}

int sys_pty_peer(int master, int flags)
{
	int r;

	if (newest <= STATX)
		return -ENOSYS;
	r = (int)result(ioctl(master, TIOCGPTPEER, flags));
	return r == -ENOTTY || r == -EINVAL ? -ENOSYS : r;
}

int sys_bpf(int command, void *attr, unsigned size)
{
	return (int)CALL(SYS_bpf, command, attr, size);
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)result(syscall(SYS_pivot_root, new_root, put_old));
}
