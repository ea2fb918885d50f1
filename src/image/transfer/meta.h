/* meta.h: owner, mode, attributes and times of what was unpacked. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "image/transfer/place.h"
#include "image/transfer/tar.h"

struct meta_folder;

struct meta {
	/* Folders were made that hand owner or mode down (set-group-id, default ACL): then nothing
	 * can be left to what the kernel gives a new file. */
	int inherit;
	int64_t uid_max, warnings;
	int64_t squashed; /* entries whose owner does not exist in this user namespace: root's now
			   */
	/* Times of folders, which change with every entry in them, are set at the end. */
	struct meta_folder *folders;
	size_t n_folders, room_folders, folder_bytes;
};

/* A new folder that the kernel has made just as it is to be. */
int meta_folder_is_plain(const struct meta *m, const struct tar_entry *n);
/* An open file, folder or placeholder, after its content. */
int meta_set_fd(struct meta *m, int fd, const struct tar_entry *n, int fresh, struct err *e);
/* A link or fifo at name beneath dirfd. */
int meta_set_name(
	struct meta *m, int dirfd, const char *name, const struct tar_entry *n, struct err *e);
/* Remember the folder's times. */
void meta_folder_later(
	struct meta *m, struct place *p, const char *path, const struct tar_entry *n);
/* Set them all. */
int meta_folders_set(struct meta *m, struct place *p, struct err *e);
void meta_done(struct meta *m);
