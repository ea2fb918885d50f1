/* mount_old.c: mount(2) on descriptors, for kernels before 5.2 (no open_tree, fsopen) and 5.12 (no
 * mount_setattr).
 *
 * How it works: "/proc/self/fd/N" as source and target names exactly the file behind the
 * descriptor. What it cannot name is the mount that was just laid on top of it; a remount needs
 * that one. So its path is read from the link and opened, and the result counts only if it shows
 * the very file that was bound. */
#define _GNU_SOURCE
#include "kernel/mount_old.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "kernel/mountinfo.h"
#include "kernel/path.h"
#include "kernel/sys.h"

#define DATA_MAX 4095 /* one page, as mount(2) copies it */

/* Superblock flags that fsconfig(2) takes as parameters and mount(2) as bits. */
static unsigned long superblock_flag(const char *key)
{
	static const struct {
		const char *key;
		unsigned long flag;
	} words[] = {
		{"ro", MS_RDONLY},
		{"sync", MS_SYNCHRONOUS},
		{"dirsync", MS_DIRSYNC},
		{"lazytime", MS_LAZYTIME},
		{"mand", MS_MANDLOCK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(key, words[i].key))
			return words[i].flag;
	return 0;
}

static int is_default(const char *key)
{
	return streq(key, "rw") || streq(key, "async") || streq(key, "nolazytime") ||
	       streq(key, "nomand");
}

static void add_value(struct buf *b, const struct mount_param *p)
{
	char path[PATH_FD_MAX];

	buf_puts(b, p->fd >= 0 ? path_of_fd(p->fd, path) : p->value);
}

static void separator(struct buf *b)
{
	if (b->len)
		buf_putc(b, ',');
}

int mount_old_lowers(struct buf *b, const struct mount_param *params, size_t n)
{
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!streq(params[i].key, "lowerdir+"))
			continue;
		buf_puts(b, count++ ? ":" : "");
		if (params[i].fd >= 0)
			buf_printf(b, "%d", params[i].fd);
		else
			buf_puts(b, params[i].value);
	}
	return count;
}

int mount_old_enter_fds(void)
{
	auto_fd int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (back < 0 || chdir("/proc/self/fd") < 0)
		return -errno;
	return take_fd(&back);
}

/* Returns whether there are lower folders among them. */
static int join_params(
	struct buf *b, const struct mount_param *params, size_t n, unsigned long *flags)
{
	auto_buf struct buf lowers = BUF_MAX(DATA_MAX);

	for (size_t i = 0; i < n; i++) {
		const struct mount_param *p = &params[i];
		int is_flag = p->fd < 0 && !p->value;

		if (is_flag && (superblock_flag(p->key) || is_default(p->key))) {
			*flags |= superblock_flag(p->key);
		} else if (!streq(p->key, "lowerdir+")) {
			separator(b);
			buf_puts(b, p->key);
			buf_puts(b, is_flag ? "" : "=");
			if (!is_flag)
				add_value(b, p);
		}
	}
	if (!mount_old_lowers(&lowers, params, n))
		return 0;
	separator(b);
	buf_puts(b, "lowerdir=");
	buf_puts(b, lowers.over ? "" : lowers.data);
	b->over |= lowers.over;
	return 1;
}

int mount_old_new_at(const char *fstype, const char *source, const struct mount_param *params,
	size_t n, unsigned long flags, int target_fd)
{
	auto_buf struct buf data = BUF_MAX(DATA_MAX);
	char target[PATH_FD_MAX];
	auto_fd int back = -1;
	int r = 0;

	flags &= MOUNT_PER_MOUNT;
	if (join_params(&data, params, n, &flags))
		back = r = mount_old_enter_fds();
	if (data.over || r < 0)
		return data.over ? -E2BIG : r;
	if (mount(source ? source : fstype, path_of_fd(target_fd, target), fstype, flags,
		    data.data) < 0)
		r = -errno;
	if (back >= 0 && fchdir(back) < 0)
		return -errno;
	return r < 0 ? r : 0;
}

/* What the path of fd leads to now. *out: 1 when it is the very file of want_fd. */
static int reopen(int fd, int want_fd, int *out_same)
{
	char link[PATH_FD_MAX], path[PATH_MAX];
	ssize_t n = readlink(path_of_fd(fd, link), path, sizeof(path));
	auto_fd int found = -1;
	struct stat want, st;

	if (n < 0 || (size_t)n >= sizeof(path))
		return n < 0 ? -errno : -ENAMETOOLONG;
	path[n] = '\0';
	found = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (found < 0 || fstat(found, &st) < 0 || fstat(want_fd, &want) < 0)
		return -errno;
	*out_same = st.st_dev == want.st_dev && st.st_ino == want.st_ino;
	return take_fd(&found);
}

