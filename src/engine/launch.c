/* launch.c: from a decision to a complete bundle.
 *
 * How it works: first everything that can be refused is looked at and nothing written; then the run
 * folder with its lock, which says "somebody is at work here" to all who see the row (state.h);
 * then the row, in one transaction: id, name, range of ids; then folders, files and volumes. A
 * failure undoes it all. For --rm the row is not synced and what can lie on the run folder's tmpfs
 * lies there: nobody wants it back after a crash of the machine. */
#define _GNU_SOURCE
#include "engine/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/base_layer.h"
#include "engine/files.h"
#include "engine/helpers.h"
#include "engine/idrange.h"
#include "engine/names.h"
#include "engine/remove.h"
#include "engine/seccomp.h"
#include "engine/state.h"
#include "kernel/fs.h"
#include "kernel/overlay.h"

#define NAME_TRIES 20
#define STARTERS_TRIES 400 /* each 5 ms */

static int find_helpers(struct launch *l, struct err *e)
{
	struct oci_hull *h = l->spec.oci.hull;
	const struct seccomp_wanted w = {l->spec.seccomp, l->spec.caps, l->spec.seccomp_allow};

	l->monitor = helpers_find("hull-monitor", e);
	if (!l->monitor)
		return -1;
	if (h->init && !(h->init_path = helpers_find("hull-init", e)))
		return -1;
	if (l->spec.seccomp && streq(l->spec.seccomp, "unconfined"))
		return 0;
	return seccomp_filter(l->en, &w, &h->seccomp_filter, e);
}

static int check_cidfile(const char *path, struct err *e)
{
	if (path && *path && access(path, F_OK) == 0)
		return err_set(e, ERR_CONFLICT,
			"container ID file found, make sure the other container isn't running or "
			"delete %s",
			path);
	return 0;
}

static int write_cidfile(const struct launch *l, struct err *e)
{
	const char *path = l->spec.req->cidfile;
	int r;

	if (!path || !*path)
		return 0;
	r = fd_write_file(AT_FDCWD, path, l->spec.id, ENGINE_ID_LEN, 0644, 0);
	return r < 0 ? err_sys(e, r, "failed to create the container ID file %s", path) : 0;
}

/* containers/ID beneath base, O_PATH. */
static int make_folder(int base_fd, const char *id, int *out_fd, struct err *e)
{
	auto_free char *path = xasprintf(ENGINE_CONTAINERS "/%s", id);
	int r = mkdirat(base_fd, path, 0700);

	if (r < 0 && errno == ENOENT) {
		r = mkdirat(base_fd, ENGINE_CONTAINERS, 0700);
		if (r == 0 || errno == EEXIST)
			r = mkdirat(base_fd, path, 0700);
	}
	if (r < 0)
		return err_sys(e, errno, "make the folder %s", path);
	*out_fd = openat(base_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *out_fd < 0 ? err_sys(e, errno, "open the folder %s", path) : 0;
}

/* Under a name with a dot until it is locked: a folder named like a container whose lock nobody
 * holds is garbage (sweep.c). */
static int make_run_folder(struct launch *l, struct err *e)
{
	auto_free char *hidden = xasprintf(".%s", l->spec.id);
	auto_free char *from = xasprintf(ENGINE_CONTAINERS "/.%s", l->spec.id);
	auto_free char *to = xasprintf(ENGINE_CONTAINERS "/%s", l->spec.id);

	if (make_folder(l->en->runroot_fd, hidden, &l->run_fd, e) == 0) {
		l->run_path = xasprintf("%s/%s", l->en->runroot, to);
		l->lock_fd = container_lock(l->run_fd, 1);
		if (l->lock_fd < 0)
			err_sys(e, l->lock_fd, "lock the container");
		else if (renameat(l->en->runroot_fd, from, l->en->runroot_fd, to) < 0)
			err_sys(e, errno, "make the folder %s", l->run_path);
		else
			return 0;
	}
	fs_remove_tree(l->en->runroot_fd, from);
	return -1;
}

static void fill_row(struct launch *l)
{
	const struct spec *s = &l->spec;
	json_t *json = spec_json(s);

	json_object_set_new(json, "Mounts", launch_mounts_json(l));
	l->row.id = xstrdup(s->id);
	l->row.image = xstrdup(s->image ? s->req->image : s->rootfs);
	l->row.image_id = xstrdup(s->image ? s->image->id : "");
	l->row.created_ns = time_now_ns();
	l->row.slot = -1;
	l->row.ephemeral = s->req->remove;
	l->row.started = 1;
	l->row.config = jsonx_text(json, 0);
	json_decref(json);
}

static int choose_ids(struct launch *l, const struct idrange_taken *taken, struct err *e)
{
	int64_t n = idrange_slots(spec_id_max(&l->spec));

	if (!l->spec.modes.user_ns || l->en->nested)
		return 0;
	if (n < 0)
		return err_set(e, ERR_UNSUPPORTED,
			"the container needs the user id %lld, and a range of its own ends at "
			"%lld: "
			"--userns=host gives it the host's ids",
			(long long)spec_id_max(&l->spec),
			(long long)IDRANGE_SLOTS_MAX * IDRANGE_SIZE - 1);
	l->row.n_slots = n;
	return idrange_find(l->en->db, taken, n, &l->row.slot, e);
}

static int choose_name(struct launch *l, struct err *e)
{
	const char *wanted = l->spec.req->name;
	char name[NAMES_MAX];

	if (wanted && *wanted) {
		l->row.name = xstrdup(*wanted == '/' ? wanted + 1 : wanted);
		return 0;
	}
	for (int i = 0; i < NAME_TRIES; i++) {
		int taken;
		names_random(name, i > 2);
		taken = container_store_name_taken(l->en->db, name, e);
		if (taken < 0)
			return -1;
		if (!taken)
			break;
	}
	l->row.name = xstrdup(name);
	return 0;
}

/* A name that an unfinished --rm container holds, whose hull and monitor were killed, is free. */
static void free_name(struct launch *l)
{
	const char *wanted = l->spec.req->name;
	struct container_row old;
	struct container_state state;

	if (!wanted || !*wanted || container_store_find(l->en->db, wanted, &old, NULL) < 0)
		return;
	container_state_read(l->en, &old, &state);
	if (state.phase == PHASE_GARBAGE)
		engine_container_cleanup(l->en, old.id, NULL);
	container_state_done(&state);
	container_row_done(&old);
}

/* Asked anew where rmi asks for containers: one of the two sees the other. */
static int check_image(struct launch *l, struct err *e)
{
	int r = l->spec.image ? store_image_there(l->en->store, l->spec.image->id, e) : 1;

	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "No such image: %.400s: it was removed just now",
			l->spec.req->image);
	return r < 0 ? -1 : 0;
}

