/* store_check_files.c: what lies in the store's folders, and what the database says should. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/store_check_parts.h"
#include "kernel/fs.h"

#define SAVE_REPAIR "it is forgotten; load or import the image once more to have it"

static int has_row(struct store_checking *k, const char *sql, const char *digest)
{
	int64_t one;

	return db_int(k->s->db, &one, NULL, sql, "s", digest) != 0; /* an error counts as yes */
}

/* ---- blobs */

static void check_blob_file(void *ctx, int dirfd, const char *name)
{
	struct store_checking *k = ctx;
	auto_free char *digest = xasprintf("sha256:%s", name);
	int hex = store_check_is_hex(name), r = 0;

	k->c->n_blobs++;
	if (hex && store_blob_is_claimed(k->s, digest))
		return;
	if (k->c->repair)
		r = fs_remove_tree(dirfd, name);
	store_check_tell(k, store_check_outcome(k, r), "blob", name, "the file is removed", "%s",
		hex ? "no image has it" : "it was never finished");
}

/* A manifest is read, of a layer only the size is compared, unless it was read before. */
static const char *judge_blob(struct store_checking *k, const char *digest, const char *kind,
	int64_t size, int64_t stored_ns)
{
	const char *hex = hash_is_digest(digest) ? str_after(digest, "sha256:") : "?";
	auto_free char *path = xasprintf(STORE_BLOBS "/%s", hex);
	auto_buf struct buf b = BUF_MAX(16UL << 20);
	struct stat st;

	if (fstatat(k->s->rootfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return "is missing";
	if (!S_ISREG(st.st_mode) || st.st_size != size)
		return "has another size than it had";
	if (streq(kind, STORE_MANIFEST) && store_check_read_blob(k, hex, &b) != COPY_GOOD)
		return "has other bytes than its digest's";
	return store_check_bad(k, BAD_BLOB, digest, stored_ns);
}

static int check_blob_rows(struct store_checking *k, struct err *e)
{
	auto_strv char **digests = NULL, **texts = NULL;
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(k->s->db, &st, e,
		    "SELECT digest, kind, max(size), max(stored_ns) FROM image_blobs GROUP BY "
		    "digest",
		    "") < 0)
		return -1;
	while ((r = db_step(k->s->db, st, e)) == 1) {
		const char *why = judge_blob(k, db_text(st, 0), db_text(st, 1),
			sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3));
		if (why) {
			strv_add(&digests, db_text(st, 0));
			strv_addf(
				&texts, "the %s that its image came with %s", db_text(st, 1), why);
		}
	}
	for (size_t i = 0; r >= 0 && digests && digests[i]; i++) {
		if (k->c->repair)
			r = db_run(k->s->db, e, "DELETE FROM image_blobs WHERE digest = ?", "s",
				digests[i]);
		store_check_tell(k, store_check_outcome(k, r), "blob", digests[i], SAVE_REPAIR,
			"%s", texts[i]);
	}
	return r < 0 ? -1 : 0;
}

/* ---- recipes: what save needs beside a layer */

static void check_recipe_file(void *ctx, int dirfd, const char *name)
{
	struct store_checking *k = ctx;
	auto_free char *diff_id = xasprintf("sha256:%s", name);
	int r = 0;

	if (store_check_is_hex(name) &&
		has_row(k, "SELECT 1 FROM recipes WHERE diff_id = ?", diff_id))
		return;
	if (k->c->repair)
		r = fs_remove_tree(dirfd, name);
	store_check_tell(k, store_check_outcome(k, r), "recipe", name, "the file is removed",
		"no layer has it");
}

static const char *judge_recipe(
	const struct store_checking *k, const char *diff_id, int64_t stored_ns)
{
	const char *hex = str_after(diff_id, "sha256:");
	auto_free char *path = xasprintf(STORE_RECIPES "/%s", hex ? hex : "?");
	struct stat s;

	if (fstatat(k->s->rootfd, path, &s, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(s.st_mode))
		return "what making the layer's archive again takes is missing";
	return store_check_bad(k, BAD_RECIPE, diff_id, stored_ns);
}

static int check_recipe_rows(struct store_checking *k, struct err *e)
{
	auto_strv char **lost = NULL, **texts = NULL;
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(k->s->db, &st, e,
		    "SELECT r.diff_id, l.stored_ns FROM recipes r LEFT JOIN layers l USING "
		    "(diff_id)",
		    "") < 0)
		return -1;
	while ((r = db_step(k->s->db, st, e)) == 1) {
		const char *why = judge_recipe(k, db_text(st, 0), sqlite3_column_int64(st, 1));
		if (why) {
			strv_add(&lost, db_text(st, 0));
			strv_add(&texts, why);
		}
	}
	for (size_t i = 0; r >= 0 && lost && lost[i]; i++) {
		if (k->c->repair)
			r = db_run(
				k->s->db, e, "DELETE FROM recipes WHERE diff_id = ?", "s", lost[i]);
		store_check_tell(k, store_check_outcome(k, r), "recipe", lost[i], SAVE_REPAIR, "%s",
			texts[i]);
	}
	return r < 0 ? -1 : 0;
}

