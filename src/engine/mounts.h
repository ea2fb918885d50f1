/* mounts.h: -v, --mount and --tmpfs as structs. Text only: nothing is looked up on the disk here.
 * The words of the errors are Docker's. Speaking. */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum mount_type { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS };
enum mount_recursion {
	RECURSION_DEFAULT,  /* sub-mounts too; read-only ones too where the kernel can */
	RECURSION_NONE,	    /* bind-recursive=disabled, bind-nonrecursive */
	RECURSION_WRITABLE, /* read-only is only the mount itself */
	RECURSION_READONLY, /* all of them, or an error */
};

struct mount_request { /* strings owned */
	enum mount_type type;
	char *source;	   /* BIND: absolute path; VOLUME: name, NULL: anonymous */
	char *destination; /* absolute, without "." and ".." and double slashes */
	char *mode;	   /* -v: third part as written; else "" */
	char *propagation; /* "rprivate", "rshared", ...; "" not given */
	char *options;	   /* TMPFS: "size=64m,exec"; "" */
	enum mount_recursion recursion;
	int read_only, no_copy;
	int create_source; /* BIND by -v: a missing source becomes a folder */
	int from_mount;	   /* written as --mount: its errors name it */
};
struct mount_requests {
	struct mount_request *v;
	size_t n;
};
void mount_requests_done(struct mount_requests *m);

/* "[SRC:]DST[:MODE]"; a SRC of "." or "./x" is taken from cwd (absolute). */
int mounts_parse_volume(const char *text, const char *cwd, struct mount_requests *m, struct err *e);
/* "type=bind,source=...,target=..." */
int mounts_parse_mount(const char *text, const char *cwd, struct mount_requests *m, struct err *e);
/* "PATH[:OPTIONS]" */
int mounts_parse_tmpfs(const char *text, struct mount_requests *m, struct err *e);
/* A VOLUME of the image: an anonymous volume, unless something else is mounted there. The path is
 * hostile: "/../../etc" is /etc (CVE-2022-23648). */
void mounts_add_image_volume(struct mount_requests *m, const char *path);
/* "Duplicate mount point: /x" */
int mounts_check(const struct mount_requests *m, struct err *e);
/* Parents before what lies beneath them, else the order of their writing. */
void mounts_sort(struct mount_requests *m);

/* Lexically: "/a/../b//c/." is "/b/c"; ".." ends at "/". Caller frees. */
char *mounts_clean_path(const char *path);
/* A name that a volume may have. */
int mounts_volume_name_check(const char *name, struct err *e);
