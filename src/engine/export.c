/* export.c: a container's root file system as a tar.
 *
 * How it works: nothing is mounted. What the container sees is its upper folder on the image's
 * layers, and the base layer beneath all; hull-transfer merges them as overlay does. So volumes and
 * what is mounted over files (/proc, /etc/hosts) are not in it, as docker export has it, and it
 * does not matter whether the container runs. Files that were given other owners on the disk (a
 * copy, or layers of --userns=keep-id) are read by a worker with the container's id map. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/base_layer.h"
#include "engine/container_store.h"
#include "engine/engine.h"
#include "engine/idrange.h"
#include "engine/launch.h"
#include "engine/mode.h"
#include "engine/parts.h"
#include "image/store.h"

struct layers { /* topmost first */
	int *fds;
	size_t n;
	int shifted;		 /* the files have other owners */
	struct fs_owners owners; /* by this map */
};

static void layers_done(struct layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->fds[i]);
	free(l->fds);
	launch_owners_done(&l->owners);
}
#define auto_layers __attribute__((cleanup(layers_done)))

static void take(struct layers *l, int fd)
{
	l->fds = xreallocarray(l->fds, l->n + 1, sizeof(int));
	l->fds[l->n++] = fd;
}

static int add(struct layers *l, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open the folder %s", path);
	take(l, fd);
	return 0;
}

/* 1, 0: it has none (--rootfs DIR without an overlay), -1 */
static int add_upper(struct engine *en, const char *id, struct layers *l, struct err *e)
{
	auto_free char *path = xasprintf("%s/" ENGINE_CONTAINERS "/%s/upper", en->root, id);

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return add(l, path, e) < 0 ? -1 : 1;
}

/* Lowest first. */
static int add_all(struct engine *en, char *const *paths, struct layers *l, struct err *e)
{
	auto_strv char **shifted = NULL;

	if (l->shifted) {
		if (store_shifted(en->store, paths, &l->owners, &shifted, e) < 0)
			return -1;
		paths = shifted;
	}
	for (size_t i = strv_len(paths); i-- > 0;)
		if (add(l, paths[i], e) < 0)
			return -1;
	return 0;
}

static int add_image(struct engine *en, const struct container_row *row, int base, struct layers *l,
	struct err *e)
{
	struct store_image *image = NULL;
	auto_strv char **paths = NULL;
	char *path = NULL;
	int r;

	if (base) {
		if (base_layer_path(en, &path, e) < 0)
			return -1;
		strv_take(&paths, path);
	}
	if (!*row->image_id) { /* a folder of the user's */
		strv_add(&paths, row->image);
		return add_all(en, paths, l, e);
	}
	if (store_image_find(en->store, row->image_id, &image, e) < 0)
		return -1;
	strv_extend(&paths, image->layers);
	r = add_all(en, paths, l, e);
	store_image_free(image);
	return r;
}

static int is_keep_id(struct engine *en, const struct container_row *row)
{
	auto_free char *text = container_store_config(en->db, row->id, NULL);
	auto_json json_t *config = text ? jsonx_parse(text, strlen(text), "a container", NULL)
					: NULL;

	return *row->image_id && en->uids.n && en->gids.n &&
	       streq(jsonx_str(jsonx_obj(config, "HostConfig"), "UsernsMode", ""), "keep-id");
}

/* The map by which the container's files have other owners here. */
static void find_owners(struct engine *en, const struct container_row *row, struct layers *l)
{
	struct oci_idmaps uids = {0}, gids = {0};

	if (row->slot >= 0) {
		const uint32_t n = (uint32_t)row->n_slots * IDRANGE_SIZE;
		oci_idmaps_add(&uids, 0, idrange_host_id(row->slot), n);
		oci_idmaps_add(&gids, 0, idrange_host_id(row->slot), n);
	} else if (is_keep_id(en, row)) {
		spec_keep_id_maps(&en->uids, &en->gids, &uids, &gids);
	}
	launch_owners(&uids, &gids, &l->owners);
	free(uids.v);
	free(gids.v);
}

static int gather(
	struct engine *en, const struct container_row *row, struct layers *l, struct err *e)
{
	auto_free char *copy = xasprintf(
		"%s/" ENGINE_CONTAINERS "/%s/" LAUNCH_COPY, en->root, row->id);
	auto_free char *shifted = xasprintf("%s-shifted", copy);
	int overlay;

	if (access(copy, F_OK) == 0)
		return add(l, copy, e);
	find_owners(en, row, l);
	if (access(shifted, F_OK) == 0) {
		l->shifted = 1;
		return add(l, shifted, e);
	}
	/* An id-mapped mount shows what lies on the disk as it is inside. */
	l->shifted = row->slot < 0 && l->owners.n_uids;
	overlay = add_upper(en, row->id, l, e);
	return overlay < 0 ? -1 : add_image(en, row, overlay, l, e);
}

int engine_container_export(struct engine *en, const char *name, int out_fd, struct err *e)
{
	auto_layers struct layers layers = {0};
	struct container_row row = {0};
	int r;

	if (mode_enter(en, e) < 0 || container_store_find(en->db, name, &row, e) < 0)
		return -1;
	r = gather(en, &row, &layers, e);
	container_row_done(&row);
	if (r == 0)
		r = store_export(
			layers.fds, layers.n, layers.shifted ? &layers.owners : NULL, out_fd, e);
	return r < 0 ? err_wrap(e, "export %.100s", name) : 0;
}
