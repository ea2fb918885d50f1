/* launch_copy.c: the root file system as a plain copy, where overlay cannot show the layers as one
 * tree (an old kernel, or a file system it does not work on, as that of another container) or
 * nothing shows them with the container's ids.
 *
 * How it works: whether it can is asked by doing it. The run that fails so leaves a mark in the run
 * folder, with the reason, and is tried again with a copy (run.c); later ones see the mark. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "engine/launch.h"
#include "engine/state.h"
#include "kernel/fs.h"

#define REASON_MAX 1024

/* One for each way of showing layers. */
static const char *mark(const struct launch *l)
{
	return l->row.slot >= 0 ? "copy-own-ids" : "copy-same-ids";
}

int launch_copy_possible(const struct launch *l)
{
	/* A folder of the user's may be a whole machine. */
	return l->spec.overlay && l->spec.image && !l->copied;
}

int launch_copy_wanted(const struct launch *l, char **out_why)
{
	auto_buf struct buf b = BUF_MAX(REASON_MAX);

	if (!launch_copy_possible(l) || fd_read_file(l->en->runroot_fd, mark(l), &b) < 0)
		return 0;
	*out_why = buf_steal(&b);
	return 1;
}

static int is_shifted(const struct launch *l)
{
	return l->row.slot >= 0 || l->spec.modes.keep_id;
}

static struct ns_idmap *lines(const struct oci_idmaps *m)
{
	struct ns_idmap *v = xcalloc(m->n + 1, sizeof(*v));

	for (size_t i = 0; i < m->n; i++)
		v[i] = (struct ns_idmap){m->v[i].container_id, m->v[i].host_id, m->v[i].size};
	return v;
}

static int copy_layers(struct launch *l, int dst, struct err *e)
{
	const size_t n = is_shifted(l);
	auto_free struct ns_idmap *uids = n ? lines(&l->spec.oci.uids) : NULL;
	auto_free struct ns_idmap *gids = n ? lines(&l->spec.oci.gids) : NULL;
	const struct fs_owners owners = {
		uids, gids, n ? l->spec.oci.uids.n : 0, n ? l->spec.oci.gids.n : 0};

	strv_foreach (layer, l->spec.oci.hull->layers) {
		auto_fd int src = open(*layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r = src < 0 ? -errno : fs_copy_layer(src, dst, &owners);
		if (r < 0)
			return err_sys(e, r, "copy the layer %s", *layer);
	}
	return 0;
}

int launch_copy_root(struct launch *l, const char *why, struct err *e)
{
	struct oci_config *c = &l->spec.oci;
	const char *name = is_shifted(l) ? LAUNCH_COPY_SHIFTED : LAUNCH_COPY;
	char size[PARSE_SIZE_MAX];
	auto_fd int dst = -1;
	struct stat st;

	format_size(l->spec.image->size, size);
	engine_warn(l->en, "the root file system is copied (%s): %.*s", size,
		(int)strcspn(why, "\n"), why);
	if (mkdirat(l->kept_fd, name, 0755) < 0)
		return err_sys(e, errno, "make the container's folder %s", name);
	dst = openat(l->kept_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dst < 0)
		return err_sys(e, errno, "open the container's folder %s", name);
	if (copy_layers(l, dst, e) < 0)
		return -1;
	if (fstat(dst, &st) < 0 || fchmod(dst, (st.st_mode & 07777) | 0555) < 0)
		return err_sys(e, errno, "let everybody into the root file system");
	l->copied = 1;
	if (!l->spec.modes.keep_id)
		fd_write_file(l->en->runroot_fd, mark(l), why, strlen(why), 0600, 0);
	free(c->root_path);
	c->root_path = xasprintf("%s/" ENGINE_CONTAINERS "/%s/%s", l->en->root, l->spec.id, name);
	strv_free(c->hull->layers);
	free(c->hull->upper);
	c->hull->layers = NULL;
	c->hull->upper = NULL;
	c->hull->volatile_upper = c->hull->idmap_root = 0;
	return 0;
}

/* The monitor that failed has gone, and what it wrote with it. */
int launch_again(struct launch *l, const char *why, struct err *e)
{
	static const char *const left[] = {"exit", "state", "config.json"};

	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		unlinkat(l->run_fd, left[i], 0);
		unlinkat(l->kept_fd, left[i], 0);
	}
	if (l->lock_fd < 0) {
		l->lock_fd = container_lock(l->run_fd, 1);
		if (l->lock_fd < 0)
			return err_sys(e, l->lock_fd, "lock the container");
	}
	return launch_copy_root(l, why, e) < 0 ? -1 : launch_write_bundle(l, e);
}
