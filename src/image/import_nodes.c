/* import_nodes.c: devices out of an archive. The unpacker may not make them; it left empty files
 * with their owners, modes and times, and said which are to become what (transfer/result.h). It is
 * dead by now, so nobody moves anything; links it may have made are followed only beneath the root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/import_parts.h"
#include "kernel/path.h"

/* Where in the folder the device is made before it takes the file's name. */
static void fresh_name(char out[32])
{
	char hex[17];

	hash_random_hex(8, hex);
	snprintf(out, 32, ".hull-%s", hex);
}

static int make_device(
	int dirfd, const char *name, const struct transfer_node *n, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	/* The owner first: chown takes set-id bits away, and mknod is subject to the umask. */
	if (mknodat(dirfd, name, (mode_t)(n->type & S_IFMT), makedev(n->major, n->minor)) < 0 ||
		fchownat(dirfd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(dirfd, name, st->st_mode & 07777, 0) < 0 ||
		utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* A further name of a device that has been made already. */
static int link_device(int rootfd, const char *first, int dirfd, const char *name)
{
	char first_name[NAME_MAX + 1];
	auto_fd int first_dir = path_open_parent(rootfd, first, first_name);

	if (first_dir < 0)
		return first_dir;
	return linkat(first_dir, first_name, dirfd, name, 0) < 0 ? -errno : 0;
}

/* Found earlier in the list, and made. */
static const char *made_before(const struct import_nodes *nodes, size_t i, const char *made)
{
	for (size_t k = 0; k < i; k++)
		if (nodes->v[k].ino == nodes->v[i].ino && made[k])
			return nodes->v[k].path;
	return NULL;
}

/* 1 replaced, 0 it is something else by now */
static int replace(int rootfd, const struct import_nodes *nodes, size_t i, const char *made)
{
	const struct transfer_node *n = &nodes->v[i];
	const char *first = made_before(nodes, i, made);
	char name[NAME_MAX + 1], tmp[32];
	auto_fd int dirfd = path_open_parent(rootfd, n->path, name);
	struct stat st, dir;
	int r;

	if (dirfd < 0 || fstat(dirfd, &dir) < 0 ||
		fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISREG(st.st_mode) || st.st_size || st.st_ino != n->ino)
		return 0;
	fresh_name(tmp);
	r = first ? link_device(rootfd, first, dirfd, tmp) : make_device(dirfd, tmp, n, &st);
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	const struct timespec times[2] = {dir.st_atim, dir.st_mtim};
	utimensat(dirfd, ".", times, 0);
	return 1;
}

int import_nodes_make(int target_fd, const struct import_nodes *nodes, struct err *e)
{
	auto_free char *made = xcalloc(nodes->n + 1, 1);

	for (size_t i = 0; i < nodes->n; i++) {
		const struct transfer_node *n = &nodes->v[i];
		int r;

		if (n->type != S_IFCHR && n->type != S_IFBLK)
			continue;
		r = replace(target_fd, nodes, i, made);
		/* Inside somebody else's user namespace there are no devices to make: an image
		 * without them serves as well, containers have their own /dev. */
		if (r == -EPERM)
			r = 0;
		if (r < 0)
			return err_sys(e, r, "make the device %.500s of the archive", n->path);
		made[i] = r > 0;
	}
	return 0;
}
