/* child_root.c: the root file system and every mount in it. Process: the child, in its own mount
 * namespace, root of its user namespace when it has one.
 *
 * How it works: the trees that the parent sent are attached on a folder of the host's tree that
 * every host has (SCRATCH, in the child's namespace only), one on top of the other, and named by
 * their descriptors from then on. They cannot lie on "/": then the host's root would stay behind
 * beneath the new one after the pivot. Everything in the container's tree is resolved by path.h
 * beneath the new root's descriptor; nothing that an image contains can lead a mount out of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/mount.h"
#include "kernel/overlay.h"
#include "kernel/path.h"
#include "kernel/tty.h"
#include "runtime/child.h"
#include "runtime/dev.h"
#include "runtime/sync.h"

#define SCRATCH "/dev"
#define PROC_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572

static int scratch_open(void)
{
	int fd = open(SCRATCH, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int scratch_attach(int tree_fd, struct err *e)
{
	auto_fd int at = scratch_open();
	int r = at < 0 ? at : mount_attach(tree_fd, at);

	/* A clone of a shared mount is its peer: what is attached on it next would appear on the
	 * host, too, in the folder that the tree shows. */
	if (r == 0)
		r = mount_propagation(tree_fd, MS_PRIVATE, 1);
	return r < 0 ? err_sys(e, r, "attach a layer") : 0;
}

/* A folder inside the upper tree, as a parameter of the overlay. */
static int upper_part(int upper_fd, const char *name, struct err *e)
{
	int fd = openat(upper_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, errno, "open the container's folder \"%s\"", name) : fd;
}

/* What is missing and what to do is for the engine to say. */
static int no_overlay(int r, size_t n_layers, struct err *e)
{
	err_sys(e, r, "mount the root file system (overlay of %zu layers)", n_layers);
	if (e && !trees_is_passing(r))
		e->kind = ERR_LAYERS;
	return -1;
}

static int overlay(struct child *c, struct err *e)
{
	const struct oci_hull *h = c->plan->config->hull;
	auto_free int *lowers = xcalloc(c->trees.n, sizeof(*lowers));
	auto_fd int upper = -1, work = -1, at = -1;
	struct overlay o = {.lowers = lowers,
		.is_volatile = h->volatile_upper,
		.user_marks_only = c->plan->user_ns};
	int fd;

	for (size_t i = c->trees.n; i-- > 0;) { /* the topmost layer first */
		const struct tree *t = &c->trees.v[i];
		if (t->use != TREE_LAYER && t->use != TREE_UPPER)
			continue;
		if (t->detached && scratch_attach(t->fd, e) < 0)
			return -1;
		if (t->use == TREE_LAYER) {
			lowers[o.n_lowers++] = t->fd;
			continue;
		}
		upper = upper_part(t->fd, "upper", e);
		work = upper < 0 ? -1 : upper_part(t->fd, "work", e);
		if (work < 0)
			return -1;
	}
	if (o.n_lowers > OVERLAY_LOWERS_MAX)
		return err_set(e, ERR_UNSUPPORTED, "the image has too many layers");
	o.upper_fd = upper;
	o.work_fd = work;
	at = scratch_open();
	fd = at < 0 ? at : overlay_mount(&o, 0, at);
	if (fd < 0)
		return no_overlay(fd, strv_len(h->layers), e);
	return fd;
}

/* One layer and no upper folder: overlay wants two lower ones, the layer itself will do. */
static struct tree *single_tree(struct child *c)
{
	struct tree *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->trees.n; i++) {
		struct tree *t = &c->trees.v[i];
		if (t->use == TREE_LAYER || t->use == TREE_UPPER || t->use == TREE_ROOT) {
			only = t;
			n++;
		}
	}
	return n == 1 && only->use != TREE_UPPER ? only : NULL;
}

/* Before 5.2: a folder of the host, bound. */
static int bind_root(int src_fd, int recursive, struct err *e)
{
	auto_fd int at = scratch_open(), fd = -1;
	int r = at < 0 ? at : mount_bind(src_fd, at, recursive, 0);

	fd = r < 0 ? -1 : open(SCRATCH, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, r < 0 ? r : errno, "bind the root file system");
	return take_fd(&fd);
}

