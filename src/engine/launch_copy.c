/* launch_copy.c: the root file system as a plain copy, where overlay cannot show the layers as one
 * tree (an old kernel, or a file system it does not work on, as that of another container) or
 * nothing shows them with the container's ids.
 *
 * How it works: whether it can is asked by doing it. The run that fails so leaves a mark in the run
 * folder, with the reason, and is tried again with a copy (run.c); later ones see the mark.
 *
 * Of a user who is to be the same inside (--userns=keep-id) nobody may id-map the files: there the
 * layers themselves are copied, once for all containers (store_shift.c), and stacked as usual. */
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

void launch_owners(
	const struct oci_idmaps *uids, const struct oci_idmaps *gids, struct fs_owners *out)
{
	*out = (struct fs_owners){lines(uids), lines(gids), uids->n, gids->n};
}

void launch_owners_done(struct fs_owners *o)
{
	free((void *)o->uids);
	free((void *)o->gids);
	*o = (struct fs_owners){0};
}

static int copy_layer(const char *layer, int dst, const struct fs_owners *owners, struct err *e)
{
	auto_fd int src = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = src < 0 ? -errno : fs_copy_layer(src, dst, owners);

	return r < 0 ? err_sys(e, r, "copy the layer %s", layer) : 0;
}

static int copy_layers(struct launch *l, int dst, struct err *e)
{
	struct fs_owners owners = {0};
	/* keep-id's are copies with these owners already. */
	const struct fs_owners *to = is_shifted(l) && !l->shifted ? &owners : NULL;
	int r = 0;

	launch_owners(&l->spec.oci.uids, &l->spec.oci.gids, &owners);
	for (char **layer = l->spec.oci.hull->layers; r == 0 && *layer; layer++)
		r = copy_layer(*layer, dst, to, e);
	launch_owners_done(&owners);
	return r;
}

int launch_shift_layers(struct launch *l, struct err *e)
{
	char ***layers = &l->spec.oci.hull->layers, size[PARSE_SIZE_MAX];
	auto_strv char **shifted = NULL;
	auto_free char *why = NULL;
	struct fs_owners owners;
	int r;

	if (!l->spec.modes.keep_id || !launch_copy_possible(l) || launch_copy_wanted(l, &why))
		return 0;
	launch_owners(&l->spec.oci.uids, &l->spec.oci.gids, &owners);
	if (!store_shifted_there(l->en->store, *layers, &owners)) {
		format_size(l->spec.image->size, size);
		engine_warn(l->en,
			"the image's layers are copied (%s), once: --userns=keep-id gives its "
			"files "
			"other owners",
			size);
	}
	r = store_shifted(l->en->store, *layers, &owners, &shifted, e);
	launch_owners_done(&owners);
	if (r < 0)
		return -1;
	strv_free(*layers);
	*layers = take_ptr(shifted);
	l->shifted = 1;
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

int launch_again_possible(const struct launch *l, const struct err *why)
{
	return (why->kind == ERR_LAYERS && launch_copy_possible(l)) ||
	       (why->kind == ERR_SYSFS && launch_sys_possible(l));
}

/* An overlay that was mounted "volatile" leaves a mark there, and is mounted no second time. */
static int renew_work(struct launch *l, struct err *e)
{
	int r = l->spec.overlay && !l->copied ? fs_remove_tree(l->kept_fd, "work") : 0;

	if (r == 0 && l->spec.overlay && !l->copied && mkdirat(l->kept_fd, "work", 0700) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "make the container's work folder anew") : 0;
}

/* The monitor that failed has gone, and what it wrote with it. */
int launch_again(struct launch *l, const struct err *why, struct err *e)
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
	if (why->kind == ERR_SYSFS) {
		if (renew_work(l, e) < 0)
			return -1;
		launch_sys_bind(l);
	} else if (launch_copy_root(l, why->text, e) < 0) {
		return -1;
	}
	return launch_write_bundle(l, e);
}
