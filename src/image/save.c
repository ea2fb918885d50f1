/* save.c: images as an archive or an OCI layout.
 *
 * How it works: an image that came with a manifest is saved with it, byte for byte, and with its
 * layers as they came; any other one gets a manifest with its layers uncompressed, made again by
 * their recipes. Either way manifest, configuration and layers have the digests that they had when
 * they came. index.json names the images; the archive of docker-archive has manifest.json beside
 * it, about the same files, as Docker has it since 25: both kinds of readers find what they know.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/reference.h"
#include "image/save_parts.h"
#include "oci/manifest.h"

struct saved {
	struct store_image *image;
	char own[72]; /* the manifest that it came with; "": none */
	char **refs;  /* full; those that are saved */
	struct oci_descriptor manifest;
	char **layers; /* digests */
};

struct save {
	struct store *s;
	const struct store_save *req;
	struct save_out out;
	struct saved *v;
	size_t n;
};

static void saved_done(struct saved *d)
{
	store_image_free(d->image);
	strv_free(d->refs);
	strv_free(d->layers);
	free(d->manifest.digest);
	free(d->manifest.media_type);
}

/* ---- which */

/* Image and manifest once, however often they are named. full NULL: named by its id. */
static struct saved *saved_of(struct save *v, const char *name, const char *full, struct err *e)
{
	struct saved d = {0};

	if (store_image_find(v->s, name, &d.image, e) < 0)
		return NULL;
	if (store_image_manifest(v->s, d.image->id, full, d.own, e) < 0) {
		saved_done(&d);
		return NULL;
	}
	for (size_t i = 0; i < v->n; i++)
		if (streq(v->v[i].image->id, d.image->id) && streq(v->v[i].own, d.own)) {
			saved_done(&d);
			return &v->v[i];
		}
	v->v = xreallocarray(v->v, v->n + 1, sizeof(*v->v));
	v->v[v->n] = d;
	return &v->v[v->n++];
}

static void add_ref(struct saved *d, const char *full)
{
	if (!strv_has(d->refs, full))
		strv_add(&d->refs, full);
}

/* "debian", without a tag. */
static int is_repository(const char *name)
{
	const char *slash = strrchr(name, '/');

	return !strchr(slash ? slash : name, ':') && !strchr(name, '@');
}

/* All images with a tag in the repository, as docker save takes a name without one. */
static int add_repository(struct save *v, const struct reference *ref, struct err *e)
{
	auto_free char *from = xasprintf("%s/%s:", ref->domain, ref->path);
	auto_free char *to = xasprintf("%s/%s;", ref->domain, ref->path); /* ';' follows ':' */
	auto_stmt sqlite3_stmt *st = NULL;
	auto_strv char **refs = NULL;
	int r;

	if (db_query(v->s->db, &st, e,
		    "SELECT ref FROM refs WHERE ref >= ? AND ref < ? ORDER BY ref", "ss", from,
		    to) < 0)
		return -1;
	while ((r = db_step(v->s->db, st, e)) == 1)
		strv_add(&refs, db_text(st, 0));
	strv_foreach (full, refs) {
		struct saved *d = r < 0 ? NULL : saved_of(v, *full, *full, e);

		if (!d)
			return -1;
		add_ref(d, *full);
	}
	return r < 0 ? -1 : refs != NULL;
}

