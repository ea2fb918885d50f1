/* spec.c: request, image and defaults become one OCI configuration. */
#define _GNU_SOURCE
#include "engine/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/delegate.h"
#include "engine/idrange.h"
#include "engine/parts.h"

static int check_request(const struct engine_run *req, struct err *e)
{
	if (!req->image && !req->rootfs)
		return err_set(e, ERR_INVALID, "no image is named");
	if (req->image && req->rootfs)
		return err_set(e, ERR_INVALID, "an image and --rootfs exclude each other");
	if (req->pull && *req->pull && !streq(req->pull, "missing") && !streq(req->pull, "never"))
		return err_set(e, ERR_UNSUPPORTED,
			"--pull=%s is not supported yet: there is no registry to pull from",
			req->pull);
	if (req->stop_signal && *req->stop_signal && spec_signal(req->stop_signal) < 0)
		return err_set(e, ERR_INVALID, "invalid signal: %s", req->stop_signal);
	return 0;
}

/* "os/arch[/variant]" or "arch" must be what the image is: there is nothing else to choose from. */
static int check_platform(const struct spec *s, struct err *e)
{
	const struct oci_image *i = &s->image->config;
	const char *want = s->req->platform;
	auto_free char *full = NULL;

	if (!want || !*want)
		return 0;
	full = xasprintf("%s/%s", i->os ? i->os : "", i->architecture ? i->architecture : "");
	if (streq(want, full) || (i->architecture && streq(want, i->architecture)))
		return 0;
	const char *rest = str_after(want, full);
	if (rest && *rest == '/' && i->variant && streq(rest + 1, i->variant))
		return 0;
	return err_set(e, ERR_NOT_FOUND,
		"image with reference %s was found but does not provide the specified platform "
		"(%s): it is %s",
		s->req->image, want, full);
}

static int open_rootfs(struct spec *s, struct err *e)
{
	struct stat st;

	s->rootfs = realpath(s->req->rootfs, NULL);
	if (!s->rootfs || stat(s->rootfs, &st) < 0)
		return err_sys(e, errno, "--rootfs %s", s->req->rootfs);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "--rootfs %s is not a folder", s->req->rootfs);
	if (streq(s->rootfs, "/") && !s->req->rootfs_overlay)
		return err_set(e, ERR_INVALID,
			"--rootfs / would put mount points and files into the running system; "
			"--rootfs /:O uses it as the lower layer of a throw-away overlay");
	strv_add(&s->layers, s->rootfs);
	return 0;
}

int spec_root(struct engine *en, struct spec *s, struct err *e)
{
	struct oci_config *c = &s->oci;

	if (s->req->rootfs) {
		if (open_rootfs(s, e) < 0)
			return -1;
		s->overlay = s->req->rootfs_overlay;
	} else {
		if (store_image_find(en->store, s->req->image, &s->image, e) < 0 ||
			check_platform(s, e) < 0)
			return -1;
		s->layers = strv_dup(s->image->layers);
		s->overlay = 1;
		if (!s->layers)
			return err_set(e, ERR_INVALID, "the image %s has no layers", s->req->image);
	}
	c->root_path = xstrdup(s->overlay ? "rootfs" : s->rootfs);
	c->root_readonly = s->req->read_only;
	c->hull = xcalloc(1, sizeof(*c->hull));
	c->hull->idmap_root = s->modes.user_ns && !s->uids;
	if (s->overlay) {
		c->hull->layers = strv_dup(s->layers);
		c->hull->upper = xasprintf("%s/" ENGINE_CONTAINERS "/%s", en->root, s->id);
		c->hull->volatile_upper = s->req->remove;
	}
	return 0;
}

static void add_namespaces(struct spec *s)
{
	const struct spec_modes *m = &s->modes;
	const struct {
		const char *type;
		int wanted;
	} all[] = {
		{"mount", 1},
		{"user", m->user_ns},
		{"pid", !m->pid_host},
		{"ipc", !m->ipc_host},
		{"uts", !m->uts_host},
		{"network", m->network == NETWORK_OWN || m->network == NETWORK_NONE},
		{"cgroup", !m->cgroup_host},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].wanted)
			oci_config_add_namespace(&s->oci, all[i].type, NULL);
	if (m->network == NETWORK_CONTAINER) {
		auto_free char *path = xasprintf("/proc/self/fd/%d", s->join.fd);
		oci_config_add_namespace(&s->oci, "network", path);
	}
}

char *spec_cgroup_path(const struct cgroup_host *h, const char *parent, const char *id)
{
	const char *standard = h->delegated ? "/" : "/hull";
	auto_free char *clean = mounts_clean_path(parent && *parent ? parent : standard);

	return xasprintf(
		"%s%s/%s", h->delegated ? h->delegated : "", streq(clean, "/") ? "" : clean, id);
}

