/* mount.c: mounts by descriptor.
 *
 * How it works: everything is made detached (open_tree, fsopen), finished (mount_setattr) and only
 * then attached (move_mount), so nobody ever sees a half-made mount. A kernel before 5.2 has none
 * of these calls: mount_old.c. One between 5.2 and 5.11 has all but mount_setattr: then the tree is
 * attached first and changed by a remount through its own descriptor. */
#define _GNU_SOURCE
#include "kernel/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/mount_old.h"
#include "kernel/path.h"
#include "kernel/sys.h"

#define MOUNT_SETATTR 442
#define FSCONFIG_STRING_MAX 255 /* strndup_user(value, 256) in fsconfig(2) */

/* MS_* as MOUNT_ATTR_*; RELATIME is 0 there, the default. */
static uint64_t attrs(unsigned long flags)
{
	static const struct {
		unsigned long ms;
		uint64_t attr;
	} map[] = {
		{MS_RDONLY, MOUNT_ATTR_RDONLY},
		{MS_NOSUID, MOUNT_ATTR_NOSUID},
		{MS_NODEV, MOUNT_ATTR_NODEV},
		{MS_NOEXEC, MOUNT_ATTR_NOEXEC},
		{MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
		{MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
	};
	uint64_t a = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (flags & map[i].ms)
			a |= map[i].attr;
	/* One field with three values: strictatime wins over noatime, as in mount(2). */
	if (flags & MS_STRICTATIME)
		a |= MOUNT_ATTR_STRICTATIME;
	else if (flags & MS_NOATIME)
		a |= MOUNT_ATTR_NOATIME;
	return a;
}

int mount_tree_clone(int dirfd, const char *path, int recursive)
{
	return sys_open_tree(dirfd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			(recursive ? AT_RECURSIVE : 0));
}

int mount_tree_idmap(int tree_fd, int userns_fd, int recursive)
{
	struct sys_mount_attr a = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)userns_fd,
	};

	return sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a);
}

/* Overlay takes id-mapped layers since 5.19. */
int mount_can_idmap_layers(void)
{
	return sys_mount_setattr(-1, "", AT_EMPTY_PATH, NULL) != -ENOSYS &&
	       !sys_is_before(5, 19, MOUNT_SETATTR);
}

static int configure(int fs_fd, const struct mount_param *p)
{
	char by_fd[PATH_FD_MAX];
	const char *value = p->value;
	int r;

	if (p->fd >= 0) {
		r = sys_fsconfig(fs_fd, FSCONFIG_SET_FD, p->key, NULL, p->fd);
		if (r == 0)
			return 0;
		/* EINVAL also where the parameter wants a string: overlay before 6.13 */
		value = path_of_fd(p->fd, by_fd);
	}
	if (!value)
		return sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, p->key, NULL, 0);
	if (strlen(value) > FSCONFIG_STRING_MAX)
		return -ENOSYS;
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, p->key, value, 0);
}

static int new_tree(const char *fstype, const char *source, const struct mount_param *params,
	size_t n, unsigned long flags)
{
	auto_fd int fs_fd = sys_fsopen(fstype, FSOPEN_CLOEXEC);
	int r = 0;

	if (fs_fd < 0)
		return fs_fd;
	if (source)
		r = configure(fs_fd, &MOUNT_STR("source", source));
	for (size_t i = 0; i < n && r == 0; i++)
		r = configure(fs_fd, &params[i]);
	if (r == 0)
		r = sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return r;
	return sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)attrs(flags));
}

static int has_lowers(const struct mount_param *params, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(params[i].key, "lowerdir+"))
			return 1;
	return 0;
}

/* Overlay between 5.2 and 6.4: one "lowerdir" as a string. -ENOSYS: too many for it. */
static int new_tree_lowerdir(const char *fstype, const char *source,
	const struct mount_param *params, size_t n, unsigned long flags)
{
	auto_buf struct buf lowers = BUF_MAX(FSCONFIG_STRING_MAX);
	auto_free struct mount_param *joined = xcalloc(n + 1, sizeof(*joined));
	auto_fd int back = -1;
	size_t m = 0;
	int r;

	mount_old_lowers(&lowers, params, n);
	if (lowers.over)
		return -ENOSYS;
	for (size_t i = 0; i < n; i++)
		if (!streq(params[i].key, "lowerdir+"))
			joined[m++] = params[i];
	joined[m++] = MOUNT_STR("lowerdir", lowers.data);
	back = mount_old_enter_fds();
	if (back < 0)
		return back;
	r = new_tree(fstype, source, joined, m, flags);
	if (fchdir(back) < 0) {
		fd_close_ptr(&r);
		return -errno;
	}
	return r;
}

