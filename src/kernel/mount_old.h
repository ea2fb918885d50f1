/* mount_old.h: inside the kernel folder only: what mount.c falls back to before 5.2 and 5.12. */
#pragma once

#include "base/buf.h"
#include "kernel/mount.h"

/* Per-mount flags that struct statfs shows. */
#define MOUNT_PER_MOUNT                                                                            \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | \
		MS_STRICTATIME | MS_NOSYMFOLLOW)
#define MOUNT_ATIME (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

int mount_old_new_at(const char *fstype, const char *source, const struct mount_param *params,
	size_t n, unsigned long flags, int target_fd);
/* The "lowerdir+" among params as the value of the one "lowerdir" that overlay knew before 6.5:
 * descriptors as bare numbers, which mean something only where mount_old_enter_fds() leads: 255
 * bytes hold 85 layers so, and 14 by their paths. Returns how many there are. */
int mount_old_lowers(struct buf *b, const struct mount_param *params, size_t n);
/* cwd = /proc/self/fd; returns a descriptor of the folder to fchdir back to. */
int mount_old_enter_fds(void);
/* What is mounted at src_fd, a mount's root, moves onto target_fd. */
int mount_old_move(int src_fd, int target_fd);
int mount_old_bind(int src_fd, int target_fd, int recursive, unsigned long flags);
int mount_old_change(int fd, unsigned long set, unsigned long clear, int recursive);
int mount_old_propagation(int fd, unsigned long propagation, int recursive);
/* A descriptor of the mount that lies on top of target_fd, which must show the file want_fd. */
int mount_old_topmost(int target_fd, int want_fd);
/* A descriptor of whatever lies on top of target_fd; -ESTALE when nothing does. */
int mount_old_opened(int target_fd);
