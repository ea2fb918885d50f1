/* load_image.c: one image of an archive goes into the store.
 *
 * How it works: first its configuration is read and checked, and that nothing is missing. Then each
 * layer that the store has not yet is unpacked into a .tmp folder, and compressed ones that a
 * manifest names are kept as they are, in the staging folder; each digest is compared with what the
 * manifest and the configuration promise. One sync, and one durable transaction gives everything
 * its name: killed before it there is garbage, after it the image is whole. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/load_parts.h"
#include "image/reference.h"

#define COPY_SIZE ((size_t)256 << 10)

struct staged_layer {
	const char *diff_id; /* of the configuration */
	struct load_file file;
	const struct oci_descriptor *descriptor; /* NULL without a manifest */
	int blob;				 /* compressed, and to be kept with the image */
	int unpacked;				 /* tmp and recipe are to be named */
	int blob_staged;			 /* blob_name is to be named */
	struct store_tmp tmp;
	struct store_layer layer;
	char recipe_name[32], blob_name[32];
};

struct staging {
	struct load *l;
	struct load_image *image;
	struct oci_image config;
	struct buf config_text;
	char id[72];
	struct staged_layer *layers;
	size_t n;
};

static void staging_done(struct staging *g)
{
	for (size_t i = 0; i < g->n; i++) {
		load_file_done(&g->layers[i].file);
		store_tmp_done(g->l->s, &g->layers[i].tmp);
	}
	free(g->layers);
	oci_image_done(&g->config);
	buf_done(&g->config_text);
}

/* ---- before anything is unpacked */

static int read_config(struct staging *g, struct err *e)
{
	struct load_image *image = g->image;
	struct buf *b = &g->config_text;
	char hex[HASH_HEX + 1];
	int r = load_read(&g->l->source, image->config_path, b, e);

	if (r == 0)
		return err_set(e, ERR_INVALID, "the archive is not complete: %.300s is missing",
			image->config_path);
	if (r < 0)
		return -1;
	hash_sha256_hex(b->data, b->len, hex);
	snprintf(g->id, sizeof(g->id), "sha256:%s", hex);
	if ((image->config_digest && !streq(image->config_digest, g->id)) ||
		(image->manifest && image->manifest->config.size != (int64_t)b->len))
		return err_set(e, ERR_INVALID,
			"the archive is damaged: %.300s has the digest %.12s... and %zu bytes, "
			"which is not what the image says",
			image->config_path, hex, b->len);
	return oci_image_parse(b->data, b->len, &g->config, e);
}

/* Only when somebody has asked for a platform. */
static int check_platform(const struct staging *g, struct err *e)
{
	const struct oci_platform have = {g->config.architecture, g->config.os, g->config.variant};

	if (!g->l->req->platform || oci_platform_fit(&g->l->want, &have))
		return 0;
	auto_free char *want = oci_platform_text(&g->l->want);
	auto_free char *text = oci_platform_text(&have);
	return err_set(e, ERR_NOT_FOUND, "the archive has an image for %s, not for %s", text, want);
}

static int check_layers(const struct staging *g, struct err *e)
{
	size_t n = strv_len(g->config.diff_ids);

	if (n != strv_len(g->image->layers))
		return err_set(e, ERR_INVALID,
			"the image's configuration has %zu layers, the archive lists %zu: they do "
			"not belong together",
			n, strv_len(g->image->layers));
	if (n == 0)
		return err_set(e, ERR_INVALID, "the image has no layers");
	return 0;
}

static int find_layers(struct staging *g, struct err *e)
{
	size_t n = strv_len(g->config.diff_ids);

	g->layers = xcalloc(n, sizeof(*g->layers));
	for (size_t i = 0; i < n; i++) {
		struct staged_layer *y = &g->layers[g->n++];
		const struct oci_descriptor *d = g->image->manifest ? &g->image->manifest->layers[i]
								    : NULL;
		int r;

		*y = (struct staged_layer){
			.diff_id = g->config.diff_ids[i], .descriptor = d, .tmp.fd = -1};
		r = load_find(&g->l->source, g->image->layers[i], &y->file, e);
		if (r == 0)
			return err_set(e, ERR_INVALID,
				"the archive is not complete: layer %.300s is missing",
				g->image->layers[i]);
		if (r < 0)
			return -1;
		if (d && d->size != y->file.size)
			return err_set(e, ERR_INVALID,
				"the archive is damaged: layer %.300s has %lld bytes, its manifest "
				"says %lld",
				g->image->layers[i], (long long)y->file.size, (long long)d->size);
		y->blob = d && !streq(d->digest, y->diff_id);
	}
	return 0;
}

/* ---- layers */

static int is_there(struct store *s, const char *diff_id)
{
	int64_t there;

	return db_int(s->db, &there, NULL, "SELECT 1 FROM recipes WHERE diff_id = ?", "s",
		       diff_id) == 1;
}

/* Once more in the same image: legal, and seen in the wild. */
static int is_staged(const struct staging *g, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (g->layers[k].unpacked && streq(g->layers[k].diff_id, g->layers[i].diff_id))
			return 1;
	return 0;
}

