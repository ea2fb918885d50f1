/* export.c: a container's root file system as a tar.
 *
 * How it works: nothing is mounted. What the container sees is its upper folder on the image's
 * layers, and the base layer beneath all; hull-transfer merges them as overlay does. So volumes and
 * what is mounted over files (/proc, /etc/hosts) are not in it, as docker export has it, and it
 * does not matter whether the container runs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/base_layer.h"
#include "engine/container_store.h"
#include "engine/engine.h"
#include "engine/launch.h"
#include "engine/mode.h"
#include "engine/parts.h"
#include "image/store.h"

struct layers { /* topmost first */
	int *fds;
	size_t n;
};

static void layers_done(struct layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->fds[i]);
	free(l->fds);
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

static int add_base(struct engine *en, struct layers *l, struct err *e)
{
	auto_free char *path = NULL;

	return base_layer_path(en, &path, e) < 0 ? -1 : add(l, path, e);
}

static int add_image(
	struct engine *en, const struct container_row *row, struct layers *l, struct err *e)
{
	struct store_image *image = NULL;
	int r = 0;

	if (store_image_find(en->store, row->image_id, &image, e) < 0)
		return -1;
	for (size_t i = strv_len(image->layers); r == 0 && i-- > 0;)
		r = add(l, image->layers[i], e);
	store_image_free(image);
	return r;
}

static int gather(
	struct engine *en, const struct container_row *row, struct layers *l, struct err *e)
{
	auto_free char *copy = xasprintf(
		"%s/" ENGINE_CONTAINERS "/%s/" LAUNCH_COPY, en->root, row->id);
	auto_free char *shifted = xasprintf("%s-shifted", copy);
	int overlay, r;

	if (access(copy, F_OK) == 0)
		return add(l, copy, e);
	if (access(shifted, F_OK) == 0)
		return err_set(e, ERR_UNSUPPORTED,
			"its root file system is a copy with other user ids, which cannot be "
			"exported yet");
	overlay = add_upper(en, row->id, l, e);
	if (overlay < 0)
		return -1;
	r = *row->image_id ? add_image(en, row, l, e) : add(l, row->image, e);
	return r == 0 && overlay ? add_base(en, l, e) : r;
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
		r = store_export(layers.fds, layers.n, out_fd, e);
	return r < 0 ? err_wrap(e, "export %.100s", name) : 0;
}
