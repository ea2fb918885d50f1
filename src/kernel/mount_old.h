/* mount_old.h: inside the kernel folder only: what mount.c falls back to before 5.2 and 5.12. */
#pragma once

#include "kernel/mount.h"

/* Per-mount flags that struct statfs shows. */
#define MOUNT_PER_MOUNT                                                                            \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | \
		MS_STRICTATIME | MS_NOSYMFOLLOW)
#define MOUNT_ATIME (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

int mount_old_new_at(const char *fstype, const char *source, const struct mount_param *params,
	size_t n, unsigned long flags, int target_fd);
int mount_old_bind(int src_fd, int target_fd, int recursive, unsigned long flags);
int mount_old_change(int fd, unsigned long set, unsigned long clear, int recursive);
int mount_old_propagation(int fd, unsigned long propagation, int recursive);
/* A descriptor of the mount that lies on top of target_fd, which must show the file want_fd. */
int mount_old_topmost(int target_fd, int want_fd);