static int add_name(struct save *v, const char *name, struct err *e)
{
	struct store_image *image = NULL;
	struct reference ref;
	enum store_match how;
	struct saved *d;
	int r = 0;

	if (is_repository(name) && reference_parse(name, &ref, NULL) == 0)
		r = add_repository(v, &ref, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (store_image_match(v->s, name, &image, &how, &ref, e) < 0)
		return -1;
	store_image_free(image);
	d = saved_of(v, name, how == STORE_BY_REF ? ref.full : NULL, e);
	if (d && how == STORE_BY_REF)
		add_ref(d, ref.full);
	return d ? 0 : -1;
}

/* ---- one image */

static int keep_manifest(struct save *v, struct saved *d, struct err *e)
{
	const char *digest = d->own;
	auto_buf struct buf b = BUF_MAX(OCI_MANIFEST_MAX);
	auto_fd int fd = -1;
	struct oci_manifest m = {0};
	char **diff_ids = d->image->config.diff_ids;
	char written[72];
	int r;

	if (store_blob_open(v->s, digest, &fd, e) < 0)
		return -1;
	r = fd_read_all(fd, &b);
	if (r < 0)
		return err_sys(e, r, "read the manifest %.19s... in the store", digest);
	r = oci_manifest_parse(b.data ? b.data : "", b.len, NULL, &m, e);
	if (r == 0 && m.n_layers != strv_len(diff_ids))
		r = err_set(e, ERR_SYSTEM, "the manifest %.19s... in the store is damaged", digest);
	for (size_t i = 0; r == 0 && i < m.n_layers; i++) {
		strv_add(&d->layers, m.layers[i].digest);
		r = streq(m.layers[i].digest, diff_ids[i])
			    ? save_out_layer(&v->out, diff_ids[i], e)
			    : save_out_blob(&v->out, m.layers[i].digest, m.layers[i].size, e);
	}
	if (r == 0)
		r = save_out_document(&v->out, b.data, written, e);
	if (r == 0 && !streq(written, digest))
		r = err_set(e, ERR_SYSTEM, "the manifest %.19s... in the store is damaged", digest);
	d->manifest.digest = xstrdup(digest);
	d->manifest.size = (int64_t)b.len;
	d->manifest.media_type = xstrdup(m.media_type ? m.media_type : OCI_MEDIA_MANIFEST);
	oci_manifest_done(&m);
	return r;
}

static int layer_size(struct save *v, const char *diff_id, int64_t *out, struct err *e)
{
	auto_fd int fd = -1;

	return store_recipe_open(v->s, diff_id, &fd, out, e);
}

static int make_manifest(struct save *v, struct saved *d, struct err *e)
{
	char **diff_ids = d->image->config.diff_ids, digest[72];
	size_t n = strv_len(diff_ids);
	auto_free struct oci_descriptor *layers = xcalloc(n + 1, sizeof(*layers));
	struct oci_manifest m = {
		.media_type = (char *)OCI_MEDIA_MANIFEST,
		.config = {.media_type = (char *)OCI_MEDIA_CONFIG,
			.digest = d->image->id,
			.size = (int64_t)strlen(d->image->config_text)},
		.layers = layers,
		.n_layers = n,
	};

	for (size_t i = 0; i < n; i++) {
		layers[i] = (struct oci_descriptor){
			.media_type = (char *)OCI_MEDIA_LAYER, .digest = diff_ids[i]};
		if (layer_size(v, diff_ids[i], &layers[i].size, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		if (save_out_layer(&v->out, diff_ids[i], e) < 0)
			return -1;
	auto_free char *text = oci_manifest_text(&m);
	if (save_out_document(&v->out, text, digest, e) < 0)
		return -1;
	d->layers = strv_dup(diff_ids);
	d->manifest.digest = xstrdup(digest);
	d->manifest.size = (int64_t)strlen(text);
	d->manifest.media_type = xstrdup(OCI_MEDIA_MANIFEST);
	return 0;
}

static int save_image(struct save *v, struct saved *d, struct err *e)
{
	char digest[72];
	int r = *d->own ? keep_manifest(v, d, e) : make_manifest(v, d, e);

	if (r == 0)
		r = save_out_document(&v->out, d->image->config_text, digest, e);
	if (r == 0 && !streq(digest, d->image->id))
		r = err_set(e, ERR_SYSTEM, "image %.19s... in the store is damaged", d->image->id);
	return r;
}

/* ---- the lists */

static json_t *names(const char *full)
{
	struct reference ref;

	if (!full || reference_parse(full, &ref, NULL) < 0)
		return NULL;
	return json_pack("{s:s, s:s}", OCI_CONTAINERD_NAME, ref.full, OCI_REF_NAME, ref.tag);
}

static int write_index(struct save *v, struct err *e)
{
	struct oci_index index = {.media_type = (char *)OCI_MEDIA_INDEX};
	size_t room = 0;
	int r;

	for (size_t i = 0; i < v->n; i++)
		room += strv_len(v->v[i].refs) + 1;
	index.manifests = xcalloc(room, sizeof(*index.manifests));
	for (size_t i = 0; i < v->n; i++) {
		size_t k = 0;

		do {
			struct oci_descriptor *d = &index.manifests[index.n_manifests++];

			*d = v->v[i].manifest;
			d->annotations = names(v->v[i].refs ? v->v[i].refs[k++] : NULL);
		} while (k < strv_len(v->v[i].refs));
	}
	auto_free char *text = oci_index_text(&index);
	r = save_out_text(&v->out, "index.json", text, e);
	for (size_t i = 0; i < index.n_manifests; i++)
		json_decref(index.manifests[i].annotations);
	free(index.manifests);
	return r;
}

static char *blob_path(const char *digest)
{
	return xasprintf("blobs/sha256/%s", str_after(digest, "sha256:"));
}

static int write_docker_list(struct save *v, struct err *e)
{
	struct oci_docker_archive list = {
		.images = xcalloc(v->n, sizeof(*list.images)), .n_images = v->n};
	int r;

	for (size_t i = 0; i < v->n; i++) {
		struct oci_docker_image *out = &list.images[i];
		struct reference ref;

		out->config = blob_path(v->v[i].image->id);
		strv_foreach (full, v->v[i].refs)
			if (reference_parse(*full, &ref, NULL) == 0)
				strv_add(&out->repo_tags, ref.full);
		strv_foreach (digest, v->v[i].layers)
			strv_take(&out->layers, blob_path(*digest));
	}
	auto_free char *text = oci_docker_archive_text(&list);
	r = save_out_text(&v->out, "manifest.json", text, e);
	oci_docker_archive_done(&list);
	return r;
}

static int save_all(struct save *v, struct err *e)
{
	if (save_out_start(&v->out, e) < 0 ||
		save_out_text(&v->out, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", e) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++)
		if (save_image(v, &v->v[i], e) < 0)
			return -1;
	if (write_index(v, e) < 0 || (v->req->docker && write_docker_list(v, e) < 0))
		return -1;
	return save_out_finish(&v->out, e);
}

int store_save(struct store *s, const struct store_save *req, struct err *e)
{
	struct save v = {.s = s,
		.req = req,
		.out = {.s = s, .tar_fd = req->tar_fd, .folder_fd = req->folder_fd}};
	int r = 0;

	/* All names first: nothing is written when one is wrong. */
	for (char *const *name = req->names; r == 0 && *name; name++)
		r = add_name(&v, *name, e);
	if (r == 0)
		r = save_all(&v, e);
	for (size_t i = 0; i < v.n; i++)
		saved_done(&v.v[i]);
	free(v.v);
	strv_free(v.out.written);
	return r;
}