static int is_blob_staged(const struct staging *g, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (g->layers[k].blob_staged &&
			streq(g->layers[k].descriptor->digest, g->layers[i].descriptor->digest))
			return 1;
	return 0;
}

static int wrong_digest(
	size_t i, const char *got, const char *want, const char *whose, struct err *e)
{
	return err_set(e, ERR_INVALID,
		"the archive is damaged: layer %zu has the digest %.19s..., its %s says %.19s...",
		i, got, whose, want);
}

/* What came out against what was promised. */
static int check_unpacked(
	const struct staged_layer *y, size_t i, const struct transfer_result *got, struct err *e)
{
	char blob[72];

	if (!streq(y->layer.diff_id, y->diff_id))
		return wrong_digest(i, y->layer.diff_id, y->diff_id, "configuration", e);
	if (!y->descriptor)
		return 0;
	snprintf(blob, sizeof(blob), "sha256:%s", got->compressed ? got->blob_digest : got->digest);
	if (!streq(blob, y->descriptor->digest))
		return wrong_digest(i, blob, y->descriptor->digest, "manifest", e);
	return 0;
}

static int unpack(struct staging *g, size_t i, int want_blob, struct err *e)
{
	struct staged_layer *y = &g->layers[i];
	struct load *l = g->l;
	struct layer_unpack u = {
		.s = l->s,
		.tmp = &y->tmp,
		.stage = &l->stage,
		.archive_fd = y->file.fd,
		.length = y->file.size,
		.max_bytes = l->req->max_bytes,
		.recipe_name = y->recipe_name,
		.blob_name = want_blob ? y->blob_name : NULL,
	};

	if (store_tmp_make(l->s, &y->tmp, e) < 0)
		return -1;
	if (lseek(y->file.fd, y->file.offset, SEEK_SET) < 0)
		return err_sys(e, errno, "read the archive");
	if (layer_unpack(&u, e) < 0)
		return err_wrap(e, "layer %zu", i);
	y->layer = u.layer;
	y->unpacked = 1;
	y->blob_staged = want_blob;
	return check_unpacked(y, i, &u.result, e);
}

/* Of a layer whose content is in the store already. */
static int copy_blob(struct staging *g, size_t i, struct err *e)
{
	struct staged_layer *y = &g->layers[i];
	auto_free char *room = xmalloc(COPY_SIZE);
	auto_fd int out = -1;
	char digest[72] = "sha256:";
	struct hash h;

	if (store_stage_file(g->l->s, &g->l->stage, y->blob_name, &out, e) < 0)
		return -1;
	hash_start(&h);
	for (int64_t at = 0; at < y->file.size;) {
		int64_t left = y->file.size - at;
		ssize_t n = pread(y->file.fd, room,
			left < (int64_t)COPY_SIZE ? (size_t)left : COPY_SIZE, y->file.offset + at);
		int r = n < 0 ? -errno : n == 0 ? -EIO : fd_write_all(out, room, (size_t)n);

		if (r == -EINTR)
			continue;
		if (r < 0)
			return err_sys(e, r, "copy layer %zu of the archive", i);
		hash_add(&h, room, (size_t)n);
		at += n;
	}
	hash_end(&h, digest + strlen(digest));
	if (!streq(digest, y->descriptor->digest))
		return wrong_digest(i, digest, y->descriptor->digest, "manifest", e);
	y->blob_staged = 1;
	return 0;
}

static int stage_layer(struct staging *g, size_t i, struct err *e)
{
	struct staged_layer *y = &g->layers[i];
	size_t number = g->l->n_staged++;
	int want_blob = y->blob && !store_blob_there(g->l->s, y->descriptor->digest) &&
			!is_blob_staged(g, i);

	snprintf(y->recipe_name, sizeof(y->recipe_name), "recipe-%zu", number);
	snprintf(y->blob_name, sizeof(y->blob_name), "blob-%zu", number);
	if (!is_there(g->l->s, y->diff_id) && !is_staged(g, i))
		return unpack(g, i, want_blob, e);
	return want_blob ? copy_blob(g, i, e) : 0;
}

/* ---- the transaction */

static int name_layer(struct staging *g, struct staged_layer *y, struct err *e)
{
	struct load *l = g->l;

	if (y->unpacked && (store_layer_add(l->s, &y->tmp, &y->layer, e) < 0 ||
				   store_recipe_add(l->s, &l->stage, y->recipe_name, y->diff_id,
					   y->layer.tar_size, e) < 0))
		return -1;
	if (y->blob_staged &&
		store_blob_add(l->s, &l->stage, y->blob_name, y->descriptor->digest, e) < 0)
		return -1;
	return 0;
}

/* Somebody may have removed since what was there when we looked. */
static int check_rows(const struct staging *g, struct err *e)
{
	for (size_t i = 0; i < g->n; i++)
		if (!is_there(g->l->s, g->layers[i].diff_id))
			return err_set(e, ERR_CONFLICT,
				"layer %zu was removed from the store while the image was loaded: "
				"load it again",
				i);
	return 0;
}

