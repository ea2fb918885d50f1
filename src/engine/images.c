/* images.c: images as the commands see them: thin over the store. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "engine/container_store.h"
#include "engine/engine.h"
#include "engine/mode.h"
#include "engine/parts.h"
#include "image/reference.h"
#include "image/store.h"
#include "image/url.h"

static char *familiar(const char *ref)
{
	struct reference r;

	return xstrdup(reference_parse(ref, &r, NULL) == 0 ? r.familiar : ref);
}

int engine_image_list(struct engine *en, struct engine_image **out, size_t *out_n, struct err *e)
{
	struct store_image **images = NULL;
	struct engine_image *v;
	size_t n = 0;

	if (store_image_list(en->store, &images, &n, e) < 0)
		return -1;
	v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		v[i].id = xstrdup(images[i]->id);
		v[i].created_ns = images[i]->created_ns;
		v[i].size = images[i]->size;
		strv_foreach (r, images[i]->refs)
			strv_take(&v[i].refs, familiar(*r));
		store_image_free(images[i]);
	}
	free(images);
	*out = v;
	*out_n = n;
	return 0;
}

void engine_image_list_free(struct engine_image *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].id);
		strv_free(v[i].refs);
	}
	free(v);
}

static json_t *familiar_refs(const struct store_image *i)
{
	json_t *list = json_array();

	strv_foreach (r, i->refs) {
		auto_free char *text = familiar(*r);
		json_array_append_new(list, jsonx_string(text));
	}
	return list;
}

static json_t *config_json(const struct store_image *i)
{
	auto_json json_t *whole = jsonx_parse(
		i->config_text, strlen(i->config_text), "an image", NULL);
	json_t *config = jsonx_obj(whole, "config");

	return config ? json_incref(config) : json_object();
}

static json_t *layers_json(const struct store_image *i)
{
	json_t *list = json_array();

	strv_foreach (d, i->config.diff_ids)
		json_array_append_new(list, jsonx_string(*d));
	return json_pack("{s:s, s:o}", "Type", "layers", "Layers", list);
}

static json_t *driver_json(const struct store_image *i)
{
	auto_free char *lower = NULL;
	size_t n = strv_len(i->layers);
	auto_strv char **below = NULL;
	json_t *data = json_object();

	for (size_t k = 0; k + 1 < n; k++)
		strv_add(&below, i->layers[n - 2 - k]);
	if (below) {
		lower = strv_join(below, ":");
		json_object_set_new(data, "LowerDir", jsonx_string(lower));
	}
	if (n)
		json_object_set_new(data, "UpperDir", jsonx_string(i->layers[n - 1]));
	return json_pack("{s:s, s:o}", "Name", "overlay", "Data", data);
}

static json_t *text_or_empty(const char *s)
{
	return jsonx_string(s ? s : "");
}

json_t *engine_image_inspect(struct engine *en, const char *name, struct err *e)
{
	struct store_image *i = NULL;
	char stored[TIME_TEXT_MAX];
	const char *comment = "";
	json_t *o;

	if (store_image_find(en->store, name, &i, e) < 0)
		return NULL;
	if (i->config.n_history && i->config.history[i->config.n_history - 1].comment)
		comment = i->config.history[i->config.n_history - 1].comment;
	time_format(i->stored_ns, stored);
	o = json_object();
	json_object_set_new(o, "Id", jsonx_string(i->id));
	json_object_set_new(o, "RepoTags", familiar_refs(i));
	json_object_set_new(o, "RepoDigests", json_array());
	json_object_set_new(o, "Parent", json_string(""));
	json_object_set_new(o, "Comment", jsonx_string(comment));
	json_object_set_new(o, "Created", text_or_empty(i->config.created));
	json_object_set_new(o, "DockerVersion", json_string(""));
	json_object_set_new(o, "Author", text_or_empty(i->config.author));
	json_object_set_new(o, "Architecture", text_or_empty(i->config.architecture));
	if (i->config.variant && *i->config.variant)
		json_object_set_new(o, "Variant", jsonx_string(i->config.variant));
	json_object_set_new(o, "Os", text_or_empty(i->config.os));
	json_object_set_new(o, "Size", json_integer(i->size));
	json_object_set_new(o, "GraphDriver", driver_json(i));
	json_object_set_new(o, "RootFS", layers_json(i));
	json_object_set_new(o, "Metadata", json_pack("{s:s}", "LastTagTime", stored));
	json_object_set_new(o, "Config", config_json(i));
	store_image_free(i);
	return o;
}

/* Layers lie beneath the steps that made one, in the same order. */
json_t *engine_image_history(struct engine *en, const char *name, struct err *e)
{
	struct store_image *i = NULL;
	json_t *list;
	size_t layer = 0, n_layers;

	if (store_image_find(en->store, name, &i, e) < 0)
		return NULL;
	list = json_array();
	n_layers = strv_len(i->layer_names);
	for (size_t k = 0; k < i->config.n_history; k++) {
		const struct oci_image_history *h = &i->config.history[k];
		int top = k + 1 == i->config.n_history;
		int64_t ns = 0, size = 0;

		if (h->created)
			time_parse(h->created, &ns);
		if (!h->empty_layer && layer < n_layers)
			size = i->layer_sizes[layer++];
		json_array_insert_new(list, 0,
			json_pack("{s:s, s:I, s:o, s:I, s:o, s:o}", "Id", top ? i->id : "<missing>",
				"Created", (json_int_t)(ns / 1000000000), "CreatedBy",
				text_or_empty(h->created_by), "Size", (json_int_t)size, "Comment",
				text_or_empty(h->comment), "Tags",
				top ? familiar_refs(i) : json_null()));
	}
	store_image_free(i);
	return list;
}

