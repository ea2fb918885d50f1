/* volume_list.c: what volumes there are, who has them, and their end.
 *
 * How it works: a volume is a folder, and its name all there is to it; labels lie beside its data.
 * Which containers have it is asked of their rows. A row is stored before the volumes of its
 * container are made; so a volume is taken away by a rename within a transaction that no row can
 * come into, and a container that wants it a moment later makes a new one. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/container_store.h"
#include "engine/mode.h"
#include "engine/mounts.h"
#include "engine/volumes.h"
#include "kernel/fs.h"

#define ABOUT_MAX (4 << 20)
#define ANONYMOUS_LEN 64

static int is_anonymous(const char *name)
{
	return strlen(name) == ANONYMOUS_LEN && strspn(name, "0123456789abcdef") == ANONYMOUS_LEN;
}

static int not_there(const char *name, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "get %.200s: no such volume", name);
}

/* ---- who has it */

static int has_volume(const json_t *config, const char *name)
{
	const json_t *m;
	size_t i;

	json_array_foreach (jsonx_arr(config, "Mounts"), i, m)
		if (streq(jsonx_str(m, "Type", ""), "volume") &&
			streq(jsonx_str(m, "Name", ""), name))
			return 1;
	return 0;
}

static int add_users(struct engine *en, const char *id, struct engine_volume *v, size_t n)
{
	auto_free char *text = container_store_config(en->db, id, NULL);
	auto_json json_t *config = text ? jsonx_parse(text, strlen(text), "a container", NULL)
					: NULL;

	for (size_t i = 0; i < n; i++)
		if (has_volume(config, v[i].name))
			strv_add(&v[i].users, id);
	return 0;
}

static int find_users(struct engine *en, struct engine_volume *v, size_t n, struct err *e)
{
	struct container_row *rows = NULL;
	size_t n_rows = 0;

	if (container_store_list(en->db, &rows, &n_rows, e) < 0)
		return -1;
	for (size_t i = 0; i < n_rows; i++) {
		add_users(en, rows[i].id, v, n);
		container_row_done(&rows[i]);
	}
	free(rows);
	return 0;
}

/* ---- what there is */

static void volume_done(struct engine_volume *v)
{
	free(v->name);
	free(v->mountpoint);
	strv_free(v->users);
	json_decref(v->labels);
}

void engine_volume_list_free(struct engine_volume *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		volume_done(&v[i]);
	free(v);
}

/* -ENOENT when it is no volume. */
static int read_volume(
	struct engine *en, int volumes_fd, const char *name, struct engine_volume *out)
{
	auto_fd int fd = openat(volumes_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_buf struct buf b = BUF_MAX(ABOUT_MAX);
	auto_json json_t *about = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (fd_read_file(fd, VOLUME_ABOUT, &b) == 0 && b.data)
		about = jsonx_parse(b.data, b.len, "a volume", NULL);
	*out = (struct engine_volume){
		.name = xstrdup(name),
		.mountpoint = xasprintf(
			"%s/" ENGINE_VOLUMES "/%s/" ENGINE_VOLUME_DATA, en->root, name),
		.created_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		.labels = json_incref(json_object_get(about, "Labels")),
		.anonymous = is_anonymous(name),
	};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct engine_volume *)a)->name, ((const struct engine_volume *)b)->name);
}

static size_t read_all(struct engine *en, int volumes_fd, DIR *d, struct engine_volume **out)
{
	struct engine_volume *v = NULL;
	size_t n = 0;
	struct dirent *de;

	while ((de = readdir(d))) {
		if (mounts_volume_name_check(de->d_name, NULL) < 0) /* being made */
			continue;
		v = xreallocarray(v, n + 1, sizeof(*v));
		n += read_volume(en, volumes_fd, de->d_name, &v[n]) == 0;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_name);
	*out = v;
	return n;
}

int engine_volume_list(
	struct engine *en, int with_users, struct engine_volume **out, size_t *out_n, struct err *e)
{
	auto_fd int volumes = -1;
	struct engine_volume *v = NULL;
	size_t n;
	int fd;
	DIR *d;

	if (mode_enter(en, e) < 0 || engine_folder(en->root_fd, ENGINE_VOLUMES, &volumes, e) < 0)
		return -1;
	fd = openat(volumes, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		err_sys(e, errno, "read the folder of the volumes");
		fd_close_ptr(&fd);
		return -1;
	}
	n = read_all(en, volumes, d, &v);
	closedir(d);
	if (with_users && find_users(en, v, n, e) < 0) {
		engine_volume_list_free(v, n);
		return -1;
	}
	*out = v;
	*out_n = n;
	return 0;
}

