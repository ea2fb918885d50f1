/* mounts_parts.h: what mounts.c and mounts_long.c share. */
#pragma once

#include "engine/mounts.h"

extern const char *const mounts_propagations[];

void mount_request_done(struct mount_request *r);
/* Move r into the list, its unset texts as "". */
void mounts_take(struct mount_requests *m, struct mount_request *r);
const char *mounts_type_name(enum mount_type t);
int mounts_check_destination(struct mount_request *r, const char *text, struct err *e);
int mounts_check_tmpfs_options(const char *options, struct err *e);
int mounts_is_relative_path(const char *source);
char *mounts_absolute(const char *source, const char *cwd);
