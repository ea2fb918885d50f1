/* base_layer.c: the layer beneath all layers.
 *
 * How it works: every container needs places to mount /proc, /dev, /etc/hosts ... on, and a
 * /.dockerenv. Made in its upper folder they would cost each container six new inodes on the disk
 * and six removals. So they are made once, in a folder that is the lowest layer of every overlay:
 * whatever the image has of the same name wins over it (folders merge), and only an image that has
 * whiteouts for them still gets them in its upper folder. */
#define _GNU_SOURCE
#include "engine/base_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/fs.h"

static const char *const folders[] = {"dev", "etc", "proc", "sys"};
/* Programs ask for .dockerenv to know that they are in a container. */
static const char *const files[] = {".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf"};

/* What is there already is left. */
static int fill(int dirfd)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(dirfd, folders[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_fd int fd = openat(dirfd, files[i],
			O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
		if (fd < 0 || (i == 0 && fchmod(fd, 0755) < 0))
			return -errno;
	}
	return 0;
}

static int is_whole(int dirfd)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (fstatat(dirfd, folders[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISDIR(st.st_mode))
			return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fstatat(dirfd, files[i], &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			return 0;
	return 1;
}

int base_layer_check(struct engine *en, int mend)
{
	auto_fd int fd = openat(
		en->root_fd, ENGINE_BASE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	mode_t mask;

	if (fd < 0)
		return errno != ENOENT;
	if (is_whole(fd))
		return 0;
	if (mend) {
		mask = umask(0);
		fill(fd);
		umask(mask);
	}
	return !mend || !is_whole(fd);
}

/* Beside it, then renamed: whoever comes second leaves the first one's. */
static int make(int root_fd)
{
	char tmp[40];
	mode_t mask = umask(0);
	int r = 0;

	snprintf(tmp, sizeof(tmp), ENGINE_BASE ".tmp%d", (int)getpid());
	fs_remove_tree(root_fd, tmp); /* of a process of that number which was killed */
	if (mkdirat(root_fd, tmp, 0755) < 0) {
		r = -errno;
	} else {
		auto_fd int fd = openat(root_fd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : fill(fd);
	}
	umask(mask);
	if (r == 0 && renameat(root_fd, tmp, root_fd, ENGINE_BASE) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST ? -EEXIST : -errno;
	if (r < 0)
		fs_remove_tree(root_fd, tmp);
	return r == -EEXIST ? 0 : r;
}

int base_layer_path(struct engine *en, char **out, struct err *e)
{
	int r = 0;

	if (faccessat(en->root_fd, ENGINE_BASE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		r = make(en->root_fd);
	if (r < 0)
		return err_sys(e, r, "make the folder %s/" ENGINE_BASE, en->root);
	*out = xasprintf("%s/" ENGINE_BASE, en->root);
	return 0;
}