int engine_image_tag(struct engine *en, const char *name, const char *ref, struct err *e)
{
	return store_image_tag(en->store, name, ref, e);
}

static int image_in_use(void *ctx, const char *image_id, char container_id[65])
{
	struct engine *en = ctx;

	return container_store_image_user(en->db, image_id, container_id, NULL) == 1;
}

int engine_image_remove(
	struct engine *en, const char *name, int force, char ***out_lines, struct err *e)
{
	struct store_removal removal = {0};
	char **lines = NULL;

	if (mode_enter(en, e) < 0 ||
		store_image_remove(en->store, name, force, image_in_use, en, &removal, e) < 0)
		return -1;
	if (removal.files_left)
		engine_warn(en,
			"the files of %s could not be removed: hull system check --repair does it",
			name);
	strv_foreach (u, removal.untagged)
		strv_addf(&lines, "Untagged: %s", *u);
	strv_foreach (d, removal.deleted)
		strv_addf(&lines, "Deleted: %s", *d);
	store_removal_done(&removal);
	*out_lines = lines;
	return 0;
}

/* "linux/amd64" or "amd64" -> "amd64"; NULL stays. */
static const char *architecture_of(const char *platform)
{
	const char *slash = platform ? strchr(platform, '/') : NULL;

	return slash ? slash + 1 : platform;
}

int engine_parse_max_size(const char *text, int64_t *out, struct err *e)
{
	if (!text || !*text)
		return 0;
	if (parse_bytes(text, out) < 0)
		return err_set(e, ERR_INVALID,
			"invalid argument \"%.100s\" for \"--max-size\" flag: invalid size: "
			"'%.100s'",
			text, text);
	if (*out == 0)
		*out = -1;
	return 0;
}

int engine_import_is_url(const char *text)
{
	return url_is_fetchable(text);
}

int engine_image_import(
	struct engine *en, const struct engine_import *req, char out_id[72], struct err *e)
{
	/* Everybody may see where an image is from, but not with which password it was fetched. */
	auto_free char *source = url_shown(req->source ? req->source : "-");
	auto_free char *message = req->message && *req->message
					  ? xstrdup(req->message)
					  : xasprintf("Imported from %s", source);
	struct store_import import = {
		.archive_fd = req->archive_fd,
		.url = req->url,
		.reference = req->reference && *req->reference ? req->reference : NULL,
		.message = message,
		.changes = req->changes,
		.architecture = architecture_of(
			req->platform && *req->platform ? req->platform : NULL),
	};

	if (engine_parse_max_size(req->max_size, &import.max_bytes, e) < 0 || mode_enter(en, e) < 0)
		return -1;
	if (store_import(en->store, &import, out_id, e) == 0)
		return 0;
	/* Which archive: the store knows a descriptor only. */
	if (e && *source && !strstr(e->text, source))
		err_wrap(e, "%.200s", source);
	return -1;
}

/* mmdebstrap makes user namespaces itself and must find the user as an ordinary one. */
static int enter_late(void *ctx, struct err *e)
{
	return mode_enter(ctx, e);
}

int engine_image_bootstrap(
	struct engine *en, const struct engine_bootstrap *req, char out_id[72], struct err *e)
{
	return store_bootstrap(en->store, req->reference, req->mirror, req->variant, req->include,
		enter_late, en, out_id, e);
}
