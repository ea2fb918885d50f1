/* launch_mounts.c: what is bound into a container: folders and files of the host, and volumes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/launch.h"
#include "engine/volumes.h"
#include "kernel/path.h"

/* Opened once: what was checked is what is mounted, whatever happens to the path. */
static int open_bind(const struct mount_request *m, int *out_fd, struct err *e)
{
	int fd = open(m->source, O_PATH | O_CLOEXEC), r;

	if (fd < 0 && errno == ENOENT && m->create_source) {
		r = fd_mkdirs(AT_FDCWD, m->source, 0755);
		if (r < 0)
			return err_sys(
				e, r, "error while creating mount source path '%s'", m->source);
		fd = open(m->source, O_PATH | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND,
			"invalid mount config for type \"bind\": bind source path does not exist: "
			"%s",
			m->source);
	if (fd < 0)
		return err_sys(e, errno, "open the mount source %s", m->source);
	*out_fd = fd;
	return 0;
}

int launch_open_sources(struct launch *l, struct err *e)
{
	const struct mount_requests *all = &l->spec.mounts;

	l->sources = xcalloc(all->n + 1, sizeof(char *));
	l->volumes = xcalloc(all->n + 1, sizeof(char *));
	l->source_fds = xcalloc(all->n + 1, sizeof(int));
	for (size_t i = 0; i < all->n; i++)
		l->source_fds[i] = -1;
	for (size_t i = 0; i < all->n; i++) {
		const struct mount_request *m = &all->v[i];
		char random[65];

		if (m->type == MOUNT_BIND) {
			l->sources[i] = xstrdup(m->source);
			if (open_bind(m, &l->source_fds[i], e) < 0)
				return -1;
		} else if (m->type == MOUNT_VOLUME) {
			hash_random_hex(32, random);
			l->volumes[i] = xstrdup(m->source ? m->source : random);
			l->sources[i] = xasprintf("%s/" ENGINE_VOLUMES "/%s/" ENGINE_VOLUME_DATA,
				l->en->root, l->volumes[i]);
		}
	}
	return 0;
}

int launch_make_volumes(struct launch *l, struct err *e)
{
	const struct mount_requests *all = &l->spec.mounts;

	for (size_t i = 0; i < all->n; i++) {
		const struct mount_request *m = &all->v[i];
		auto_free char *path = NULL;

		if (m->type != MOUNT_VOLUME)
			continue;
		if (volumes_use(l->en, l->volumes[i], m->no_copy ? NULL : l->spec.layers,
			    m->destination, &path, e) < 0)
			return -1;
	}
	return 0;
}

static json_t *mount_json(const struct launch *l, size_t i)
{
	static const char *const types[] = {"bind", "volume", "tmpfs"};
	const struct mount_request *m = &l->spec.mounts.v[i];
	json_t *o = json_object();

	json_object_set_new(o, "Type", json_string(types[m->type]));
	if (m->type == MOUNT_VOLUME)
		json_object_set_new(o, "Name", jsonx_string(l->volumes[i]));
	json_object_set_new(o, "Source", jsonx_string(l->sources[i] ? l->sources[i] : ""));
	json_object_set_new(o, "Destination", jsonx_string(m->destination));
	if (m->type == MOUNT_VOLUME)
		json_object_set_new(o, "Driver", json_string("local"));
	json_object_set_new(o, "Mode", jsonx_string(m->mode));
	json_object_set_new(o, "RW", json_boolean(!m->read_only));
	json_object_set_new(o, "Propagation",
		json_string(*m->propagation	    ? m->propagation
			    : m->type == MOUNT_BIND ? "rprivate"
						    : ""));
	if (m->type == MOUNT_VOLUME && !m->source)
		json_object_set_new(o, "Anonymous", json_true());
	return o;
}

json_t *launch_mounts_json(const struct launch *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->spec.mounts.n; i++)
		/* Docker shows --tmpfs in HostConfig.Tmpfs only. */
		if (l->spec.mounts.v[i].type != MOUNT_TMPFS || l->spec.mounts.v[i].from_mount)
			json_array_append_new(list, mount_json(l, i));
	return list;
}

void launch_use_descriptors(struct launch *l)
{
	struct oci_config *c = &l->spec.oci;
	char path[PATH_FD_MAX];

	for (size_t i = 0; i < l->spec.mounts.n; i++) {
		if (l->source_fds[i] < 0)
			continue;
		for (size_t j = 0; j < c->n_mounts; j++)
			if (streq(c->mounts[j].destination, l->spec.mounts.v[i].destination))
				str_set(&c->mounts[j].source, path_of_fd(l->source_fds[i], path));
	}
}
