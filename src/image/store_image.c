/* store_image.c: images listed, tagged, added and removed. */
#define _GNU_SOURCE
#include "image/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "image/reference.h"

static void free_list(struct store_image **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store_image_free(v[i]);
	free(v);
}

int store_image_list(struct store *s, struct store_image ***out, size_t *out_n, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	struct store_image **v = NULL;
	size_t n = 0;
	int r;

	if (db_query(s->db, &st, e,
		    "SELECT " STORE_IMAGE_COLUMNS " FROM images i ORDER BY i.created_ns DESC, i.id",
		    "") < 0)
		return -1;
	while ((r = db_step(s->db, st, e)) == 1) {
		struct store_image *i = store_image_from_row(st);

		v = xreallocarray(v, n + 1, sizeof(*v));
		v[n++] = i;
		r = store_image_fill(s, i, e);
		if (r < 0)
			break;
	}
	if (r < 0) {
		free_list(v, n);
		return -1;
	}
	*out = v;
	*out_n = n;
	return 0;
}

int store_image_there(struct store *s, const char *id, struct err *e)
{
	int64_t one;

	return db_int(s->db, &one, e, "SELECT 1 FROM images WHERE id = ?", "s", id);
}

int store_image_set_ref(struct store *s, const char *ref, const char *id, struct err *e)
{
	return db_run(s->db, e, "INSERT OR REPLACE INTO refs VALUES(?, ?)", "ss", ref, id);
}

/* The new name is saved as the old one is. */
static int retag(struct store *s, const char *id, const char *old, const char *full, struct err *e)
{
	char manifest[72];
	int r = store_image_manifest(s, id, old, manifest, e);

	if (r < 0 || store_image_set_ref(s, full, id, e) < 0)
		return -1;
	return r ? store_ref_manifest(s, full, manifest, e) : 0;
}

int store_image_tag(struct store *s, const char *name, const char *new_ref, struct err *e)
{
	struct store_image *image = NULL;
	enum store_match how;
	struct reference ref, old;
	int r;

	if (reference_parse(new_ref, &ref, e) < 0)
		return -1;
	if (*ref.digest)
		return err_set(e, ERR_INVALID, "refusing to create a tag with a digest reference");
	if (db_begin(s->db, 1, e) < 0)
		return -1;
	r = store_image_match(s, name, &image, &how, &old, e);
	if (r == 0)
		r = retag(s, image->id, how == STORE_BY_REF ? old.full : NULL, ref.full, e);
	if (r == 0)
		r = db_commit(s->db, e);
	db_rollback(s->db);
	store_image_free(image);
	return r;
}

static int add_rows(struct store *s, const char *id, const char *text,
	const struct oci_image *config, struct err *e)
{
	int64_t created_ns = 0, idx = 0;

	if (config->created && time_parse(config->created, &created_ns) < 0)
		created_ns = 0;
	if (db_run(s->db, e, "INSERT INTO images VALUES(?, 0, ?, ?, 0, ?)", "siis", id, created_ns,
		    time_now_ns(), text) < 0)
		return -1;
	strv_foreach (d, config->diff_ids)
		if (db_run(s->db, e, "INSERT INTO image_layers VALUES(?, ?, ?)", "sis", id, idx++,
			    *d) < 0)
			return -1;
	return db_run(s->db, e,
		"UPDATE images SET (size, uid_max) = (SELECT ifnull(sum(l.size), 0), "
		"ifnull(max(l.uid_max), 0) FROM image_layers il JOIN layers l ON l.diff_id = "
		"il.diff_id WHERE il.image = images.id) WHERE id = ?",
		"s", id);
}

int store_image_add(struct store *s, const char *id, const char *text,
	const struct oci_image *config, const char *ref, struct err *e)
{
	int64_t there;
	int r = db_int(s->db, &there, e, "SELECT 1 FROM images WHERE id = ?", "s", id);

	if (r == 0)
		r = add_rows(s, id, text, config, e);
	if (r < 0)
		return -1;
	return ref ? store_image_set_ref(s, ref, id, e) : 0;
}
