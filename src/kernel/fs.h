/* fs.h: folders as a whole. Quiet. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "kernel/ns.h"

/* rm -rf of name beneath dirfd without following links or crossing into another mount; depth does
 * not matter (no recursion by path length or stack). Missing is 0. What cannot be removed (-EBUSY:
 * a mount point) is left, the rest goes, and the first error is returned. Folders of our own that
 * forbid it by their mode are opened up. */
int fs_remove_tree(int dirfd, const char *name);
/* 1 when nothing is in the folder name beneath dirfd ("." is dirfd, O_PATH will do), 0, -errno. */
int fs_is_empty(int dirfd, const char *name);
/* one(ctx, fd of the folder, name) for each name in a folder beneath dirfd (no link), "." and ".."
 * excepted; it may remove it. What cannot be opened is empty. */
void fs_each(int dirfd, const char *folder, void (*one)(void *ctx, int dirfd, const char *name),
	void *ctx);
/* Copy the folder src to the (existing, empty) folder dst: owners, modes, times, links, hard
 * links, devices, xattrs, holes; of the folder itself too. For volumes' first content. Other mounts
 * beneath src are copied as empty folders. Neither tree may be in use by others: -ESTALE tells that
 * one was moved. Stops at the first error; what was copied stays. Not copied: security.selinux (the
 * new place decides), overlay's own marks, xattrs of symbolic links. */
int fs_copy_tree(int src_fd, int dst_fd);
/* The ids that owners become; what no line has becomes what 0 becomes. n 0: they stay. */
struct fs_owners {
	const struct ns_idmap *uids, *gids;
	size_t n_uids, n_gids;
};
/* The same for a layer of an image, onto what lower layers left in dst: overlay's whiteouts and
 * opaque folders remove, folders merge, everything else replaces. */
int fs_copy_layer(int src_fd, int dst_fd, const struct fs_owners *owners);
/* The same for one layer as it is, onto an empty folder: overlay's marks (user.*) are copied. */
int fs_copy_shifted(int src_fd, int dst_fd, const struct fs_owners *owners);
/* A file without a name, read and written: in memory (3.17), else beneath dirfd. */
int fs_scratch_file(int dirfd);
/* Sum of st_blocks*512 beneath and of the folder itself (hard links once, no other mounts). */
int fs_tree_usage(int dirfd, int64_t *out_bytes);
/* Kernel name of the type at fd ("ext4", "overlay", "tmpfs", or hex of f_type). ext2 and 3 are
 * "ext4", they share a number. */
const char *fs_type_name(int fd, char out[24]);