/* A cgroup of its own: /hull/ID, or beneath --cgroup-parent; all of it beneath what systemd gave us
 * where it rules (delegate.h). */
static int set_cgroup(struct spec *s, struct err *e)
{
	const char *parent = s->req->cgroup_parent;

	if (parent && str_ends(parent, ".slice"))
		return err_set(e, ERR_UNSUPPORTED,
			"--cgroup-parent %s: slices of systemd are not supported, give a path of "
			"cgroups such as /work",
			parent);
	s->oci.cgroups_path = spec_cgroup_path(&s->cgroups, parent, s->id);
	return 0;
}

int64_t spec_id_max(const struct spec *s)
{
	int64_t max = s->image && s->image->uid_max > 0 ? s->image->uid_max : 0;

	max = s->who.uid > max ? s->who.uid : max;
	for (size_t i = 0; i < s->who.n_groups; i++)
		max = s->who.groups[i] > max ? s->who.groups[i] : max;
	return max;
}

void spec_set_ids(struct spec *s, uint32_t first, uint32_t count)
{
	if (s->modes.keep_id)
		return; /* they are there since spec_keep_id */
	if (!s->uids) {
		oci_idmaps_add(&s->oci.uids, 0, first, count);
		oci_idmaps_add(&s->oci.gids, 0, first, count);
		return;
	}
	/* Each for itself, line by line: one must not cross a seam of the map above. */
	for (size_t i = 0; i < s->uids->n; i++)
		oci_idmaps_add(&s->oci.uids, s->uids->v[i].inside, s->uids->v[i].inside,
			s->uids->v[i].count);
	for (size_t i = 0; i < s->gids->n; i++)
		oci_idmaps_add(&s->oci.gids, s->gids->v[i].inside, s->gids->v[i].inside,
			s->gids->v[i].count);
}

static int set_annotations(struct spec *s, struct err *e)
{
	strv_foreach (a, s->req->annotations) {
		const char *equals = strchr(*a, '=');
		auto_free char *key = NULL;

		if (!equals || equals == *a)
			return err_set(e, ERR_INVALID,
				"invalid argument \"%s\" for \"--annotation\" flag: the form is "
				"KEY=VALUE",
				*a);
		if (!s->oci.annotations)
			s->oci.annotations = json_object();
		key = xstrndup(*a, (size_t)(equals - *a));
		json_object_set_new(s->oci.annotations, key, jsonx_string(equals + 1));
	}
	return 0;
}

int spec_make(struct engine *en, const struct engine_run *req, struct spec *s, struct err *e)
{
	s->req = req;
	if (en->nested) {
		s->uids = &en->uids;
		s->gids = &en->gids;
	}
	oci_config_init(&s->oci);
	s->oci.version = xstrdup("1.3.0");
	if (check_request(req, e) < 0 || spec_modes(req, &s->modes, e) < 0)
		return -1;
	if (!en->nested)
		spec_modes_fit(req, &s->modes);
	else if (!req->networks) /* networks are the machine's root's, so far */
		s->modes.network = NETWORK_NONE;
	s->join.fd = -1;
	if (s->modes.network == NETWORK_CONTAINER && spec_join(en, s, e) < 0)
		return -1;
	if (s->modes.keep_id && spec_keep_id(s, e) < 0)
		return -1;
	if (delegate_probe(&s->cgroups, e) < 0 || spec_root(en, s, e) < 0)
		return -1;
	add_namespaces(s);
	if (spec_process(s, e) < 0 || spec_security(en, s, e) < 0 || spec_resources(s, e) < 0 ||
		spec_limits(en, s, e) < 0 || spec_devices(s, e) < 0 || spec_mounts(s, e) < 0 ||
		set_cgroup(s, e) < 0)
		return -1;
	return set_annotations(s, e);
}

void spec_done(struct spec *s)
{
	store_image_free(s->image);
	strv_free(s->layers);
	free(s->rootfs);
	users_who_done(&s->who);
	free(s->user);
	free(s->hostname);
	strv_free(s->config_env);
	free(s->workdir);
	strv_free(s->entrypoint);
	strv_free(s->cmd);
	json_decref(s->labels);
	free(s->seccomp);
	strv_free(s->seccomp_allow);
	mount_requests_done(&s->mounts);
	strv_free(s->device_binds);
	strv_free(s->extra_hosts);
	if (s->join.id)
		fd_close_ptr(&s->join.fd);
	free(s->join.id);
	free(s->join.files);
	free(s->join.hostname);
	strv_free(s->name_servers);
	oci_config_done(&s->oci);
	cgroup_host_done(&s->cgroups);
	*s = (struct spec){0};
}
