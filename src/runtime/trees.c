/* trees.c: the mounts that only the host's powers can make, as detached trees.
 *
 * How it works: a tree is cloned out of the host's mounts (open_tree), shown through the
 * container's id map where the plan says so, and sent as a descriptor; it is attached nowhere in
 * the host. Each sub-mount of a recursive bind needs a clone of its own, because a recursive id map
 * fails whole if one of them cannot (facts: overlay, proc, FUSE), and a sub-mount inside a detached
 * tree cannot be mapped alone. The order of the list is the order in which the child attaches. */
#define _GNU_SOURCE
#include "runtime/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/mount.h"
#include "kernel/ns.h"
#include "kernel/path.h"
#include "runtime/dev.h"
#include "runtime/sync.h"

#define WIRE_MAX 32 /* trees in one message */
#define BELOW_MAX 250

struct maker {
	const struct plan *plan;
	int bundle_fd, userns_fd;
	void (*warn)(void *ctx, const char *text);
	void *warn_ctx;
	struct trees *out;
};

static struct tree *add(struct trees *t, enum tree_use use, int fd)
{
	t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n] = (struct tree){.use = use, .fd = fd, .detached = 1};
	return &t->v[t->n++];
}

static void warn(const struct maker *m, const char *fmt, const char *what)
{
	auto_free char *text = NULL;

	if (!m->warn)
		return;
	text = xasprintf("%s: %s", what, fmt);
	m->warn(m->warn_ctx, text);
}

int trees_is_passing(int r)
{
	static const int errors[] = {
		EIO, ENOMEM, ENOSPC, EDQUOT, EMFILE, ENFILE, EAGAIN, EINTR, EUSERS};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (r == -errors[i])
			return 1;
	return 0;
}

/* A clone of fd's mount, id-mapped if wanted and possible. *out_mapped tells. */
static int clone_tree(const struct maker *m, int fd, int recursive, int idmap, int *out_mapped)
{
	auto_fd int tree = mount_tree_clone(fd, "", recursive);
	int r;

	/* Who is root of a user namespace only may not take away what is mounted beneath. */
	if (tree == -EINVAL && !recursive)
		tree = mount_tree_clone(fd, "", 1);
	*out_mapped = 0;
	if (tree < 0 || !idmap || m->userns_fd < 0)
		return take_fd(&tree);
	r = mount_tree_idmap(tree, m->userns_fd, recursive);
	if (trees_is_passing(r))
		return r;
	*out_mapped = r == 0;
	return take_fd(&tree);
}

