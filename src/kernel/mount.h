/* mount.h: mounts by descriptor (5.2, 5.12), with mount(2) as the fall-back where one exists. A
 * "tree" is a detached mount held by a descriptor. Quiet: >= 0 or -errno. Nothing here resolves an
 * untrusted path: targets are descriptors that path.h opened. The fall-backs go through
 * /proc/self/fd and need /proc to be mounted. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

/* MS_* flags of mount(2) that are per-mount (RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, NODIRATIME,
 * RELATIME, STRICTATIME, NOSYMFOLLOW) are what "flags" means below. */
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

/* open_tree(OPEN_TREE_CLONE [| AT_RECURSIVE]) of dirfd/path ("" = dirfd itself). -ENOSYS on old
 * kernels: use mount_bind there. */
int mount_tree_clone(int dirfd, const char *path, int recursive);
/* Show the tree (not recursively unless recursive) through the id map of the user namespace. Only
 * on a detached tree that was not attached yet. -EINVAL: this file system cannot. 5.12. */
int mount_tree_idmap(int tree_fd, int userns_fd, int recursive);

/* Whether this kernel can show the layers of an overlay through an id map at all (5.19); whether
 * their file system can, only mount_tree_idmap tells. */
int mount_can_idmap_layers(void);

struct mount_param {
	const char *key;
	const char *value; /* NULL with fd < 0: a flag */
	int fd;		   /* >= 0: FSCONFIG_SET_FD (falls back to /proc/self/fd/N as a string) */
};
#define MOUNT_FLAG(k) ((struct mount_param){(k), NULL, -1})
#define MOUNT_STR(k, v) ((struct mount_param){(k), (v), -1})
#define MOUNT_FD(k, f) ((struct mount_param){(k), NULL, (f)})

/* A new file system as a detached tree: fsopen, fsconfig..., fsmount. source may be NULL. -ENOSYS
 * when this kernel cannot make it so (no fsopen, a value above fsconfig's 255 bytes): use
 * mount_new_at. Several "lowerdir+" parameters, topmost layer first; before 6.5 they are joined
 * into the old "lowerdir" (the process's cwd is elsewhere meanwhile), which holds 85 of them. */
int mount_new(const char *fstype, const char *source, const struct mount_param *params, size_t n,
	unsigned long flags);
/* Attach a tree on target (an O_PATH or other descriptor), on top of what is mounted there. A tree
 * that mount_new_opened made is moved (before 5.2 too). */
int mount_attach(int tree_fd, int target_fd);
/* The same with flags on the top mount: before it is visible, or, before 5.12, at once after. */
int mount_attach_flags(int tree_fd, int target_fd, unsigned long flags);
/* mount_new and mount_attach in one, falling back to mount(2) with the params joined by commas on
 * /proc/self/fd/TARGET ("lowerdir+" joined by colons into "lowerdir"; at most 4095 bytes: -E2BIG).
 */
int mount_new_at(const char *fstype, const char *source, const struct mount_param *params, size_t n,
	unsigned long flags, int target_fd);
/* The same; returns a descriptor of the new mount's root, which target_fd does not stand for. The
 * fall-back finds it by target's path: only where nobody else can change that. */
int mount_new_opened(const char *fstype, const char *source, const struct mount_param *params,
	size_t n, unsigned long flags, int target_fd);
/* The same file in the mount namespace that we are in now (a copy of the one fd was opened in):
 * mount(2) binds nothing of another one. -ESTALE: its path leads elsewhere by now. */
int mount_reopen(int fd);
/* The same file, opened O_RDONLY on a read-only mount that no mount namespace shows: made in that
 * of a child, and kept by the descriptor. What mount_tree_clone() and mount_change() do from 5.12
 * on, for older kernels, and for those who may make user namespaces and have no rights here.
 * -ESTALE: the file's path leads elsewhere by now. */
int mount_view(int file_fd);
/* Bind src_fd on target_fd with flags on the top mount (made so before it is visible where the
 * kernel can: clone, mount_setattr, attach; else bind and remount keeping locked flags). */
int mount_bind(int src_fd, int target_fd, int recursive, unsigned long flags);
/* Set and clear per-mount flags on what is mounted at fd (attached or detached); fd must stand for
 * the root of the mount (-EINVAL otherwise). Flags that are not named stay. The three atime flags
 * are one setting: naming one replaces it, clearing it gives relatime, the kernel's default. */
int mount_change(int fd, unsigned long set, unsigned long clear, int recursive);
/* Same for what is mounted at fd, to be called when locked flags must stay: read-only in place:
 * if fd is no mount point it is bound onto itself first. */
int mount_read_only(int fd, int recursive);
/* propagation: MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE. fd as for mount_change. */
int mount_propagation(int fd, unsigned long propagation, int recursive);
/* The process's root becomes newroot_fd's mount; the old one is detached (pivot_root(".", ".")).
 * cwd is "/" afterwards. -EINVAL: newroot_fd is no mount, or the root is an initramfs. */
int mount_pivot(int newroot_fd);
/* Comma-separated extra options ("size=64m,mode=1777") as params; data is modified and must
 * outlive them. Returns the count or -E2BIG. */
int mount_params_split(char *data, struct mount_param *params, size_t max);
/* One word of fstab's options -> *set / *clear flags, *propagation, recursive read-only etc. Later
 * words win over earlier ones. Returns 1 when it is one of these, 0 when it is a file system's
 * own option (also "sync", "dirsync", "lazytime", "mand": they are the superblock's and mount_new*
 * takes them as flags). */
struct mount_words {
	unsigned long set, clear, propagation;
	int propagation_rec;		  /* rprivate, rslave, ... */
	unsigned long rec_set, rec_clear; /* rro, rnosuid, ... (OCI) */
	int bind, rbind, idmap, ridmap, tmpcopyup, remount;
};
int mount_word(const char *word, struct mount_words *w);
