/* store_remove.c: rmi, by Docker's rules.
 *
 * How it works: a name takes its reference away, and the image with the last one. An id takes all
 * references away, unless there are several and force is missing. An image that a container uses
 * stays: without force that is an error; with force it only loses its references, because the
 * container still needs the layers. All of it is one transaction; folders follow. */
#define _GNU_SOURCE
#include "image/store_parts.h"

#include "base/mem.h"
#include "image/reference.h"

#define SHORT_ID 12

struct removal {
	struct store *s;
	struct store_image *image;
	const char *name;
	enum store_match how;
	struct reference ref; /* STORE_BY_REF */
	int force, used;
	char container[65];
	char **gone_layers, **gone_blobs;
	struct store_removal out;
};

static void add_familiar(char ***v, const char *full)
{
	struct reference ref;

	strv_add(v, reference_parse(full, &ref, NULL) == 0 ? ref.familiar : full);
}

static int untag(struct removal *r, const char *full, struct err *e)
{
	if (db_run(r->s->db, e, "DELETE FROM refs WHERE ref = ?", "s", full) < 0)
		return -1;
	add_familiar(&r->out.untagged, full);
	return 0;
}

static const char *short_id(const char *id)
{
	const char *hex = str_after(id, "sha256:");

	return hex ? hex : id;
}

/* References to one repository count as one, as Docker has it for deletion by id. */
static int several_repositories(const struct removal *r)
{
	struct reference first, other;

	if (strv_len(r->image->refs) < 2 || reference_parse(r->image->refs[0], &first, NULL) < 0)
		return 0;
	strv_foreach (s, r->image->refs)
		if (reference_parse(*s, &other, NULL) < 0 ||
			!streq(first.familiar_name, other.familiar_name))
			return 1;
	return 0;
}

static int check_conflicts(const struct removal *r, struct err *e)
{
	const char *id = short_id(r->image->id);

	if (r->force)
		return 0;
	if (r->how == STORE_BY_REF && r->used && strv_len(r->image->refs) == 1)
		return err_set(e, ERR_CONFLICT,
			"conflict: unable to remove repository reference \"%s\" (must force) - "
			"container %.*s is using its referenced image %.*s",
			r->name, SHORT_ID, r->container, SHORT_ID, id);
	if (r->how == STORE_BY_ID && several_repositories(r))
		return err_set(e, ERR_CONFLICT,
			"conflict: unable to delete %.*s (must be forced) - image is referenced in "
			"multiple repositories",
			SHORT_ID, id);
	if (r->how == STORE_BY_ID && r->used)
		return err_set(e, ERR_CONFLICT,
			"conflict: unable to delete %.*s (must be forced) - image is being used by "
			"container %.*s",
			SHORT_ID, id, SHORT_ID, r->container);
	return 0;
}

static int untag_all(struct removal *r, struct err *e)
{
	if (r->how == STORE_BY_REF)
		return untag(r, r->ref.full, e);
	strv_foreach (s, r->image->refs)
		if (untag(r, *s, e) < 0)
			return -1;
	return 0;
}

/* Layers of the image that no other image has; lowest first in the table, told topmost first. */
static int delete_layers(struct removal *r, struct err *e)
{
	for (size_t i = strv_len(r->image->layer_names); i-- > 0;) {
		auto_free char *diff_id = xasprintf("sha256:%s", r->image->layer_names[i]);

		if (db_run(r->s->db, e,
			    "DELETE FROM layers WHERE diff_id = ?1 AND NOT EXISTS (SELECT 1 FROM "
			    "image_layers WHERE diff_id = ?1)",
			    "s", diff_id) < 0)
			return -1;
		if (db_changes(r->s->db)) {
			strv_add(&r->gone_layers, diff_id);
			strv_add(&r->out.deleted, diff_id);
		}
	}
	return 0;
}

static int delete_image(struct removal *r, struct err *e)
{
	if (store_image_blobs(r->s, r->image->id, &r->gone_blobs, e) < 0)
		return -1;
	strv_add(&r->gone_blobs, r->image->id);
	if (db_run(r->s->db, e, "DELETE FROM image_layers WHERE image = ?", "s", r->image->id) <
			0 ||
		db_run(r->s->db, e, "DELETE FROM images WHERE id = ?", "s", r->image->id) < 0)
		return -1;
	strv_add(&r->out.deleted, r->image->id);
	return delete_layers(r, e);
}

static int remove_rows(struct removal *r, struct err *e)
{
	int64_t refs = 0;

	if (check_conflicts(r, e) < 0 || untag_all(r, e) < 0)
		return -1;
	if (db_int(r->s->db, &refs, e, "SELECT count(*) FROM refs WHERE image = ?", "s",
		    r->image->id) < 0)
		return -1;
	if (refs)
		return 0;
	if (!r->used)
		return delete_image(r, e);
	if (!strv_len(r->out.untagged))
		return err_set(e, ERR_CONFLICT,
			"conflict: unable to delete %.*s (cannot be forced) - image is being used "
			"by container %.*s",
			SHORT_ID, short_id(r->image->id), SHORT_ID, r->container);
	return 0;
}

static int find(struct removal *r, struct err *e)
{
	if (store_image_match(r->s, r->name, &r->image, &r->how, &r->ref, e) < 0)
		return -1;
	return store_image_fill(r->s, r->image, e);
}

int store_image_remove(struct store *s, const char *name, int force,
	int (*in_use)(void *ctx, const char *image_id, char container_id[65]), void *ctx,
	struct store_removal *out, struct err *e)
{
	struct removal r = {.s = s, .name = name, .force = force};
	int rc;

	if (db_begin(s->db, 1, e) < 0)
		return -1;
	rc = find(&r, e);
	if (rc == 0) {
		r.used = in_use ? in_use(ctx, r.image->id, r.container) : 0;
		rc = remove_rows(&r, e);
	}
	if (rc == 0)
		rc = db_commit(s->db, e);
	db_rollback(s->db);
	if (rc == 0) {
		r.out.files_left = store_garbage_remove(s, r.gone_blobs, r.gone_layers) < 0;
		db_checkpoint(s->db, NULL);
		*out = r.out;
	} else {
		store_removal_done(&r.out);
	}
	store_image_free(r.image);
	strv_free(r.gone_layers);
	strv_free(r.gone_blobs);
	return rc;
}

void store_removal_done(struct store_removal *r)
{
	strv_free(r->untagged);
	strv_free(r->deleted);
	*r = (struct store_removal){0};
}
