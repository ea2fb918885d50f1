/* import.c: a root file system in an archive becomes an image of one layer.
 *
 * How it works: the request is checked before anything is unpacked. The layer is unpacked into a
 * locked .tmp folder (import_worker.c), its devices are made, and its file system is synced. Then
 * one durable transaction names the folder and makes the rows of layer, image and reference: killed
 * before it, there is nothing but garbage that the next import removes; killed after it, the image
 * is whole. */
#define _GNU_SOURCE
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
#include "image/download.h"
#include "image/import_parts.h"
#include "image/reference.h"
#include "oci/platform.h"

#define RECIPE_NAME "recipe"
#define FETCH_NAME "fetch"
#define DEFAULT_COMMENT "Imported from -" /* Docker's */

static int check_reference(const struct store_import *req, struct import *i, struct err *e)
{
	struct reference ref;

	if (!req->reference)
		return 0;
	if (reference_parse(req->reference, &ref, e) < 0)
		return -1;
	if (*ref.digest)
		return err_set(e, ERR_INVALID, "cannot import digest reference");
	snprintf(i->ref, sizeof(i->ref), "%s", ref.full);
	return 0;
}

static void add_history(struct oci_image *c, const struct store_import *req)
{
	struct oci_image_history *h = xcalloc(1, sizeof(*h));

	h->created = xstrdup(c->created);
	h->created_by = xstrdup(req->created_by);
	h->comment = xstrdup(req->message ? req->message : DEFAULT_COMMENT);
	c->history = h;
	c->n_history = 1;
}

static int make_config(const struct store_import *req, struct oci_image *c, struct err *e)
{
	char now[TIME_TEXT_MAX];

	time_format(time_now_ns(), now);
	c->created = xstrdup(now);
	c->architecture = xstrdup(req->architecture ? req->architecture : oci_architecture());
	c->os = xstrdup("linux");
	add_history(c, req);
	strv_foreach (s, req->changes)
		if (oci_image_change(c, *s, e) < 0)
			return -1;
	return 0;
}

static int unpack(struct import *i, const struct store_import *req, int archive_fd, struct err *e)
{
	struct layer_unpack u = {
		.s = i->s,
		.tmp = &i->tmp,
		.stage = &i->stage,
		.archive_fd = archive_fd,
		.length = -1,
		.max_bytes = req->max_bytes,
		.recipe_name = RECIPE_NAME,
	};

	if (layer_unpack(&u, e) < 0)
		return -1;
	if (!u.result.entries)
		return err_set(e, ERR_INVALID, "the archive holds no files");
	i->layer = u.layer;
	if (syncfs(i->tmp.fd) < 0)
		return err_sys(e, errno, "write the layer to the disk");
	return 0;
}

/* The fetcher has a folder beside the layer, which goes with the stage. */
static int fetch_and_unpack(struct import *i, const struct store_import *req, struct err *e)
{
	struct download d = DOWNLOAD_NONE;
	auto_fd int folder = -1;
	int r;

	if (mkdirat(i->stage.fd, FETCH_NAME, 0700) < 0)
		return err_sys(e, errno, "make a folder for the fetcher");
	folder = openat(i->stage.fd, FETCH_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return err_sys(e, errno, "make a folder for the fetcher");
	r = download_start(req->url, folder, &d, e);
	if (r == 0)
		r = unpack(i, req, d.fd, e);
	return download_end(&d, r, e);
}

int import_begin(struct store *s, const struct store_import *req, struct import *out, struct err *e)
{
	*out = (struct import){.s = s, .tmp.fd = -1, .stage.fd = -1};
	if (check_reference(req, out, e) < 0 || make_config(req, &out->config, e) < 0 ||
		store_tmp_make(s, &out->tmp, e) < 0 || store_tmp_make(s, &out->stage, e) < 0)
		return -1;
	return req->url ? fetch_and_unpack(out, req, e) : unpack(out, req, req->archive_fd, e);
}

/* id: "", or the digest that the configuration has as a blob, also when it fails later. */
static int store_rows(struct import *i, const char *text, char id[72], struct err *e)
{
	if (db_begin(i->s->db, 1, e) < 0)
		return -1;
	if (store_layer_add(i->s, &i->tmp, &i->layer, e) < 0 ||
		store_recipe_add(
			i->s, &i->stage, RECIPE_NAME, i->layer.diff_id, i->layer.tar_size, e) < 0 ||
		store_blob_put(i->s, text, strlen(text), id, e) < 0 ||
		store_image_add(i->s, id, text, &i->config, *i->ref ? i->ref : NULL, e) < 0 ||
		db_commit(i->s->db, e) < 0) {
		db_rollback(i->s->db);
		return -1;
	}
	return 0;
}

int import_commit(struct import *i, char out_id[72], struct err *e)
{
	char id[72] = "", *layers[] = {i->layer.diff_id, NULL}, *blobs[] = {id, NULL};
	auto_free char *text = NULL;

	strv_add(&i->config.diff_ids, i->layer.diff_id);
	text = oci_image_text(&i->config);
	if (store_rows(i, text, id, e) < 0) {
		store_garbage_remove(i->s, blobs, layers);
		i->failed = 1;
		return -1;
	}
	memcpy(out_id, id, sizeof(id));
	db_checkpoint(i->s->db, NULL); /* no hurry here: the next `hull run` reads a short WAL */
	return 0;
}

void import_done(struct import *i)
{
	store_tmp_done(i->s, &i->tmp);
	store_tmp_done(i->s, &i->stage);
	/* A layer that had its name already was garbage as soon as our lock was gone. */
	if (i->failed)
		store_tmp_sweep(i->s);
	oci_image_done(&i->config);
}

int store_import(struct store *s, const struct store_import *req, char out_id[72], struct err *e)
{
	struct import i;
	int r = import_begin(s, req, &i, e);

	if (r == 0)
		r = import_commit(&i, out_id, e);
	import_done(&i);
	return r;
}