static int store_row(struct launch *l, struct err *e)
{
	struct idrange_taken taken = {0};
	int r;

	fill_row(l);
	free_name(l);
	if (l->spec.modes.user_ns && !l->en->nested)
		idrange_taken_read(&taken); /* before the lock is held */
	r = db_begin(l->en->db, !l->row.ephemeral, e);
	if (r == 0) {
		if (check_image(l, e) == 0 && choose_name(l, e) == 0 &&
			choose_ids(l, &taken, e) == 0 &&
			container_store_add(l->en->db, &l->row, e) == 0 &&
			net_reserve(l->en, &l->spec, l->row.ephemeral, &l->net, e) == 0)
			r = db_commit(l->en->db, e);
		else
			r = -1;
		if (r < 0)
			db_rollback(l->en->db);
	}
	idrange_taken_done(&taken);
	l->stored = r == 0;
	return r;
}

/* The upper folder's root is what the container sees as "/": it looks like the image's, except that
 * all may enter (archives of old Alpine have it 0700, and Docker shows 0755 whatever it is). */
static int make_upper(struct launch *l, struct err *e)
{
	char *const *layers = l->spec.oci.hull->layers;
	const char *top = layers[strv_len(layers) - 1];
	auto_fd int upper = -1;
	struct stat st;

	if (stat(top, &st) < 0)
		return err_sys(e, errno, "open the layer %s", top);
	if (mkdirat(l->kept_fd, "upper", 0755) < 0 || mkdirat(l->kept_fd, "work", 0700) < 0)
		return err_sys(e, errno, "make the container's folders");
	upper = openat(l->kept_fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0)
		return err_sys(e, errno, "open the container's folder");
	if (((st.st_uid || st.st_gid) && fchown(upper, st.st_uid, st.st_gid) < 0) ||
		fchmod(upper, (st.st_mode & 07777) | 0555) < 0)
		return err_sys(e, errno, "give the container's folder its owner and mode");
	return 0;
}

static int add_base(struct launch *l, struct err *e)
{
	char ***layers = &l->spec.oci.hull->layers, **all = NULL, *base;

	if (base_layer_path(l->en, &base, e) < 0)
		return -1;
	strv_take(&all, base);
	strv_extend(&all, *layers);
	strv_free(*layers);
	*layers = all;
	return 0;
}

static int make_files(struct launch *l, struct err *e)
{
	const struct spec *s = &l->spec;
	/* Root's of the container; with keep-id that is the user's second id. */
	uid_t owner = l->row.slot >= 0 ? idrange_host_id(l->row.slot) : s->modes.keep_id ? 1 : 0;
	int ephemeral = l->row.ephemeral;
	auto_free char *kept_path = xasprintf("%s/" ENGINE_CONTAINERS "/%s", l->en->root, s->id);

	net_describe(&l->net, &l->spec);
	if (files_write(s, ephemeral ? l->run_fd : l->kept_fd, owner, e) < 0)
		return -1;
	spec_add_mounts(&l->spec, l->sources, s->join.files ?: ephemeral ? l->run_path : kept_path);
	return 0;
}