int mount_old_topmost(int target_fd, int want_fd)
{
	int same;
	auto_fd int fd = reopen(target_fd, want_fd, &same);

	if (fd < 0)
		return fd;
	return same ? take_fd(&fd) : -ESTALE;
}

int mount_old_opened(int target_fd)
{
	int same;
	auto_fd int fd = reopen(target_fd, target_fd, &same);

	if (fd < 0)
		return fd;
	return same ? -ESTALE : take_fd(&fd);
}

int mount_old_move(int src_fd, int target_fd)
{
	char src[PATH_FD_MAX], target[PATH_FD_MAX];

	return mount(path_of_fd(src_fd, src), path_of_fd(target_fd, target), NULL, MS_MOVE, NULL) <
			       0
		       ? -errno
		       : 0;
}

int mount_old_bind(int src_fd, int target_fd, int recursive, unsigned long flags)
{
	char src[PATH_FD_MAX], target[PATH_FD_MAX];
	auto_fd int top = -1;

	if (mount(path_of_fd(src_fd, src), path_of_fd(target_fd, target), NULL,
		    MS_BIND | (recursive ? MS_REC : 0), NULL) < 0)
		return -errno;
	if (!flags)
		return 0;
	top = mount_old_topmost(target_fd, src_fd);
	return top < 0 ? top : mount_old_change(top, flags, 0, 0);
}

/* A remount sets all per-mount flags anew: those that are there must be repeated, or a locked one
 * makes it EPERM and an unlocked one is lost. */
static int remount(int fd, unsigned long set, unsigned long clear)
{
	char path[PATH_FD_MAX];
	struct statvfs vfs;
	unsigned long flags = 0;

	if (statvfs(path_of_fd(fd, path), &vfs) < 0) /* not fstatvfs: O_PATH needs 3.12 there */
		return -errno;
	flags |= vfs.f_flag & ST_RDONLY ? MS_RDONLY : 0;
	flags |= vfs.f_flag & ST_NOSUID ? MS_NOSUID : 0;
	flags |= vfs.f_flag & ST_NODEV ? MS_NODEV : 0;
	flags |= vfs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0;
	flags |= vfs.f_flag & ST_NODIRATIME ? MS_NODIRATIME : 0;
	flags |= vfs.f_flag & 0x2000 ? MS_NOSYMFOLLOW : 0; /* ST_NOSYMFOLLOW, 5.10 */
	if ((set | clear) & MOUNT_ATIME)
		flags |= set & MOUNT_ATIME ? 0 : MS_RELATIME;
	else if (vfs.f_flag & ST_NOATIME)
		flags |= MS_NOATIME;
	else
		flags |= vfs.f_flag & ST_RELATIME ? MS_RELATIME : MS_STRICTATIME;
	flags = (flags & ~clear) | set;
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
}

/* The mount points beneath (not at) the path of fd, as a strv, in the order they were mounted. */
static int mounts_beneath(int fd, char ***out)
{
	auto_buf struct buf info = BUF_MAX(MOUNTINFO_MAX);
	char link[PATH_FD_MAX], top[PATH_MAX];
	ssize_t n = readlink(path_of_fd(fd, link), top, sizeof(top));
	char *save, *line;
	int r;

	if (n < 0 || (size_t)n >= sizeof(top))
		return n < 0 ? -errno : -ENAMETOOLONG;
	while (n && top[n - 1] == '/')
		n--;
	r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", &info);
	if (r < 0)
		return r;
	for (line = strtok_r(info.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *field = line, *end;

		for (int i = 0; i < 4 && field; i++) /* id, parent, device, root */
			field = (field = strchr(field, ' ')) ? field + 1 : NULL;
		if (!field || !(end = strchr(field, ' ')))
			continue;
		*end = '\0';
		mountinfo_unescape(field);
		if (strncmp(field, top, (size_t)n) == 0 && field[n] == '/' && field[n + 1])
			strv_add(out, field);
	}
	return 0;
}

int mount_old_change(int fd, unsigned long set, unsigned long clear, int recursive)
{
	auto_strv char **beneath = NULL;
	int r = remount(fd, set, clear);

	if (r < 0 || !recursive)
		return r;
	r = mounts_beneath(fd, &beneath);
	strv_foreach (path, beneath) {
		auto_fd int sub = -1;

		if (r < 0)
			break;
		sub = open(*path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			r = remount(sub, set, clear);
		else if (errno != ENOENT) /* hidden by another mount or gone meanwhile */
			r = -errno;
	}
	return r;
}

int mount_old_propagation(int fd, unsigned long propagation, int recursive)
{
	char path[PATH_FD_MAX];

	return mount(NULL, path_of_fd(fd, path), NULL, propagation | (recursive ? MS_REC : 0),
		       NULL) < 0
		       ? -errno
		       : 0;
}