/* ---- layers */

/* Folders that no row claims get names of garbage. */
static void check_folder(void *ctx, int dirfd, const char *name)
{
	struct store_checking *k = ctx;
	auto_free char *diff_id = xasprintf("sha256:%s", name);
	int r = 0;

	if (str_after(name, STORE_TMP_PREFIX))
		return;
	k->c->n_layers++;
	if (!store_check_is_hex(name)) {
		store_check_tell(k, STORE_LEFT, "layer", name, "left: look at it yourself",
			"nothing of hull's has such a name");
		return;
	}
	if (has_row(k, "SELECT 1 FROM layers WHERE diff_id = ?", diff_id))
		return;
	if (k->c->repair)
		r = store_layer_move_away(dirfd, name);
	store_check_tell(k, store_check_outcome(k, r), "layer", diff_id, "the folder is removed",
		"its folder has no row in the database");
}

/* Does a container use an image that has the layer? */
static int layer_in_use(struct store_checking *k, const char *diff_id, char container[65])
{
	auto_stmt sqlite3_stmt *st = NULL;
	int used = 0;

	if (!k->c->in_use ||
		db_query(k->s->db, &st, NULL, "SELECT image FROM image_layers WHERE diff_id = ?",
			"s", diff_id) < 0)
		return 0;
	while (!used && db_step(k->s->db, st, NULL) == 1)
		used = k->c->in_use(k->c->ctx, db_text(st, 0), container);
	return used;
}

/* Copies of layers with other owners: HEX.KEY; of the base layer: base.KEY. */
static void check_shifted(void *ctx, int dirfd, const char *name)
{
	struct store_checking *k = ctx;
	auto_free char *of = xstrndup(name, strcspn(name, "."));
	auto_free char *diff_id = xasprintf("sha256:%s", of);
	const char *why = store_check_bad(k, BAD_SHIFTED, name, 0);
	char container[65];
	int r = 0;

	if (streq(of, "base"))
		return;
	if (!store_check_is_hex(of)) {
		store_check_tell(k, STORE_LEFT, "copy", name, "left: look at it yourself",
			"nothing of hull's has such a name");
		return;
	}
	if (!has_row(k, "SELECT 1 FROM layers WHERE diff_id = ?", diff_id))
		why = "its layer is gone";
	else if (why && layer_in_use(k, diff_id, container)) {
		auto_free char *repair = xasprintf(
			"left, container %.12s may use it: hull rm that one first", container);
		store_check_tell(k, STORE_LEFT, "copy", name, repair, "%s", why);
		return;
	}
	if (!why)
		return;
	if (k->c->repair)
		r = store_shifted_move_away(k->s, dirfd, name);
	store_check_tell(k, store_check_outcome(k, r), "copy", name,
		"it is removed, and made again when it is needed", "%s", why);
}

static void check_tmp_folder(void *ctx, int dirfd, const char *name)
{
	struct store_checking *k = ctx;
	auto_fd int lock = -1;
	struct stat st;
	int r = 0;

	if (!str_after(name, STORE_TMP_PREFIX))
		return;
	lock = store_tmp_lock(dirfd, name);
	/* What is no folder nobody can be at work in. */
	if (lock < 0 &&
		(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))) {
		k->c->n_busy++;
		return;
	}
	if (k->c->repair)
		r = fs_remove_tree(dirfd, name);
	store_check_tell(k, store_check_outcome(k, r), "layer", name, "the folder is removed",
		"nobody is at work in it: its maker, or its remover, was killed");
}

int store_check_files(struct store_checking *k, struct err *e)
{
	if (check_blob_rows(k, e) < 0 || check_recipe_rows(k, e) < 0)
		return -1;
	fs_each(k->s->rootfd, STORE_BLOBS, check_blob_file, k);
	fs_each(k->s->rootfd, STORE_RECIPES, check_recipe_file, k);
	fs_each(k->s->rootfd, STORE_LAYERS, check_folder, k);
	fs_each(k->s->rootfd, STORE_SHIFTED, check_shifted, k);
	return 0;
}

void store_check_tmp(struct store_checking *k)
{
	fs_each(k->s->rootfd, STORE_LAYERS, check_tmp_folder, k);
}
