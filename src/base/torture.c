/* torture.c: only in builds with -Dtorture=true: one call of the C library fails.
 *
 * How it works: the linker's --wrap sends each of the functions below through here. A file that
 * HULL_TORTURE names is mapped by hull and all that it forks or starts: it holds how many calls
 * there have been, and which of them is to fail. So exactly one call fails, in whatever process;
 * its name is written into the file. Allocations can be counted alone or left out: they are most of
 * all calls, and nearly all of their failures end in the same abort(). Counting up until no call is
 * reached meets all of them (tests/kill/campaign torture). SQLite's authors test so. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ALL,
	MEMORY,
	OTHERS,
};
struct plan {
	int64_t count, target, only; /* ALL, MEMORY, OTHERS */
	char name[48];
};
static struct plan *plan;
static int ready;

/* Without the functions that are wrapped. */
static void find_plan(void)
{
	const char *path = getenv("HULL_TORTURE");
	int fd;
	void *p;

	ready = 1;
	fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (p != MAP_FAILED)
		plan = p;
}

static int hit(const char *name, int err)
{
	if (!ready)
		find_plan();
	if (!plan || (plan->only && (plan->only == MEMORY) != (err == ENOMEM)))
		return 0;
	if (__atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST) != plan->target)
		return 0;
	strncpy(plan->name, name, sizeof(plan->name) - 1);
	return 1;
}

/* WRAP(type, name, parameters, arguments, what a failure returns, its errno) */
#define WRAP(type, name, params, args, failed, err) \
	type __real_##name params;                  \
	type __wrap_##name params;                  \
	type __wrap_##name params                   \
	{                                           \
		if (hit(#name, err)) {              \
			errno = err;                \
			return failed;              \
		}                                   \
		return __real_##name args;          \
	}
#define WRAP_INT(name, params, args) WRAP(int, name, params, args, -1, EIO)

WRAP(void *, malloc, (size_t n), (n), NULL, ENOMEM)
WRAP(void *, calloc, (size_t n, size_t m), (n, m), NULL, ENOMEM)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
WRAP(void *, reallocarray, (void *p, size_t n, size_t m), (p, n, m), NULL, ENOMEM)
WRAP(char *, strdup, (const char *s), (s), NULL, ENOMEM)
WRAP(char *, strndup, (const char *s, size_t n), (s, n), NULL, ENOMEM)
WRAP(int, vasprintf, (char **s, const char *f, va_list ap), (s, f, ap), -1, ENOMEM)
/* Third arguments are read whether they were given or not: harmless where they are passed in
 * registers. */
WRAP_INT(open, (const char *p, int f, long m), (p, f, m))
WRAP_INT(open64, (const char *p, int f, long m), (p, f, m))
WRAP_INT(openat, (int d, const char *p, int f, long m), (d, p, f, m))
WRAP_INT(openat64, (int d, const char *p, int f, long m), (d, p, f, m))
/* Giving a lock back does not fail: SQLite would wait for itself. */
#define WRAP_FCNTL(name)                                                                       \
	int __real_##name(int fd, int c, long a);                                              \
	int __wrap_##name(int fd, int c, long a);                                              \
	int __wrap_##name(int fd, int c, long a)                                               \
	{                                                                                      \
		const int back = c == F_SETLK && ((const struct flock *)a)->l_type == F_UNLCK; \
		if (!back && hit(#name, EIO)) {                                                \
			errno = EIO;                                                           \
			return -1;                                                             \
		}                                                                              \
		return __real_##name(fd, c, a);                                                \
	}
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)
WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EIO)
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1, EIO)
WRAP(ssize_t, pread64, (int fd, void *p, size_t n, off64_t o), (fd, p, n, o), -1, EIO)
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t o), (fd, p, n, o), -1, EIO)
WRAP(ssize_t, readlink, (const char *p, char *b, size_t n), (p, b, n), -1, EIO)
WRAP(char *, realpath, (const char *p, char *r), (p, r), NULL, EIO)
WRAP_INT(stat, (const char *p, struct stat *s), (p, s))
WRAP_INT(fstat, (int fd, struct stat *s), (fd, s))
WRAP_INT(fstatat, (int d, const char *p, struct stat *s, int f), (d, p, s, f))
WRAP_INT(stat64, (const char *p, struct stat64 *s), (p, s))
WRAP_INT(fstat64, (int fd, struct stat64 *s), (fd, s))
WRAP_INT(access, (const char *p, int m), (p, m))
WRAP_INT(faccessat, (int d, const char *p, int m, int f), (d, p, m, f))
WRAP_INT(mkdir, (const char *p, mode_t m), (p, m))
WRAP_INT(mkdirat, (int d, const char *p, mode_t m), (d, p, m))
WRAP_INT(rmdir, (const char *p), (p))
WRAP_INT(unlink, (const char *p), (p))
WRAP_INT(unlinkat, (int d, const char *p, int f), (d, p, f))
WRAP_INT(renameat, (int a, const char *p, int b, const char *q), (a, p, b, q))
WRAP_INT(renameat2, (int a, const char *p, int b, const char *q, unsigned f), (a, p, b, q, f))
WRAP_INT(fsync, (int fd), (fd))
WRAP_INT(fdatasync, (int fd), (fd))
WRAP_INT(syncfs, (int fd), (fd))
WRAP_INT(ftruncate64, (int fd, off64_t n), (fd, n))
WRAP_INT(fchmod, (int fd, mode_t m), (fd, m))
WRAP_INT(fchown, (int fd, uid_t u, gid_t g), (fd, u, g))
WRAP_INT(flock, (int fd, int op), (fd, op))
WRAP_INT(dup, (int a), (a))
WRAP_INT(dup2, (int a, int b), (a, b))
WRAP_INT(pipe2, (int p[2], int f), (p, f))
WRAP_INT(socketpair, (int d, int t, int n, int p[2]), (d, t, n, p))
WRAP(ssize_t, send, (int fd, const void *p, size_t n, int f), (fd, p, n, f), -1, EIO)
WRAP(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f), -1, EIO)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), -1, EIO)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f), -1, EIO)
WRAP_INT(poll, (struct pollfd * p, nfds_t n, int t), (p, n, t))
WRAP(pid_t, fork, (void), (), -1, EAGAIN)
WRAP_INT(execv, (const char *p, char *const v[]), (p, v))
WRAP_INT(execve, (const char *p, char *const v[], char *const e[]), (p, v, e))
WRAP_INT(chdir, (const char *p), (p))
WRAP_INT(fchdir, (int fd), (fd))
WRAP_INT(unshare, (int f), (f))
WRAP_INT(setns, (int fd, int t), (fd, t))
WRAP_INT(mount, (const char *s, const char *t, const char *f, unsigned long g, const void *d),
	(s, t, f, g, d))
WRAP_INT(umount2, (const char *t, int f), (t, f))
WRAP_INT(memfd_create, (const char *n, unsigned f), (n, f))
WRAP(DIR *, opendir, (const char *p), (p), NULL, EIO)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL, EIO)
WRAP(long, syscall, (long n, long a, long b, long c, long d, long e, long f), (n, a, b, c, d, e, f),
	-1, EIO)
WRAP(int, posix_spawnp,
	(pid_t * pid, const char *p, const posix_spawn_file_actions_t *fa,
		const posix_spawnattr_t *at, char *const v[], char *const e[]),
	(pid, p, fa, at, v, e), EAGAIN, EAGAIN)
