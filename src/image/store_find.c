/* store_find.c: from what users type to an image: reference, id, or the start of an id. */
#include "image/store_parts.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "image/reference.h"

static int match_ref(struct store *s, const char *full, struct store_image **out, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(s->db, &st, e,
		    "SELECT " STORE_IMAGE_COLUMNS
		    " FROM refs r JOIN images i ON i.id = r.image WHERE r.ref = ?",
		    "s", full) < 0)
		return -1;
	r = db_step(s->db, st, e);
	if (r == 1)
		*out = store_image_from_row(st);
	return r;
}

/* 1 found, 0 none, -1 error; hex is the start of the digits or all of them. */
static int match_id(struct store *s, const char *hex, struct store_image **out, struct err *e)
{
	auto_free char *from = xasprintf("sha256:%s", hex);
	auto_free char *to = xasprintf("sha256:%sg", hex); /* 'g' is behind every digit */
	auto_stmt sqlite3_stmt *st = NULL;
	struct store_image *found = NULL;
	int r;

	if (db_query(s->db, &st, e,
		    "SELECT " STORE_IMAGE_COLUMNS
		    " FROM images i WHERE i.id >= ? AND i.id < ? LIMIT 2",
		    "ss", from, to) < 0)
		return -1;
	r = db_step(s->db, st, e);
	if (r != 1)
		return r;
	found = store_image_from_row(st);
	r = db_step(s->db, st, e);
	if (r == 0) {
		*out = found;
		return 1;
	}
	store_image_free(found);
	if (r == 1)
		err_set(e, ERR_CONFLICT,
			"the ids of several images start with \"%s\": give more of its digits",
			hex);
	return -1;
}

static int no_such_image(struct err *e, const char *name)
{
	return err_set(e, ERR_NOT_FOUND, "No such image: %.400s", name);
}

int store_image_match(struct store *s, const char *name, struct store_image **out,
	enum store_match *out_how, struct reference *out_ref, struct err *e)
{
	const char *hex = str_after(name, "sha256:");
	struct reference ref;
	struct err ref_error = {0};
	int parsed, r;

	hex = hex ? hex : name;
	int is_hex = *hex && strlen(hex) <= HASH_HEX &&
		     strspn(hex, "0123456789abcdef") == strlen(hex);

	/* A whole id is never a name. */
	parsed = is_hex && strlen(hex) == HASH_HEX ? -1 : reference_parse(name, &ref, &ref_error);
	if (parsed == 0) {
		r = match_ref(s, ref.full, out, e);
		*out_how = STORE_BY_REF;
		if (r == 1 && out_ref)
			*out_ref = ref;
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	if (is_hex) {
		r = match_id(s, hex, out, e);
		*out_how = STORE_BY_ID;
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	if (parsed < 0 && !is_hex) {
		if (e)
			*e = ref_error;
		return -1;
	}
	return no_such_image(e, parsed == 0 ? ref.familiar : name);
}

int store_image_find(struct store *s, const char *name, struct store_image **out, struct err *e)
{
	struct store_image *found = NULL;
	enum store_match how;

	if (store_image_match(s, name, &found, &how, NULL, e) < 0)
		return -1;
	if (found->damage)
		err_set(e, ERR_SYSTEM, "image %s in the store is damaged, remove it: %s", name,
			found->damage);
	if (found->damage || store_image_fill(s, found, e) < 0) {
		store_image_free(found);
		return -1;
	}
	*out = found;
	return 0;
}
