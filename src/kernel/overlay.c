/* overlay.c: layers as one file system. */
#define _GNU_SOURCE
#include "kernel/overlay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/fs_walk.h"
#include "kernel/mount.h"
#include "kernel/sys.h"

#define USER_OPAQUE "user.overlay.opaque"
#define TRUSTED_OPAQUE "trusted.overlay.opaque"
#define EPOLL_PWAIT2 441 /* of 5.11, as "userxattr" */
#define TRUSTED_DONE "trusted.hull.marks"

/* Lower, upper and work folders, and the two options that are left out where they are not known. */
struct params {
	struct mount_param v[OVERLAY_LOWERS_MAX + 4];
	size_t n;
};

static void fill(const struct overlay *o, int user_marks, int is_volatile, struct params *p)
{
	p->n = 0;
	for (size_t i = 0; i < o->n_lowers; i++)
		p->v[p->n++] = MOUNT_FD("lowerdir+", o->lowers[i]);
	if (o->upper_fd >= 0) {
		p->v[p->n++] = MOUNT_FD("upperdir", o->upper_fd);
		p->v[p->n++] = MOUNT_FD("workdir", o->work_fd);
	}
	if (user_marks)
		p->v[p->n++] = MOUNT_FLAG("userxattr");
	if (is_volatile && o->upper_fd >= 0)
		p->v[p->n++] = MOUNT_FLAG("volatile");
}

static int try(
	const struct overlay *o, int user_marks, int is_volatile, unsigned long flags, int at_fd)
{
	struct params p;

	fill(o, user_marks, is_volatile, &p);
	if (at_fd < 0)
		return mount_new("overlay", "overlay", p.v, p.n, flags);
	return mount_new_opened("overlay", "overlay", p.v, p.n, flags, at_fd);
}

static int trust_one(int fd)
{
	char value;

	if (fgetxattr(fd, USER_OPAQUE, &value, 1) != 1 || value != 'y')
		return 0;
	return fsetxattr(fd, TRUSTED_OPAQUE, "y", 1, 0) < 0 ? -errno : 0;
}

static int trust_tree(int fd)
{
	struct fs_walk w;
	int r = fs_walk_start(&w, fd, ".");

	while (r == 0) {
		const char *name = NULL;
		unsigned type = 0;

		r = fs_walk_next(&w, &name, &type);
		if (r > 0 && type != DT_DIR && type != DT_UNKNOWN) {
			r = 0;
		} else if (r > 0) {
			r = fs_walk_enter(&w, name);
			if (r == 0)
				r = trust_one(fs_walk_fd(&w));
			else if (r == -ENOTDIR || r == -ELOOP || r == -EXDEV)
				r = 0;
		} else if (r == 0 && w.n == 1) {
			break;
		} else if (r == 0) {
			r = fs_walk_leave(&w);
		}
	}
	fs_walk_done(&w);
	return r;
}

int overlay_marks_trust(int dirfd)
{
	auto_fd int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char done;
	int r;

	if (fd < 0)
		return -errno;
	if (fgetxattr(fd, TRUSTED_DONE, &done, 1) == 1)
		return 0;
	r = trust_tree(fd);
	if (r == 0 && fsetxattr(fd, TRUSTED_DONE, "y", 1, 0) < 0)
		r = -errno;
	return r;
}

int overlay_needs_trusted_marks(void)
{
	return sys_is_before(5, 11, EPOLL_PWAIT2);
}

int overlay_mount(const struct overlay *o, unsigned long flags, int at_fd)
{
	int r;

	if (o->n_lowers > OVERLAY_LOWERS_MAX)
		return -E2BIG;
	r = try(o, 1, o->is_volatile, flags, at_fd);
	if (r != -EINVAL || o->user_marks_only || !overlay_needs_trusted_marks())
		return r;
	r = try(o, 0, o->is_volatile, flags, at_fd);
	return r == -EINVAL && o->is_volatile ? try(o, 0, 0, flags, at_fd) : r;
}