static int make_root(struct child *c, struct err *e)
{
	struct tree *only = single_tree(c);
	int r;

	if (!only)
		c->root_fd = overlay(c, e);
	else if (only->detached)
		c->root_fd = scratch_attach(only->fd, e) < 0 ? -1 : take_fd(&only->fd);
	else
		c->root_fd = bind_root(only->fd, only->use == TREE_ROOT, e);
	if (c->root_fd < 0)
		return -1;
	r = mount_propagation(c->root_fd, MS_PRIVATE, 1);
	return r < 0 ? err_sys(e, r, "make the root file system's mount private") : 0;
}

int child_trees_reopen(struct child *c, struct err *e)
{
	for (size_t i = 0; i < c->trees.n; i++) {
		struct tree *t = &c->trees.v[i];
		int fd = t->detached ? -1 : mount_reopen(t->fd);

		if (t->detached)
			continue;
		if (fd < 0)
			return err_sys(e, fd, "open a folder to be mounted");
		fd_close_ptr(&t->fd);
		t->fd = fd;
	}
	return 0;
}

/* Mounts reach us from the host only where a -v asked for it, and nothing goes back. */
static int stop_propagation(struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, errno, "stop the propagation of mounts");
	return 0;
}

static int late_changes(int target_root, const struct plan_mount *m, struct err *e)
{
	auto_fd int fd = -1;
	int r = 0;

	if (!m->words.propagation && !m->words.rec_set && !m->words.rec_clear)
		return 0;
	fd = path_open(target_root, m->destination, O_PATH, 0);
	if (fd < 0)
		return err_sys(e, fd, "open %s", m->destination);
	if (m->words.rec_set || m->words.rec_clear)
		r = mount_change(fd, m->words.rec_set, m->words.rec_clear, 1);
	if (r == 0 && m->words.propagation)
		r = mount_propagation(fd, m->words.propagation, m->words.propagation_rec);
	return r < 0 ? err_sys(e, r, "set the options of %s", m->destination) : 0;
}

static int attach_bind(
	struct child *c, const struct plan_mount *m, const struct tree *t, struct err *e)
{
	const unsigned long flags = m->words.set;
	auto_free char *where = t->below ? xasprintf("%s/%s", m->destination, t->below)
					 : xstrdup(m->destination);
	auto_fd int target = path_mount_target(c->root_fd, where, t->directory);
	struct stat st;
	int r;

	if (target < 0)
		return err_sys(e, target, "make the mount point %s", where);
	if (fstat(target, &st) == 0 && S_ISDIR(st.st_mode) != t->directory) {
		err_set(e, ERR_INVALID,
			"cannot mount a %s on %s, which is a %s: give both the same kind",
			t->directory ? "folder" : "file", where,
			S_ISDIR(st.st_mode) ? "folder" : "file");
		return err_status(e, 127); /* as Docker has it: "not a directory" */
	}
	if (!t->detached) {
		r = mount_bind(t->fd, target, m->words.rbind, flags);
		return r < 0 ? err_sys(e, r, "bind %s", where) : 0;
	}
	r = mount_attach_flags(t->fd, target, flags); /* the first of a recursive bind only */
	if (r == 0 && !t->below && streq(m->destination, "/sys")) /* the host's, with its network */
		c->sys_fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
	/* A clone of a shared mount is its peer: its sub-mounts, attached next, would appear on the
	 * host once more. */
	if (r == 0 && m->words.propagation != MS_SHARED)
		r = mount_propagation(
			t->fd, m->words.propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE, 1);
	return r < 0 ? err_sys(e, r, "mount %s", where) : 0;
}

static int do_bind(struct child *c, uint32_t index, struct err *e)
{
	const struct plan_mount *m = &c->plan->mounts[index];

	for (size_t i = 0; i < c->trees.n; i++) {
		const struct tree *t = &c->trees.v[i];
		if (t->use == TREE_BIND && t->mount == index && attach_bind(c, m, t, e) < 0)
			return -1;
	}
	return 0;
}