static int add_manifest(struct staging *g, struct err *e)
{
	const struct load_image *image = g->image;
	struct store *s = g->l->s;
	size_t len = image->manifest ? strlen(image->manifest_text) : 0;
	char digest[72];

	if (!image->manifest)
		return 0;
	if (store_blob_put(s, image->manifest_text, len, digest, e) < 0 ||
		store_image_blob(s, g->id, digest, STORE_MANIFEST, (int64_t)len, e) < 0)
		return -1;
	for (size_t i = 0; i < g->n; i++) {
		const struct oci_descriptor *d = g->layers[i].descriptor;

		if (g->layers[i].blob &&
			store_image_blob(s, g->id, d->digest, STORE_LAYER, d->size, e) < 0)
			return -1;
	}
	return 0;
}

struct replaced {
	char id[72];
};

static int set_refs(struct staging *g, struct replaced *replaced, struct err *e)
{
	size_t i = 0;

	strv_foreach (ref, g->image->refs) {
		auto_stmt sqlite3_stmt *st = NULL;
		int r;

		if (db_query(g->l->s->db, &st, e,
			    "SELECT image FROM refs WHERE ref = ? AND image != ?", "ss", *ref,
			    g->id) < 0)
			return -1;
		r = db_step(g->l->s->db, st, e);
		if (r == 1)
			str_copy(replaced[i].id, sizeof(replaced[i].id), db_text(st, 0));
		if (r < 0 || store_image_set_ref(g->l->s, *ref, g->id, e) < 0)
			return -1;
		if (g->image->manifest &&
			store_ref_manifest(g->l->s, *ref, g->image->manifest_digest, e) < 0)
			return -1;
		i++;
	}
	return 0;
}

static int store_rows(struct staging *g, struct replaced *replaced, struct err *e)
{
	struct store *s = g->l->s;
	char id[72];

	for (size_t i = 0; i < g->n; i++)
		if (name_layer(g, &g->layers[i], e) < 0)
			return -1;
	if (check_rows(g, e) < 0 ||
		store_blob_put(s, g->config_text.data, g->config_text.len, id, e) < 0 ||
		store_image_add(s, id, g->config_text.data, &g->config, NULL, e) < 0 ||
		add_manifest(g, e) < 0)
		return -1;
	return set_refs(g, replaced, e);
}

/* What a failed transaction has given a name. */
static void take_back(struct staging *g)
{
	auto_strv char **layers = NULL, **blobs = NULL;

	for (size_t i = 0; i < g->n; i++) {
		if (g->layers[i].unpacked)
			strv_add(&layers, g->layers[i].diff_id);
		if (g->layers[i].blob_staged)
			strv_add(&blobs, g->layers[i].descriptor->digest);
	}
	strv_add(&blobs, g->id);
	if (g->image->manifest_digest)
		strv_add(&blobs, g->image->manifest_digest);
	store_garbage_remove(g->l->s, blobs, layers);
}

static int commit(struct staging *g, struct replaced *replaced, struct err *e)
{
	struct db *db = g->l->s->db;
	int r;

	if (syncfs(g->l->stage.fd) < 0)
		return err_sys(e, errno, "write the image to the disk");
	if (db_begin(db, 1, e) < 0)
		return -1;
	r = store_rows(g, replaced, e);
	if (r == 0)
		r = db_commit(db, e);
	if (r < 0) {
		db_rollback(db);
		take_back(g);
	}
	return r;
}

static void tell(const struct staging *g, const struct replaced *replaced)
{
	const struct store_load *req = g->l->req;
	size_t i = 0;

	if (!g->image->refs)
		req->loaded(req->ctx, NULL, g->id, NULL);
	strv_foreach (full, g->image->refs) {
		struct reference ref;
		const char *old = replaced[i++].id;

		req->loaded(req->ctx,
			reference_parse(*full, &ref, NULL) == 0 ? ref.familiar : *full, g->id,
			*old ? old : NULL);
	}
}

static int stage(struct staging *g, struct err *e)
{
	if (read_config(g, e) < 0 || check_platform(g, e) < 0 || check_layers(g, e) < 0 ||
		find_layers(g, e) < 0)
		return -1;
	for (size_t i = 0; i < g->n; i++)
		if (stage_layer(g, i, e) < 0)
			return -1;
	return 0;
}

int load_image(struct load *l, struct load_image *image, struct err *e)
{
	struct staging g = {.l = l, .image = image, .config_text = BUF_MAX(OCI_CONFIG_MAX)};
	struct replaced *replaced = xcalloc(strv_len(image->refs) + 1, sizeof(*replaced));
	int r = stage(&g, e);

	if (r == 0)
		r = commit(&g, replaced, e);
	if (r == 0)
		tell(&g, replaced);
	free(replaced);
	staging_done(&g);
	/* Layers that had their names already were garbage as soon as our locks were gone. */
	if (r < 0)
		store_tmp_sweep(l->s);
	return r;
}