int launch_write_bundle(const struct launch *l, struct err *e)
{
	auto_free char *text = oci_config_text(&l->spec.oci);
	auto_fd int fd = openat(l->run_fd, "config.json",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (!text)
		return err_set(e, ERR_INVALID, "the container's configuration is too large");
	if (fd < 0)
		return err_sys(e, errno, "make %s/config.json", l->run_path);
	r = fd_write_all(fd, text, strlen(text));
	return r < 0 ? err_sys(e, r, "write %s/config.json", l->run_path) : 0;
}

/* Before 5.11, the layers of an image need overlay's other marks. */
static int add_old_marks(struct launch *l, struct err *e)
{
	if (!l->spec.image || l->en->nested || !overlay_needs_trusted_marks())
		return 0;
	strv_foreach (layer, l->spec.layers) {
		auto_fd int fd = open(*layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = fd < 0 ? -errno : overlay_marks_trust(fd);

		if (r < 0)
			return err_sys(e, r, "mark the opaque folders of %s", *layer);
	}
	return 0;
}

static int build(struct launch *l, struct err *e)
{
	struct spec *s = &l->spec;
	auto_free char *why = NULL;

	if (make_folder(l->en->root_fd, s->id, &l->kept_fd, e) < 0 || add_old_marks(l, e) < 0 ||
		(s->overlay && (add_base(l, e) < 0 || launch_shift_layers(l, e) < 0 ||
				       make_upper(l, e) < 0)) ||
		launch_make_volumes(l, e) < 0 || make_files(l, e) < 0)
		return -1;
	if (s->modes.user_ns)
		spec_set_ids(s, l->row.slot < 0 ? 0 : idrange_host_id(l->row.slot),
			(uint32_t)l->row.n_slots * IDRANGE_SIZE);
	if (launch_copy_wanted(l, &why) && launch_copy_root(l, why, e) < 0)
		return -1;
	if (launch_sys_wanted(l))
		launch_sys_bind(l);
	if (launch_write_bundle(l, e) < 0)
		return -1;
	launch_use_descriptors(l);
	l->net.run_fd = l->run_fd;
	l->net.en = l->en;
	l->net.name = l->row.name;
	return net_up(l->en, &l->net, e) < 0 ? -1 : write_cidfile(l, e);
}

static int prepare(struct launch *l, const struct engine_run *req, struct err *e)
{
	struct spec *s = &l->spec;

	hash_random_hex(ENGINE_ID_LEN / 2, s->id);
	if (req->name && *req->name &&
		container_name_check(*req->name == '/' ? req->name + 1 : req->name, e) < 0)
		return -1;
	if (check_cidfile(req->cidfile, e) < 0 || spec_make(l->en, req, s, e) < 0 ||
		net_parse(l->en, s, &l->net, e) < 0 || launch_open_sources(l, e) < 0 ||
		find_helpers(l, e) < 0)
		return -1;
	return make_run_folder(l, e) < 0 || store_row(l, e) < 0 ? -1 : build(l, e);
}

/* What is made before the container has its own lock, or beside it (filters, base layer, volumes),
 * is made under a shared lock on the run folder: whoever has it alone (check.c) finds only garbage
 * there. Somebody who keeps it does not keep us from running. */
static int prepare_alone(struct launch *l, const struct engine_run *req, struct err *e)
{
	auto_fd int starters = openat(l->en->runroot_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; flock(starters, LOCK_SH | LOCK_NB) < 0 && i < STARTERS_TRIES; i++)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	return prepare(l, req, e);
}

int launch_prepare(struct engine *en, const struct engine_run *req, struct launch *l, struct err *e)
{
	*l = (struct launch){.en = en, .run_fd = -1, .lock_fd = -1, .kept_fd = -1, .net = NET_NONE};
	if (prepare_alone(l, req, e) == 0) {
		if (req->out_id)
			memcpy(req->out_id, l->spec.id, ENGINE_ID_LEN + 1);
		return 0;
	}
	launch_erase(l, ERASE_VOLUMES | ERASE_VOLATILE, NULL);
	return -1;
}

int launch_erase(struct launch *l, int flags, struct err *e)
{
	if (!l->row.id) { /* nothing but perhaps the run folder */
		if (l->run_fd >= 0)
			l->row.id = xstrdup(l->spec.id);
		else
			return 0;
	}
	if (!l->spec.mounts.n)
		flags &= ~ERASE_VOLUMES;
	if (!l->net.n)
		flags |= ERASE_NO_NETWORK;
	return container_erase(l->en, &l->row, flags, e);
}

void launch_done(struct launch *l)
{
	for (size_t i = 0; l->sources && i < l->spec.mounts.n; i++) {
		free(l->sources[i]);
		free(l->volumes[i]);
		fd_close_ptr(&l->source_fds[i]);
	}
	free(l->sources);
	free(l->volumes);
	free(l->source_fds);
	fd_close_ptr(&l->run_fd);
	fd_close_ptr(&l->lock_fd);
	fd_close_ptr(&l->kept_fd);
	free(l->monitor);
	free(l->run_path);
	container_row_done(&l->row);
	net_done(&l->net);
	spec_done(&l->spec);
}
