/* dev.c: /dev of a container. */
#define _GNU_SOURCE
#include "runtime/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/mount.h"
#include "kernel/path.h"

/* Where nobody may make nodes: what has to be shown instead. */
static const char *const all_nodes[] = {"null", "zero", "full", "random", "urandom", "tty", NULL};

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {
	{"null", 1, 3},
	{"zero", 1, 5},
	{"full", 1, 7},
	{"random", 1, 8},
	{"urandom", 1, 9},
	{"tty", 5, 0},
};

static const struct {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
	{"core", "/proc/kcore"},
};

struct maker {
	const struct plan *plan;
	int fd;
	uid_t uid; /* of the container's root, as whoever makes it has to say it */
	gid_t gid;
	int no_nodes; /* mknod(2) is forbidden: a file stands in each one's place */
};

static int own(const struct maker *m, int dirfd, const char *name, uid_t uid, gid_t gid)
{
	/* Ids beneath the container's map are shifted by its start: the maps are checked to hold
	 * root. */
	return fchownat(dirfd, name, m->uid + uid, m->gid + gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
											  : 0;
}

static int placeholder(int dirfd, const char *name)
{
	auto_fd int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

static int node(const struct maker *m, int dirfd, const char *name, mode_t type, mode_t perm,
	dev_t dev, uid_t uid, gid_t gid)
{
	int r;

	if (mknodat(dirfd, name, type | perm, dev) < 0)
		return -errno;
	r = own(m, dirfd, name, uid, gid);
	if (r == 0 && fchmodat(dirfd, name, perm, 0) < 0)
		r = -errno;
	return r;
}

static int fill_standard(struct maker *m, struct err *e)
{
	static const char *const folders[] = {"pts", "shm", "mqueue"};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		r = m->no_nodes ? -EPERM
				: node(m, m->fd, nodes[i].name, S_IFCHR, 0666,
					  makedev(nodes[i].major, nodes[i].minor), 0, 0);
		if (r == -EPERM) {
			m->no_nodes = 1;
			r = placeholder(m->fd, nodes[i].name);
		}
		if (r < 0)
			return err_sys(e, r, "make the device /dev/%s", nodes[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, m->fd, links[i].name) < 0 ||
			own(m, m->fd, links[i].name, 0, 0) < 0)
			return err_sys(e, errno, "make the link /dev/%s", links[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(m->fd, folders[i], 0755) < 0 || own(m, m->fd, folders[i], 0, 0) < 0)
			return err_sys(e, errno, "make the folder /dev/%s", folders[i]);
	return 0;
}

static int is_standard(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (streq(name, nodes[i].name))
			return 1;
	return 0;
}

static mode_t type_bits(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

static int add_device(const struct maker *m, const struct oci_device *d, struct err *e)
{
	const char *name = str_after(d->path, "/dev/");
	char last[NAME_MAX + 1];
	auto_fd int parent = -1;
	auto_free char *folder = NULL;
	char *slash;
	int r;

	if (!name || !*name)
		return err_set(e, ERR_UNSUPPORTED,
			"device %s: devices of a container must lie beneath /dev", d->path);
	if (is_standard(name))
		return 0;
	folder = xstrdup(name);
	slash = strrchr(folder, '/');
	if (slash) {
		*slash = '\0';
		auto_fd int made = path_mkdirs(m->fd, folder, 0755, m->uid, m->gid);
		if (made < 0)
			return err_sys(e, made, "make the folder of device %s", d->path);
	}
	parent = path_open_parent(m->fd, name, last);
	if (parent < 0)
		return err_sys(e, parent, "make device %s", d->path);
	r = node(m, parent, last, type_bits(d->type),
		d->file_mode < 0 ? 0666 : (mode_t)d->file_mode & 07777,
		makedev((unsigned)d->major, (unsigned)d->minor), d->uid < 0 ? 0 : (uid_t)d->uid,
		d->gid < 0 ? 0 : (gid_t)d->gid);
	if (r == -EEXIST)
		return 0;
	return r < 0 ? err_sys(e, r, "make device %s", d->path) : 0;
}

static int fill(struct maker *m, const char *const **out_missing, struct err *e)
{
	const mode_t old = umask(0);
	int r = fill_standard(m, e);

	for (size_t i = 0; r == 0 && i < m->plan->config->n_devices; i++)
		r = add_device(m, &m->plan->config->devices[i], e);
	umask(old);
	if (r < 0)
		return -1;
	if (fchownat(m->fd, "", m->uid, m->gid, AT_EMPTY_PATH) < 0)
		return err_sys(e, errno, "give /dev to the container");
	*out_missing = m->no_nodes ? all_nodes : NULL;
	return 0;
}

static const char *source(const struct plan_mount *pm)
{
	return pm->source ? pm->source : "tmpfs";
}

static unsigned long flags(const struct plan_mount *pm)
{
	return pm->words.set & ~(unsigned long)(MS_NODEV | MS_RDONLY);
}

int dev_make(const struct plan *p, int *out, const char *const **out_missing, struct err *e)
{
	const struct plan_mount *pm = &p->mounts[p->dev];
	auto_fd int fd = mount_new("tmpfs", source(pm), pm->params, pm->n_params, flags(pm));

	*out = -1;
	/* In a user namespace the child will be forbidden to make them. */
	*out_missing = p->user_ns ? all_nodes : NULL;
	if (fd == -ENOSYS)
		return 0;
	if (fd < 0)
		return err_sys(e, fd, "make a file system for /dev");
	if (fill(&(struct maker){p, fd, p->root_uid, p->root_gid, 0}, out_missing, e) < 0)
		return -1;
	*out = take_fd(&fd);
	return 0;
}

int dev_make_at(const struct plan *p, int at_fd, struct err *e)
{
	const struct plan_mount *pm = &p->mounts[p->dev];
	auto_fd int fd = mount_new_opened(
		"tmpfs", source(pm), pm->params, pm->n_params, flags(pm), at_fd);
	const char *const *missing;

	if (fd < 0)
		return err_sys(e, fd, "make a file system for /dev");
	/* The child is root of the container already, and says so in its own ids. */
	return fill(&(struct maker){p, fd, 0, 0, 0}, &missing, e) < 0 ? -1 : take_fd(&fd);
}