static int show_nodes(struct child *c, int dev_fd, struct err *e)
{
	for (size_t i = 0; i < c->trees.n; i++) {
		const struct tree *t = &c->trees.v[i];
		auto_fd int target = -1;
		int r;

		if (t->use != TREE_NODE)
			continue;
		target = openat(dev_fd, t->below, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		r = target < 0	  ? -errno
		    : t->detached ? mount_attach(t->fd, target)
				  : mount_bind(t->fd, target, 0, 0);
		if (r < 0)
			return err_sys(e, r, "show the host's device /dev/%s", t->below);
	}
	return 0;
}

/* The parent's, or one of our own on SCRATCH (before 5.2). */
static int dev_tree(struct child *c, struct err *e)
{
	auto_fd int at = -1;

	for (size_t i = 0; i < c->trees.n; i++)
		if (c->trees.v[i].use == TREE_DEV)
			return take_fd(&c->trees.v[i].fd);
	at = scratch_open();
	if (at < 0)
		return err_sys(e, at, "open " SCRATCH);
	return dev_make_at(c->plan, at, e);
}

static int do_dev(struct child *c, const struct plan_mount *m, struct err *e)
{
	auto_fd int dev = dev_tree(c, e), target = -1;
	int r;

	if (dev < 0)
		return -1;
	/* A link for /dev in the image must not choose where devices appear (CVE-2026-41579). */
	target = path_mount_target(c->root_fd, m->destination, 1);
	r = target < 0 ? target : mount_attach(dev, target);
	if (r < 0)
		return err_sys(e, r, "mount /dev");
	if (show_nodes(c, dev, e) < 0)
		return -1;
	c->null_fd = openat(dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return 0;
}

/* Where a kernel's file system goes: a folder of the image, never a link. The name is looked up
 * once, so that what is checked is what is mounted on. */
static int ordinary_folder(int parent, const char *name, const struct plan_mount *m, struct err *e)
{
	int fd;

	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the mount point %s", m->destination);
	fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_INVALID,
			"%s must be mounted on ordinary directory: %s is not one", m->fstype,
			m->destination);
	return fd < 0 ? err_sys(e, errno, "open the mount point %s", m->destination) : fd;
}

/* Where the only other one is partly hidden (a container around us), a new one would show it all:
 * the kernel says EPERM. */
static int not_shown(const struct plan_mount *m, int r, struct err *e)
{
	if (r == -EPERM && streq(m->fstype, "proc"))
		return err_set(e, ERR_DENIED,
			"mount proc on %s: parts of /proc are hidden here, and the kernel makes no "
			"new one "
			"then: start the container around this one with "
			"--security-opt systempaths=unconfined (podman: unmask=ALL)",
			m->destination);
	err_sys(e, r, "mount %s on %s", m->fstype, m->destination);
	if (e && r == -EPERM)
		e->kind = ERR_SYSFS;
	return -1;
}

/* The mount itself, also where the kernel has only mount(2), which gives no descriptor of it. */
static int mount_kernel_fs(
	const struct plan_mount *m, int parent, const char *name, int target, struct err *e)
{
	const char *source = m->source ? m->source : m->fstype;
	const long magic = streq(m->fstype, "proc") ? PROC_MAGIC : SYSFS_MAGIC;
	auto_fd int fd = mount_new(m->fstype, source, m->params, m->n_params, m->words.set);
	struct statfs sf;
	int r;

	if (fd == -ENOSYS) {
		r = mount_new_at(m->fstype, source, m->params, m->n_params, m->words.set, target);
		fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} else {
		r = fd < 0 ? fd : mount_attach(fd, target);
	}
	if (r == 0 && (fd < 0 || fstatfs(fd, &sf) < 0 || sf.f_type != magic))
		r = -EINVAL;
	return r < 0 ? not_shown(m, r, e) : take_fd(&fd);
}

/* proc and sysfs: their descriptors are kept, because masks and sysctls must reach them and nothing
 * else, whatever somebody puts at their names meanwhile (CVE-2019-19921, CVE-2023-27561). */
static int do_kernel_fs(struct child *c, const struct plan_mount *m, struct err *e)
{
	int *keep = streq(m->destination, "/proc")  ? &c->proc_fd
		    : streq(m->destination, "/sys") ? &c->sys_fd
						    : NULL;
	char name[NAME_MAX + 1];
	auto_fd int parent = path_open_parent(c->root_fd, m->destination, name);
	auto_fd int target = -1, fd = -1;

	if (parent < 0)
		return err_sys(e, parent, "make the mount point %s", m->destination);
	target = ordinary_folder(parent, name, m, e);
	fd = target < 0 ? -1 : mount_kernel_fs(m, parent, name, target, e);
	if (fd < 0)
		return -1;
	if (keep) {
		fd_close_ptr(keep);
		*keep = take_fd(&fd);
	}
	return 0;
}

/* A path of the configuration that may lie in proc or sysfs. */
static int open_kernel_path(const struct child *c, const char *path, int flags)
{
	const char *in_proc = str_after(path, "/proc/"), *in_sys = str_after(path, "/sys/");

	if (in_proc && c->proc_fd >= 0)
		return path_open(c->proc_fd, in_proc, flags, 0);
	if (in_sys && c->sys_fd >= 0)
		return path_open(c->sys_fd, in_sys, flags, 0);
	return path_open(c->root_fd, path, flags, 0);
}

/* A tmpfs takes the mode of the folder that it hides (1777 where there was none). */
static int tmpfs_mode(const struct child *c, const struct plan_mount *m, char out[16])
{
	auto_fd int there = path_open(c->root_fd, m->destination, O_PATH, 0);
	struct stat st;

	for (size_t i = 0; i < m->n_params; i++)
		if (streq(m->params[i].key, "mode"))
			return 0;
	if (there >= 0 && fstat(there, &st) == 0)
		snprintf(out, 16, "%o", st.st_mode & 07777);
	else
		str_copy(out, 16, "1777");
	return 1;
}

static int do_new(struct child *c, const struct plan_mount *m, struct err *e)
{
	struct mount_param params[PLAN_PARAMS_MAX + 1];
	size_t n = m->n_params;
	auto_fd int target = -1;
	char mode[16];
	int r;

	memcpy(params, m->params, n * sizeof(*params));
	if (streq(m->fstype, "proc") || streq(m->fstype, "sysfs"))
		return do_kernel_fs(c, m, e);
	if (streq(m->fstype, "tmpfs") && tmpfs_mode(c, m, mode))
		params[n++] = MOUNT_STR("mode", mode);
	target = path_mount_target(c->root_fd, m->destination, 1);
	if (target < 0)
		return err_sys(e, target, "make the mount point %s", m->destination);
	r = mount_new_at(
		m->fstype, m->source ? m->source : m->fstype, params, n, m->words.set, target);
	return r < 0 ? err_sys(e, r, "mount %s on %s", m->fstype, m->destination) : 0;
}

static int do_mount(struct child *c, uint32_t i, struct err *e)
{
	const struct plan_mount *m = &c->plan->mounts[i];
	int r;

	if (m->kind == PLAN_BIND)
		r = do_bind(c, i, e);
	else if (m->kind == PLAN_DEV)
		r = do_dev(c, m, e);
	else if (m->kind == PLAN_CGROUP)
		r = child_cgroup_view(c, m, e);
	else
		r = do_new(c, m, e);
	return r < 0 ? -1 : late_changes(c->root_fd, m, e);
}

/* The pty comes from the container's own devpts and is bound by the descriptor of its slave:
 * whatever lies at /dev/pts/N or /dev/console is never followed (CVE-2025-52565). */
static int make_console(struct child *c, struct err *e)
{
	const struct oci_process *pr = &c->plan->config->process;
	auto_fd int pts = path_open(c->root_fd, "/dev/pts", O_RDONLY | O_DIRECTORY, 0), master = -1;
	auto_fd int target = -1, slave = -1;
	char name[NAME_MAX + 1];
	int r;

	if (!c->plan->terminal)
		return 0;
	r = pts < 0 ? pts : tty_open_pair(pts, &master, &slave);
	if (r < 0)
		return err_sys(e, r, "open a terminal in the container");
	if (pr->console_height)
		tty_set_size(master, (unsigned short)pr->console_height,
			(unsigned short)pr->console_width);
	if (fchown(slave, pr->uid, (gid_t)-1) < 0)
		return err_sys(e, errno, "give the terminal to user %u", pr->uid);
	auto_fd int dev = path_open_parent(c->root_fd, "/dev/console", name);
	auto_fd int made =
		dev < 0 ? -1 : openat(dev, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (made < 0 && errno != EEXIST)
		return err_sys(e, errno, "make /dev/console");
	target = openat(dev, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = target < 0 ? -errno : mount_bind(slave, target, 0, 0);
	if (r < 0)
		return err_sys(e, r, "mount the terminal on /dev/console");
	r = sync_send(c->sync_fd, SYNC_CONSOLE, &master, 1);
	if (r < 0)
		return err_sys(e, r, "hand over the terminal");
	c->tty_fd = take_fd(&slave);
	return 0;
}

/* /proc/sys is written through the proc that we mounted, and only if it is that (CVE-2025-52881).
 */
static int write_sysctls(struct child *c, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach (c->plan->config->sysctl, key, value) {
		auto_free char *path = xasprintf("/proc/sys/%s", key);
		auto_fd int fd = -1;
		struct statfs sf;

		/* The key's dots are slashes; a slash in it stands for a dot (sysctl(8)). */
		for (char *p = path + strlen("/proc/sys/"); *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
		fd = open_kernel_path(c, path, O_WRONLY);
		if (fd < 0 || fstatfs(fd, &sf) < 0 || sf.f_type != PROC_MAGIC)
			return err_sys(e, fd < 0 ? fd : EINVAL, "set the sysctl \"%s\"", key);
		int r = fd_write_all(fd, json_string_value(value), json_string_length(value));
		if (r < 0)
			return err_sys(e, r, "set the sysctl \"%s\" to \"%s\"", key,
				json_string_value(value));
	}
	return 0;
}

int child_root_make(struct child *c, struct err *e)
{
	if (stop_propagation(e) < 0 || make_root(c, e) < 0)
		return -1;
	for (uint32_t i = 0; i < c->plan->n_mounts; i++)
		if (do_mount(c, i, e) < 0)
			return -1;
	if (make_console(c, e) < 0)
		return -1;
	return write_sysctls(c, e);
}

/* A masked file shows a null device of ours (not the image's: CVE-2025-31133), a masked folder one
 * empty read-only tmpfs that all share. */
static int mask(struct child *c, const char *path, int *empty_fd, struct err *e)
{
	const struct mount_param params[] = {MOUNT_STR("size", "0")};
	auto_fd int target = open_kernel_path(c, path, O_PATH);
	struct stat st;
	int r;

	if (target < 0 || fstat(target, &st) < 0)
		return 0; /* this kernel has no such file */
	if (!S_ISDIR(st.st_mode)) {
		r = c->null_fd < 0 ? -ENODEV : mount_bind(c->null_fd, target, 0, 0);
	} else if (*empty_fd >= 0) {
		r = mount_bind(*empty_fd, target, 0, MS_RDONLY);
	} else {
		r = mount_new_at("tmpfs", "tmpfs", params, 1,
			MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, target);
		*empty_fd = open_kernel_path(c, path, O_PATH | O_DIRECTORY);
	}
	return r < 0 ? err_sys(e, r, "mask %s", path) : 0;
}

static int protect(struct child *c, const char *path, struct err *e)
{
	auto_fd int fd = open_kernel_path(c, path, O_PATH);
	int r = fd < 0 ? 0 : mount_read_only(fd, 1);

	return r < 0 ? err_sys(e, r, "make %s read-only", path) : 0;
}

int child_paths_protect(struct child *c, struct err *e)
{
	auto_fd int empty = -1;

	if (c->null_fd < 0 && c->plan->config->masked_paths)
		c->null_fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	strv_foreach (p, c->plan->config->readonly_paths)
		if (protect(c, *p, e) < 0)
			return -1;
	strv_foreach (p, c->plan->config->masked_paths)
		if (mask(c, *p, &empty, e) < 0)
			return -1;
	return 0;
}

/* The working folder is made when the image lacks it, as Docker does; before the root becomes
 * read-only. */
int child_root_enter(struct child *c, struct err *e)
{
	const struct oci_config *cfg = c->plan->config;
	auto_fd int cwd = path_open(c->root_fd, cfg->process.cwd, O_PATH, 0);
	int r;

	if (cwd == -ENOENT)
		cwd = path_mkdirs(c->root_fd, cfg->process.cwd, 0755, (uid_t)-1, (gid_t)-1);
	if (cwd < 0 && cwd != -EACCES)
		return err_sys(e, cwd, "make the working folder %s", cfg->process.cwd);
	r = cfg->root_readonly ? mount_change(c->root_fd, MS_RDONLY, 0, 0) : 0;
	if (r < 0)
		return err_sys(e, r, "make the root file system read-only");
	r = mount_pivot(c->root_fd);
	if (r < 0)
		return err_sys(e, r,
			r == -EPERM ? "enter the root file system (pivot_root; a container around "
				      "this one "
				      "needs --security-opt seccomp=unconfined)"
				    : "enter the root file system");
	fd_close_ptr(&c->root_fd);
	fd_close_ptr(&c->null_fd);
	fd_close_ptr(&c->proc_fd);
	fd_close_ptr(&c->sys_fd);
	return 0;
}
