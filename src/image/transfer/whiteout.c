/* whiteout.c: from the marks of archives to the marks of overlay. */
#define _GNU_SOURCE
#include "image/transfer/whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/fs.h"

#define PREFIX ".wh."
#define META_PREFIX ".wh..wh."
#define AUFS_LINKS ".wh..wh.plnk"
#define OPAQUE ".wh..wh..opq"

enum whiteout_kind whiteout_kind(const char *name, const char **out_name)
{
	const char *rest = str_after(name, PREFIX);

	if (!rest)
		return WHITEOUT_NONE;
	if (streq(name, OPAQUE))
		return WHITEOUT_OPAQUE;
	if (str_after(name, META_PREFIX) || !*rest || streq(rest, ".") || streq(rest, ".."))
		return WHITEOUT_OTHER;
	*out_name = rest;
	return WHITEOUT_NAME;
}

int whiteout_in_way(const char *component, size_t len, int at_root)
{
	if (len < strlen(PREFIX) || !str_after(component, PREFIX))
		return 0;
	return !at_root || len != strlen(AUFS_LINKS) || !str_after(component, AUFS_LINKS);
}

int whiteout_has_to_clean(int rootfd)
{
	return faccessat(rootfd, AUFS_LINKS, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void whiteout_clean(int rootfd)
{
	fs_remove_tree(rootfd, AUFS_LINKS);
}

int whiteout_is(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

int whiteout_opaque(int dirfd, const char *name)
{
	auto_fd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0)
		return -errno;
	return 0;
}

int whiteout_make(int dirfd, const char *name)
{
	return mknodat(dirfd, name, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

int whiteout_to_folder(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!whiteout_is(&st))
		return 0;
	if (unlinkat(dirfd, name, 0) < 0 || mkdirat(dirfd, name, 0755) < 0)
		return -errno;
	return whiteout_opaque(dirfd, name);
}

int whiteout_foreign_xattr(const char *name)
{
	return str_after(name, "user.overlay.") || str_after(name, "trusted.");
}