int mount_new(const char *fstype, const char *source, const struct mount_param *params, size_t n,
	unsigned long flags)
{
	int r = new_tree(fstype, source, params, n, flags);

	/* "lowerdir+" before 6.5: EINVAL, and only when the whole is created. */
	if (r != -EINVAL || !has_lowers(params, n))
		return r;
	return new_tree_lowerdir(fstype, source, params, n, flags);
}

int mount_attach(int tree_fd, int target_fd)
{
	int r = sys_move_mount(
		tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	return r == -ENOSYS ? mount_old_move(tree_fd, target_fd) : r;
}

int mount_new_at(const char *fstype, const char *source, const struct mount_param *params, size_t n,
	unsigned long flags, int target_fd)
{
	auto_fd int tree = mount_new(fstype, source, params, n, flags);

	if (tree == -ENOSYS)
		return mount_old_new_at(fstype, source, params, n, flags, target_fd);
	return tree < 0 ? tree : mount_attach(tree, target_fd);
}

int mount_new_opened(const char *fstype, const char *source, const struct mount_param *params,
	size_t n, unsigned long flags, int target_fd)
{
	auto_fd int tree = mount_new(fstype, source, params, n, flags);
	int r;

	if (tree == -ENOSYS) {
		r = mount_old_new_at(fstype, source, params, n, flags, target_fd);
		return r < 0 ? r : mount_old_opened(target_fd);
	}
	r = tree < 0 ? tree : mount_attach(tree, target_fd);
	return r < 0 ? r : take_fd(&tree);
}

int mount_reopen(int fd)
{
	return mount_old_topmost(fd, fd);
}

/* -ENOSYS: no mount_setattr */
static int set_attrs(int fd, unsigned long set, unsigned long clear, int recursive)
{
	struct sys_mount_attr a = {.attr_set = attrs(set), .attr_clr = attrs(clear)};

	if ((set | clear) & MOUNT_ATIME)
		a.attr_clr |= MOUNT_ATTR__ATIME;
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a);
}

/* 5.2 to 5.11: the tree's descriptor stays that of the mount when it is attached, and only an
 * attached one can be changed by a remount. */
static int attach_with(int tree_fd, int target_fd, unsigned long flags, int flags_rec)
{
	int r = flags ? set_attrs(tree_fd, flags, 0, flags_rec) : 0, attached;

	if (r < 0 && r != -ENOSYS)
		return r;
	attached = mount_attach(tree_fd, target_fd);
	return attached < 0 || r == 0 ? attached : mount_old_change(tree_fd, flags, 0, flags_rec);
}

int mount_attach_flags(int tree_fd, int target_fd, unsigned long flags)
{
	return attach_with(tree_fd, target_fd, flags & MOUNT_PER_MOUNT, 0);
}

static int bind_with(int src_fd, int target_fd, int recursive, unsigned long flags, int flags_rec)
{
	auto_fd int tree = mount_tree_clone(src_fd, "", recursive);

	return tree < 0 ? tree : attach_with(tree, target_fd, flags, flags_rec);
}

int mount_bind(int src_fd, int target_fd, int recursive, unsigned long flags)
{
	int r = bind_with(src_fd, target_fd, recursive, flags & MOUNT_PER_MOUNT, 0);

	return r == -ENOSYS ? mount_old_bind(src_fd, target_fd, recursive, flags & MOUNT_PER_MOUNT)
			    : r;
}

int mount_change(int fd, unsigned long set, unsigned long clear, int recursive)
{
	int r = set_attrs(fd, set, clear, recursive);

	return r == -ENOSYS ? mount_old_change(fd, set, clear, recursive) : r;
}

int mount_read_only(int fd, int recursive)
{
	auto_fd int top = -1;
	int r = mount_change(fd, MS_RDONLY, 0, recursive);

	if (r != -EINVAL) /* EINVAL: fd is not the root of a mount */
		return r;
	r = bind_with(fd, fd, recursive, MS_RDONLY, recursive);
	if (r != -ENOSYS)
		return r;
	r = mount_old_bind(fd, fd, recursive, 0);
	if (r < 0)
		return r;
	top = mount_old_topmost(fd, fd);
	return top < 0 ? top : mount_old_change(top, MS_RDONLY, 0, recursive);
}

int mount_propagation(int fd, unsigned long propagation, int recursive)
{
	struct sys_mount_attr a = {.propagation = propagation};
	int r = sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a);

	return r == -ENOSYS ? mount_old_propagation(fd, propagation, recursive) : r;
}

int mount_pivot(int newroot_fd)
{
	auto_fd int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (old < 0 || fchdir(newroot_fd) < 0)
		return -errno;
	r = sys_pivot_root(".", ".");
	if (r < 0)
		return r;
	/* The old root lies on top of the new one now. Nothing of its unmounting may reach the
	 * mount namespace we come from. */
	if (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
		umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}