static int root_tree(struct maker *m, const char *path, enum tree_use use, struct err *e)
{
	const struct oci_hull *h = m->plan->config->hull;
	int idmap = m->plan->user_ns && h && h->idmap_root, mapped, tree;
	/* Only what the caller named as a whole root may bring its sub-mounts. */
	int recursive = use == TREE_ROOT && !idmap;
	auto_fd int fd = openat(m->bundle_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open root file system %s", path);
	tree = clone_tree(m, fd, recursive, idmap, &mapped);
	if (tree == -ENOSYS && !idmap) {
		add(m->out, use, take_fd(&fd))->detached = 0;
		return 0;
	}
	if (tree < 0 && !(tree == -ENOSYS && idmap))
		return err_sys(e, tree, "take the mount of %s", path);
	if (tree >= 0)
		add(m->out, use, tree)->directory = 1;
	if (idmap && !mapped)
		return err_set(e, use == TREE_ROOT ? ERR_UNSUPPORTED : ERR_LAYERS,
			"the file system of %s cannot be shown with other user ids (no id-mapped "
			"mounts); use --userns=host",
			path);
	return 0;
}

static int root_trees(struct maker *m, struct err *e)
{
	const struct oci_config *c = m->plan->config;

	if (!c->hull || !c->hull->layers)
		return root_tree(m, c->root_path, TREE_ROOT, e);
	strv_foreach (l, c->hull->layers)
		if (root_tree(m, *l, TREE_LAYER, e) < 0)
			return -1;
	return c->hull->upper ? root_tree(m, c->hull->upper, TREE_UPPER, e) : 0;
}

/* Octal escapes of mountinfo, in place. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* The mount points strictly beneath the folder `top`, in the order of their mounting, relative to
 * it. */
static char **submounts(const char *top)
{
	auto_buf struct buf text = BUF_MAX(16 << 20);
	size_t len = streq(top, "/") ? 0 : strlen(top);
	char **found = NULL, *line, *save;

	if (fd_read_file(AT_FDCWD, "/proc/self/mountinfo", &text) < 0 || !text.data)
		return NULL;
	for (line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char point[4096];
		if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
			continue;
		unescape(point);
		if (strncmp(point, top, len) == 0 && point[len] == '/' && point[len + 1])
			strv_add(&found, point + len + 1);
	}
	return found;
}

static int bind_submount(
	struct maker *m, uint32_t mount, int source_fd, const char *below, struct err *e)
{
	auto_fd int fd = openat(source_fd, below, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int mapped, tree;
	struct tree *t;

	/* Hidden beneath another mount, gone meanwhile, or too deep to name: not part of the view.
	 */
	if (fd < 0 || fstat(fd, &st) < 0 || strlen(below) >= BELOW_MAX)
		return 0;
	tree = clone_tree(m, fd, 0, 1, &mapped);
	if (tree < 0)
		return err_sys(e, tree, "take the mount of %s", below);
	t = add(m->out, TREE_BIND, tree);
	t->mount = mount;
	t->below = xstrdup(below);
	t->directory = S_ISDIR(st.st_mode);
	if (!mapped)
		warn(m, "this sub-mount's file system cannot show the host's user ids inside",
			below);
	return 0;
}

/* The source itself, then its sub-mounts one by one when they must be mapped one by one. */
static int bind_trees(struct maker *m, uint32_t index, struct err *e)
{
	const struct plan_mount *pm = &m->plan->mounts[index];
	int idmap = m->plan->user_ns && (pm->words.idmap || pm->words.ridmap), mapped, tree;
	/* Brings its sub-mounts as one: attached one by one they would go back to the host. */
	int shared = pm->words.propagation == MS_SHARED;
	auto_fd int fd = openat(m->bundle_fd, pm->source, O_PATH | O_CLOEXEC);
	auto_strv char **below = NULL;
	char link[PATH_FD_MAX], top[4096];
	ssize_t len;
	struct stat st;
	struct tree *t;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "open mount source %s", pm->source);
	len = readlink(path_of_fd(fd, link), top, sizeof(top) - 1);
	top[len < 0 ? 0 : len] = '\0';
	if (idmap && pm->words.rbind && !shared && S_ISDIR(st.st_mode) && len > 0)
		below = submounts(top);
	tree = clone_tree(m, fd, pm->words.rbind && (!idmap || shared), idmap, &mapped);
	if (tree == -ENOSYS) {
		t = add(m->out, TREE_BIND, take_fd(&fd));
		t->detached = 0;
	} else if (tree < 0) {
		return err_sys(e, tree, "take the mount of %s", pm->source);
	} else {
		t = add(m->out, TREE_BIND, tree);
		if (idmap && !mapped)
			warn(m,
				"this file system cannot show the host's user ids inside; its "
				"files "
				"appear as nobody's (--userns=host shows them)",
				len > 0 ? top : pm->source);
	}
	t->mount = index;
	t->directory = S_ISDIR(st.st_mode);
	strv_foreach (b, below)
		if (bind_submount(m, index, fd, *b, e) < 0)
			return -1;
	return 0;
}

static int dev_trees(struct maker *m, uint32_t index, struct err *e)
{
	const char *const *missing = NULL;
	int fd;

	if (dev_make(m->plan, &fd, &missing, e) < 0)
		return -1;
	if (fd >= 0)
		add(m->out, TREE_DEV, fd);
	for (; missing && *missing; missing++) {
		auto_free char *path = xasprintf("/dev/%s", *missing);
		auto_fd int node = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		int tree = node < 0 ? -errno : mount_tree_clone(node, "", 0);
		struct tree *t;

		if (tree == -ENOSYS)
			tree = take_fd(&node);
		if (tree < 0)
			return err_sys(e, tree, "take the host's device %s", path);
		t = add(m->out, TREE_NODE, tree);
		t->detached = node >= 0;
		t->mount = index;
		t->below = xstrdup(*missing);
	}
	return 0;
}

static int filter_file(struct maker *m, const char *path, struct err *e)
{
	int fd = openat(m->bundle_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open seccomp filter %s", path);
	add(m->out, TREE_FILTER, fd);
	return 0;
}

int trees_make(const struct plan *p, int bundle_fd, int userns_fd,
	void (*warn_cb)(void *ctx, const char *text), void *warn_ctx, struct trees *out,
	struct err *e)
{
	struct maker m = {p, bundle_fd, userns_fd, warn_cb, warn_ctx, out};

	memset(out, 0, sizeof(*out));
	if (root_trees(&m, e) < 0)
		return -1;
	for (uint32_t i = 0; i < p->n_mounts; i++) {
		if (p->mounts[i].kind == PLAN_BIND && bind_trees(&m, i, e) < 0)
			return -1;
		if ((int)i != p->dev)
			continue;
		if (dev_trees(&m, i, e) < 0)
			return -1;
	}
	if (p->config->hull && p->config->hull->seccomp_filter)
		return filter_file(&m, p->config->hull->seccomp_filter, e);
	return 0;
}

/* What travels: the message's head, one of these for each descriptor that comes along. */
struct wire {
	uint32_t use, mount;
	uint8_t directory, detached;
	char below[BELOW_MAX];
};
struct wire_msg {
	uint32_t type, n;
	struct wire w[WIRE_MAX];
};

int trees_send(const struct trees *t, int sync_fd)
{
	size_t i = 0;

	/* The last message is one without descriptors. */
	for (;;) {
		struct wire_msg m = {.type = SYNC_PLAN};
		int fds[WIRE_MAX], r;
		for (; i < t->n && m.n < WIRE_MAX; i++, m.n++) {
			struct wire *w = &m.w[m.n];
			w->use = t->v[i].use;
			w->mount = t->v[i].mount;
			w->directory = t->v[i].directory != 0;
			w->detached = t->v[i].detached != 0;
			if (t->v[i].below)
				snprintf(w->below, sizeof(w->below), "%s", t->v[i].below);
			fds[m.n] = t->v[i].fd;
		}
		r = ns_send_fds(sync_fd, &m, SYNC_SHORT + m.n * sizeof(struct wire), fds, m.n);
		if (r < 0 || m.n == 0)
			return r;
	}
}

int trees_receive(struct trees *out, int sync_fd)
{
	memset(out, 0, sizeof(*out));
	for (;;) {
		struct wire_msg m;
		int fds[WIRE_MAX];
		size_t n_fds = WIRE_MAX;
		ssize_t n = ns_recv_fds(sync_fd, &m, sizeof(m), fds, &n_fds);

		if (n <= 0)
			return (int)n;
		if (n < SYNC_SHORT || m.type != SYNC_PLAN || m.n != n_fds ||
			(size_t)n != SYNC_SHORT + n_fds * sizeof(struct wire))
			return -EPROTO;
		if (m.n == 0)
			return 1;
		for (size_t i = 0; i < n_fds; i++) {
			struct tree *t = add(out, (enum tree_use)m.w[i].use, fds[i]);
			t->mount = m.w[i].mount;
			t->directory = m.w[i].directory;
			t->detached = m.w[i].detached;
			if (m.w[i].below[0])
				t->below = xstrndup(m.w[i].below, BELOW_MAX - 1);
		}
	}
}

void trees_done(struct trees *t)
{
	for (size_t i = 0; i < t->n; i++) {
		fd_close_ptr(&t->v[i].fd);
		free(t->v[i].below);
	}
	free(t->v);
	memset(t, 0, sizeof(*t));
}
