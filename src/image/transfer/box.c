/* box.c: the unpacker gives up everything but one folder.
 *
 * How it works: who started us has put us into namespaces of our own (user, mount, network, ipc,
 * uts), where all the host's ids are mapped to themselves: so files get their owners, but a power
 * of root reaches nothing of the host. But root's files are root's here too: so the first thing to
 * go is the rest of the file system.
 *   1. the target folder becomes a mount, without devices, set-user-id and execution, and that
 * mount the root; the old root is detached. Without mount namespaces: chroot.
 *   2. capabilities: only those that owners and modes need, and no way back (no_new_privs).
 *   3. Landlock (5.19 on, with the right to link across folders): nothing outside, no network.
 *   4. limits on memory and descriptors; no core file.
 *   5. a seccomp filter of the calls that unpacking needs; any other one kills.
 * Where a kernel has one of these not, the others hold. */
#define _GNU_SOURCE
#include "image/transfer/box.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/transfer/box_parts.h"
#include "kernel/caps.h"
#include "kernel/mount.h"
#include "kernel/ns.h"

/* The dictionaries of xz -9 (64 MiB) or zstd --ultra -22 (128 MiB), the ring, the libraries. */
#define MEMORY_MAX ((rlim_t)320 << 20)
#define FILES_MAX 8192

/* The tree is mounted onto its own folder for the moment that pivot_root needs. */
static int pivot(int target_fd, int read_only)
{
	auto_fd int tree = mount_tree_clone(target_fd, "", 0);
	int r;

	if (tree < 0)
		return tree;
	mount_change(tree,
		MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | (read_only ? MS_RDONLY : 0), 0, 0);
	r = mount_attach(tree, target_fd);
	return r < 0 ? r : mount_pivot(tree);
}

/* Without any mount call that fits (before 5.2, or a root on an initramfs) chroot does: the
 * descriptors of outside are closed, and CAP_SYS_CHROOT goes next. */
static int enter_root(int target_fd, int read_only, struct err *e)
{
	auto_fd int root = -1;

	if (pivot(target_fd, read_only) < 0 && (fchdir(target_fd) < 0 || chroot(".") < 0))
		return err_sys(e, errno, "shut the archive unpacker in");
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (chdir("/") < 0 || root < 0 || dup3(root, BOX_ROOT_FD, O_CLOEXEC) < 0)
		return err_sys(e, errno, "shut the archive unpacker in");
	return 0;
}

/* A terminal in the hands of an archive is no good (but a sanitizer reports there). The numbers
 * stay taken, by what cannot be written to: a last word must not land in a file of the layer. */
static int close_others(int n_layers, struct err *e)
{
	int r = ns_close_from(BOX_LAYERS_FD + n_layers, 0);

#ifndef BOX_SANITIZED
	dup2(BOX_ROOT_FD, STDOUT_FILENO);
	dup2(BOX_ROOT_FD, STDERR_FILENO);
#endif
	return r < 0 ? err_sys(e, r, "close what the archive unpacker must not have") : 0;
}

static int drop_powers(struct err *e)
{
	const uint64_t keep = CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) |
			      CAPS_BIT(CAP_FOWNER) | CAPS_BIT(CAP_FSETID) | CAPS_BIT(CAP_SETFCAP);
	const struct caps_sets sets = {.effective = keep, .permitted = keep};
	int r = caps_set_bounding(keep);

	if (r >= 0)
		r = caps_set(&sets);
	if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "drop the archive unpacker's privileges") : 0;
}

static void set_limits(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &none);
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
	if (enter_root(b->target_fd, b->read_only, e) < 0 || close_others(b->n_layers, e) < 0 ||
		drop_powers(e) < 0)
		return -1;
	set_limits();
	if (box_landlock(BOX_ROOT_FD, b->n_layers, b->read_only, e) < 0)
		return -1;
	return box_seccomp(e);
}
