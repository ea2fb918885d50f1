/* whiteout.h: how a layer says that something of the layers below is gone: ".wh.x" and
 * ".wh..wh..opq" in archives (image-spec, layer.md), overlay's marks on disk: a character device
 * 0:0, and the attribute user.overlay.opaque (of the userxattr way). Quiet. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

enum whiteout_kind {
	WHITEOUT_NONE,
	WHITEOUT_NAME,	 /* ".wh.x" */
	WHITEOUT_OPAQUE, /* ".wh..wh..opq" */
	WHITEOUT_OTHER,	 /* bookkeeping of AUFS, or nonsense: to be left out */
};

/* What the last component of an entry's path is; *out_name is "x" in name for WHITEOUT_NAME. */
enum whiteout_kind whiteout_kind(const char *name, const char **out_name);
/* 1 when a path that goes on behind this component goes through a mark. At the root AUFS had a
 * folder of such a name for files with several ones (".wh..wh.plnk/"): links name them, so they are
 * unpacked, and whiteout_clean removes the folder at the end. */
int whiteout_in_way(const char *component, size_t len, int at_root);
int whiteout_has_to_clean(int rootfd);
void whiteout_clean(int rootfd);
int whiteout_is(const struct stat *st);
/* Mark the folder name beneath dirfd. */
int whiteout_opaque(int dirfd, const char *name);
/* -EPERM where the kernel lets only the host's root do it (before 5.8). */
int whiteout_make(int dirfd, const char *name);
/* A whiteout at name becomes an opaque folder; anything else stays. */
int whiteout_to_folder(int dirfd, const char *name);
/* 1 for attributes with which an archive could pass itself off as an overlay's upper folder. */
int whiteout_foreign_xattr(const char *name);
