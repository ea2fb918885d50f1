/* box.c: a worker gives up everything but one folder.
 *
 * How it works: who started us has put us into namespaces of our own (user, mount, pid,
 * network, ipc, uts), where all the host's ids are mapped to themselves: so files get their owners,
 * but a power of root reaches nothing of the host. But root's files are root's here too: so the
 * first thing to go is the rest of the file system.
 *   1. the target folder becomes a mount, without devices, set-user-id and execution, and that
 * mount the root; the old root is detached. Without mount namespaces: chroot.
 *   2. nobody may look into this process or trace it (not dumpable), and it leaves no core;
 *   3. capabilities: only those that owners and modes need, the fetcher none, and no way back
 * (no_new_privs).
 *   4. Landlock (5.19 on, with the right to link across folders): nothing outside; no network, or
 * for the fetcher no port to be opened.
 *   5. limits on memory and descriptors.
 *   6. a seccomp filter of the calls that the work needs; any other one kills.
 * Where a kernel has one of these not, the others hold. */
#define _GNU_SOURCE
#include "image/box/box.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/box/box_parts.h"
#include "kernel/caps.h"
#include "kernel/mount.h"
#include "kernel/ns.h"
#include "kernel/path.h"

/* The dictionaries of xz -9 (64 MiB) or zstd --ultra -22 (128 MiB), the ring, the libraries. */
#define MEMORY_MAX ((rlim_t)320 << 20)
#define FILES_MAX 8192

/* path, when it is still what fd stands for. */
static int open_same(const char *path, int fd)
{
	auto_fd int found = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat a, b;

	if (found < 0 || fstat(found, &a) < 0 || fstat(fd, &b) < 0)
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? take_fd(&found) : -ESTALE;
}

/* The folder is mounted onto itself for the moment that pivot_root needs. The descriptor that we
 * were given belongs to the mount namespace of who started us, where nothing can be mounted from
 * here: so its path (our own, in the store) is opened again. Times of access are left as they are,
 * because their setting is locked here. */
static int pivot(int target_fd, int read_only)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (read_only ? MS_RDONLY : 0);
	char link[PATH_FD_MAX], path[PATH_MAX];
	ssize_t len = readlink(path_of_fd(target_fd, link), path, sizeof(path) - 1);
	int r;

	if (len < 0)
		return -errno;
	path[len] = '\0';
	auto_fd int here = open_same(path, target_fd);
	if (here < 0)
		return here;
	r = mount_bind(here, here, 0, flags);
	if (r < 0)
		return r;
	auto_fd int top = open_same(path, target_fd);
	return top < 0 ? top : mount_pivot(top);
}

/* Without mount namespaces, or with the root on an initramfs, chroot does: the
 * descriptors of outside are closed, and CAP_SYS_CHROOT goes next. */
static int enter_root(const struct box *b, struct err *e)
{
	auto_fd int root = -1;

	if (pivot(b->target_fd, b->read_only) < 0 && (fchdir(b->target_fd) < 0 || chroot(".") < 0))
		return err_sys(e, errno, "shut %s in", b->who);
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (chdir("/") < 0 || root < 0 || dup3(root, BOX_ROOT_FD, O_CLOEXEC) < 0)
		return err_sys(e, errno, "shut %s in", b->who);
	return 0;
}

/* A terminal in the hands of an archive is no good (but a sanitizer reports there). The numbers
 * stay taken, by what cannot be written to: a last word must not land in a file of the layer. */
static int close_others(const struct box *b, struct err *e)
{
	int r = ns_close_from(BOX_LAYERS_FD + b->n_layers, 0);

#ifndef BOX_SANITIZED
	dup2(BOX_ROOT_FD, STDOUT_FILENO);
	dup2(BOX_ROOT_FD, STDERR_FILENO);
#endif
	return r < 0 ? err_sys(e, r, "close what %s must not have", b->who) : 0;
}

static int drop_powers(const struct box *b, struct err *e)
{
	const uint64_t owners = CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) |
				CAPS_BIT(CAP_FOWNER) | CAPS_BIT(CAP_FSETID) | CAPS_BIT(CAP_SETFCAP);
	const uint64_t keep = b->network ? 0 : owners;
	const struct caps_sets sets = {.effective = keep, .permitted = keep};
	int r = caps_set_bounding(keep);

	if (r >= 0)
		r = caps_set(&sets);
	if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "drop the privileges of %s", b->who) : 0;
}

static void set_limits(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &none);
#ifndef BOX_SANITIZED
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	/* Placeholders of devices are kept open. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
		files.rlim_max = files.rlim_cur;
		setrlimit(RLIMIT_NOFILE, &files);
	}
#ifndef BOX_SANITIZED
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
	setrlimit(RLIMIT_AS, &memory);
#endif
}

int box_enter(const struct box *b, struct err *e)
{
	umask(0);
	if (enter_root(b, e) < 0 || close_others(b, e) < 0 || drop_powers(b, e) < 0)
		return -1;
	set_limits();
	if (box_landlock(b, e) < 0)
		return -1;
	return box_seccomp(b, e);
}