json_t *engine_volume_inspect(struct engine *en, const char *name, struct err *e)
{
	auto_fd int volumes = -1;
	struct engine_volume v;
	char created[TIME_TEXT_MAX];
	json_t *o;

	if (mode_enter(en, e) < 0 || engine_folder(en->root_fd, ENGINE_VOLUMES, &volumes, e) < 0)
		return NULL;
	if (mounts_volume_name_check(name, NULL) < 0 || read_volume(en, volumes, name, &v) < 0) {
		not_there(name, e);
		return NULL;
	}
	time_format(v.created_ns / 1000000000 * 1000000000, created);
	o = json_object();
	json_object_set_new(o, "CreatedAt", json_string(created));
	json_object_set_new(o, "Driver", json_string("local"));
	json_object_set_new(o, "Labels", v.labels ? json_incref(v.labels) : json_null());
	json_object_set_new(o, "Mountpoint", jsonx_string(v.mountpoint));
	json_object_set_new(o, "Name", jsonx_string(v.name));
	json_object_set_new(o, "Options", json_null());
	json_object_set_new(o, "Scope", json_string("local"));
	volume_done(&v);
	return o;
}

int64_t engine_volume_size(struct engine *en, const char *name)
{
	auto_free char *path = xasprintf(ENGINE_VOLUMES "/%s/" ENGINE_VOLUME_DATA, name);
	auto_fd int fd = openat(en->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int64_t bytes = 0;

	if (fd >= 0)
		fs_tree_usage(fd, &bytes);
	return bytes;
}

/* ---- beginning and end */

static json_t *labels_json(char *const *labels)
{
	json_t *o = json_object();

	strv_foreach (l, labels) {
		const char *equals = strchr(*l, '=');
		auto_free char *key = equals ? xstrndup(*l, (size_t)(equals - *l)) : xstrdup(*l);
		json_object_set_new(o, key, jsonx_string(equals ? equals + 1 : ""));
	}
	return o;
}

int engine_volume_create(
	struct engine *en, const char *name, char *const *labels, char **out_name, struct err *e)
{
	char random[ANONYMOUS_LEN + 1];
	auto_json json_t *about = labels ? json_pack("{s:o}", "Labels", labels_json(labels)) : NULL;
	auto_free char *text = about ? jsonx_text(about, 0) : NULL;

	if (!name || !*name) {
		hash_random_hex(ANONYMOUS_LEN / 2, random);
		name = random;
	}
	if (mode_enter(en, e) < 0 || volumes_make(en, name, text, e) < 0)
		return -1;
	*out_name = xstrdup(name);
	return 0;
}

/* Within a transaction: out of the way, under a name that is garbage by itself (check_cache.c). */
static int take_away(
	struct engine *en, int volumes_fd, const char *name, const char *aside, struct err *e)
{
	struct engine_volume v = {.name = (char *)name};
	int r = find_users(en, &v, 1, e);

	if (r == 0 && v.users) {
		auto_free char *ids = strv_join(v.users, ", ");
		r = err_set(
			e, ERR_CONFLICT, "remove %.200s: volume is in use - [%.600s]", name, ids);
	}
	strv_free(v.users);
	if (r == 0 && renameat(volumes_fd, name, volumes_fd, aside) < 0)
		r = errno == ENOENT ? not_there(name, e)
				    : err_sys(e, errno, "remove the volume %s", name);
	return r;
}

int engine_volume_remove(struct engine *en, const char *name, struct err *e)
{
	auto_fd int volumes = -1;
	char aside[32] = ".new-";
	int r;

	if (mode_enter(en, e) < 0 || engine_folder(en->root_fd, ENGINE_VOLUMES, &volumes, e) < 0)
		return -1;
	if (mounts_volume_name_check(name, NULL) < 0)
		return not_there(name, e);
	hash_random_hex(8, aside + strlen(aside));
	if (db_begin(en->db, 0, e) < 0)
		return -1;
	r = take_away(en, volumes, name, aside, e);
	db_rollback(en->db);
	if (r < 0)
		return -1;
	r = fs_remove_tree(volumes, aside);
	return r < 0 ? err_sys(e, r, "remove the volume %s", name) : 0;
}
