/* overlay.h: layers as one file system. Quiet. */
#pragma once

#include <stddef.h>

struct overlay {
	const int *lowers;     /* folders, topmost first; O_PATH will do */
	size_t n_lowers;       /* OVERLAY_LOWERS_MAX at most */
	int upper_fd, work_fd; /* -1: read-only */
	int is_volatile; /* nothing is synced; the upper folder cannot be mounted again (5.10) */
	int user_marks_only; /* in a user namespace: there are no others */
};

#define OVERLAY_LOWERS_MAX 500 /* OVL_MAX_STACK */

/* Mounts it at at_fd, returns a descriptor of it (mount_new_opened); at_fd < 0: as a detached tree
 * (-ENOSYS before 5.2). flags as for mount_new. With "userxattr", or, before 5.11, with the older
 * marks that overlay_marks_trust() made; there is nothing but -EINVAL with user_marks_only then. */
int overlay_mount(const struct overlay *o, unsigned long flags, int at_fd);

/* Before 5.11 "userxattr" is not known, and user.overlay.opaque says nothing. */
int overlay_needs_trusted_marks(void);
/* So it is written as trusted.overlay.opaque too, at all folders beneath dirfd, a layer of ours.
 * Remembered there: the next time is quick. Needs CAP_SYS_ADMIN in the initial user namespace. */
int overlay_marks_trust(int dirfd);
