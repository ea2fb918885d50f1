/* fs.h: folders as a whole. Quiet. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* rm -rf of name beneath dirfd without following links or crossing into another file system;
 * depth does not matter (no recursion by path length or stack). Missing is 0. */
int fs_remove_tree(int dirfd, const char *name);
/* Copy the folder src to the (existing, empty) folder dst: owners, modes, times, links, hard
 * links, devices, xattrs. For volumes' first content. */
int fs_copy_tree(int src_fd, int dst_fd);
/* Sum of st_blocks*512 beneath (hard links once). */
int fs_tree_usage(int dirfd, int64_t *out_bytes);
/* Kernel name of the type at fd ("ext4", "overlay", "tmpfs", or hex of f_type). */
const char *fs_type_name(int fd, char out[24]);
