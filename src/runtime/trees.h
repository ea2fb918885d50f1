/* trees.h: the mounts that only the host's powers can make, as detached trees. Made by the parent
 * after the clone (id maps need the child's user namespace), sent to the child as descriptors. */
#pragma once

#include "base/err.h"
#include "runtime/plan.h"

enum tree_use {
	TREE_LAYER,  /* a layer of the root file system, lowest first */
	TREE_UPPER,  /* the folder with "upper" and "work" */
	TREE_ROOT,   /* the whole root file system, instead of layers */
	TREE_DEV,    /* /dev */
	TREE_NODE,   /* a device of the host, shown on the file `below` of TREE_DEV */
	TREE_BIND,   /* what a PLAN_BIND mount shows; `mount` and `below` say where */
	TREE_FILTER, /* no tree: the open file of the compiled seccomp filter */
};

struct tree {
	uint32_t use;
	uint32_t mount; /* index in plan.mounts (TREE_BIND) */
	char *below;	/* sub-mount's path beneath the destination; NULL: the mount itself */
	int directory;	/* what stands there is a folder */
	int detached;	/* a clone; 0: an O_PATH descriptor to bind from (kernels before 5.2) */
	int fd;
};
struct trees {
	struct tree *v;
	size_t n;
};

/* Runs in the parent. userns_fd: the child's, -1 without one. warn as in runtime.h. */
int trees_make(const struct plan *p, int bundle_fd, int userns_fd,
	void (*warn)(void *ctx, const char *text), void *warn_ctx, struct trees *out,
	struct err *e);
int trees_send(const struct trees *t, int sync_fd); /* 0 or -errno */
int trees_receive(struct trees *out, int sync_fd);  /* 1, 0 at end of file, -errno */
void trees_done(struct trees *t);
/* r: -errno. 1: it says nothing about what this kernel and these file systems can do. */
int trees_is_passing(int r);
