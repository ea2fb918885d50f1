/* store_check.c: every image, layer and blob is accounted for.
 *
 * How it works: layers get their names and blobs their bytes within the transaction that makes
 * their rows (store_layer.c), so under the database's write lock all three must fit. What is a
 * folder without a row is moved away under that lock, as rmi does it, and removed after it. An
 * image is whole when its configuration has the digest that is its id and all its layers are there;
 * of the two copies of a configuration, row and blob, one restores the other. */
#define _GNU_SOURCE
#include "image/store_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/reference.h"
#include "image/store_check_parts.h"
#include "kernel/fs.h"

#define CONFIG_MAX (16UL << 20)

void store_check_tell(struct store_checking *k, enum store_finding_state state, const char *kind,
	const char *name, const char *repair, const char *fmt, ...)
{
	auto_free char *problem = NULL;
	struct store_finding f = {.kind = kind, .name = name, .repair = repair, .state = state};
	va_list ap;

	va_start(ap, fmt);
	problem = xvasprintf(fmt, ap);
	va_end(ap);
	f.problem = problem;
	k->c->found(k->c->ctx, &f);
}

enum store_finding_state store_check_outcome(const struct store_checking *k, int r)
{
	return !k->c->repair ? STORE_FOUND : r < 0 ? STORE_FAILED : STORE_REPAIRED;
}

int store_check_is_hex(const char *s)
{
	return strlen(s) == HASH_HEX && strspn(s, "0123456789abcdef") == HASH_HEX;
}

/* ---- rows without partners */

static int check_refs(struct store_checking *k, struct err *e)
{
	static const char repair[] = "the name is removed";
	auto_strv char **lost = NULL;
	auto_stmt sqlite3_stmt *st = NULL;
	struct reference ref;
	int r;

	if (db_query(k->s->db, &st, e, "SELECT ref, image IN (SELECT id FROM images) FROM refs",
		    "") < 0)
		return -1;
	while ((r = db_step(k->s->db, st, e)) == 1)
		if (!sqlite3_column_int(st, 1) || reference_parse(db_text(st, 0), &ref, NULL) < 0)
			strv_add(&lost, db_text(st, 0));
	strv_foreach (name, lost) {
		if (k->c->repair)
			r = db_run(k->s->db, e, "DELETE FROM refs WHERE ref = ?", "s", *name);
		store_check_tell(k, store_check_outcome(k, r), "reference", *name, repair,
			"it names an image that is not there, or is no reference");
	}
	return r < 0 ? -1 : 0;
}

/* Layers that no image has. */
static int check_orphans(struct store_checking *k, struct err *e)
{
	auto_strv char **lost = NULL;
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (k->c->repair &&
		db_run(k->s->db, e,
			"DELETE FROM image_layers WHERE image NOT IN (SELECT id FROM images)",
			"") < 0)
		return -1;
	if (db_query(k->s->db, &st, e,
		    "SELECT diff_id FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM "
		    "image_layers WHERE image IN (SELECT id FROM images))",
		    "") < 0)
		return -1;
	while ((r = db_step(k->s->db, st, e)) == 1)
		strv_add(&lost, db_text(st, 0));
	strv_foreach (d, lost) {
		if (k->c->repair)
			r = db_run(k->s->db, e, "DELETE FROM layers WHERE diff_id = ?", "s", *d);
		store_check_tell(k, store_check_outcome(k, r), "layer", *d, "the layer is removed",
			"no image has it");
	}
	return r < 0 ? -1 : 0;
}

/* ---- images */

static int judge(const char *text, size_t len, const char *hex)
{
	char got[HASH_HEX + 1];

	hash_sha256_hex(text, len, got);
	return streq(got, hex) ? COPY_GOOD : COPY_BAD;
}

enum store_copy store_check_read_blob(struct store_checking *k, const char *hex, struct buf *b)
{
	auto_free char *path = xasprintf(STORE_BLOBS "/%s", hex);
	auto_fd int fd = openat(
		k->s->rootfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? COPY_MISSING : COPY_BAD;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || fd_read_all(fd, b) < 0)
		return COPY_BAD;
	return judge(b->data ? b->data : "", b->len, hex);
}

static int is_folder(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Which layer is missing, or NULL. Caller frees. */
static char *missing_layer(struct store_checking *k, const char *id, const struct oci_image *config)
{
	auto_stmt sqlite3_stmt *st = NULL;
	char *lost = NULL;
	size_t n = 0;
	int r;

	if (db_query(k->s->db, &st, NULL,
		    "SELECT il.diff_id, l.diff_id FROM image_layers il LEFT JOIN layers l ON "
		    "l.diff_id = il.diff_id WHERE il.image = ? ORDER BY il.idx",
		    "s", id) < 0)
		return xstrdup("?");
	while (!lost && (r = db_step(k->s->db, st, NULL)) == 1) {
		const char *diff_id = db_text(st, 0), *hex = str_after(diff_id, "sha256:");
		auto_free char *path = xasprintf(STORE_LAYERS "/%s", hex ? hex : "?");

		if (!hex || !store_check_is_hex(hex) || sqlite3_column_type(st, 1) == SQLITE_NULL ||
			!is_folder(k->s->rootfd, path) || n >= strv_len(config->diff_ids) ||
			!streq(config->diff_ids[n], diff_id))
			lost = xstrdup(diff_id);
		n++;
	}
	if (!lost && n < strv_len(config->diff_ids))
		lost = xstrdup(config->diff_ids[n]);
	return lost;
}

/* Which layer has other contents than it had, and how that shows, or NULL. Caller frees. */
static char *bad_layer(struct store_checking *k, const char *id)
{
	auto_stmt sqlite3_stmt *st = NULL;
	char *bad = NULL;

	if (!k->c->deep || db_query(k->s->db, &st, NULL,
				   "SELECT l.diff_id, l.stored_ns FROM image_layers il JOIN layers "
				   "l ON l.diff_id = il.diff_id WHERE il.image = ? ORDER BY il.idx",
				   "s", id) < 0)
		return NULL;
	while (!bad && db_step(k->s->db, st, NULL) == 1) {
		const char *why = store_check_bad(
			k, BAD_LAYER, db_text(st, 0), sqlite3_column_int64(st, 1));
		if (why)
			bad = xasprintf("its layer %s is damaged: %s", db_text(st, 0), why);
	}
	return bad;
}

static int forget_image(struct store_checking *k, const char *id, struct err *e)
{
	static const char *const sql[] = {"DELETE FROM refs WHERE image = ?",
		"DELETE FROM image_layers WHERE image = ?", "DELETE FROM images WHERE id = ?"};

	for (size_t i = 0; i < ARRAY_SIZE(sql); i++)
		if (db_run(k->s->db, e, sql[i], "s", id) < 0)
			return -1;
	return 0;
}

static int damaged_image(struct store_checking *k, const char *id, const char *why, struct err *e)
{
	char container[65];
	int r = 0;

	if (k->c->in_use && k->c->in_use(k->c->ctx, id, container)) {
		auto_free char *repair = xasprintf(
			"left, container %.12s uses it: hull rm that one first", container);
		store_check_tell(k, STORE_LEFT, "image", id, repair, "%s", why);
		return 0;
	}
	if (k->c->repair)
		r = forget_image(k, id, e);
	store_check_tell(k, store_check_outcome(k, r), "image", id,
		"the image and its names are removed", "%s", why);
	return r;
}

/* Both copies of the configuration; `text` becomes the good one. Returns 0 when neither is. */
static int settle_config(struct store_checking *k, const char *id, char **text, struct err *e)
{
	auto_buf struct buf blob = BUF_MAX(CONFIG_MAX);
	const char *hex = str_after(id, "sha256:");
	int row = judge(*text, strlen(*text), hex), file = store_check_read_blob(k, hex, &blob),
	    r = 0;
	char written[72];

	if (row == COPY_GOOD && file != COPY_GOOD) {
		if (k->c->repair) {
			auto_free char *path = xasprintf(STORE_BLOBS "/%s", hex);
			fs_remove_tree(k->s->rootfd, path);
			r = store_blob_put(k->s, *text, strlen(*text), written, e);
		}
		store_check_tell(k, store_check_outcome(k, r), "blob", id,
			"it is written anew from the database", "%s",
			file == COPY_MISSING ? "the image's configuration is missing"
					     : "its bytes are not those of its digest");
	} else if (row != COPY_GOOD && file == COPY_GOOD) {
		str_set(text, blob.data);
		if (k->c->repair)
			r = db_run(k->s->db, e, "UPDATE images SET config = ? WHERE id = ?", "ss",
				*text, id);
		store_check_tell(k, store_check_outcome(k, r), "image", id,
			"it is restored from its blob",
			"its configuration in the database is damaged");
	}
	return row == COPY_GOOD || file == COPY_GOOD;
}

static int check_image(struct store_checking *k, const char *id, const char *stored, struct err *e)
{
	auto_free char *text = xstrdup(stored), *lost = NULL, *why = NULL;
	struct oci_image config = {0};
	struct err bad = {0};
	int r = 0;

	k->c->n_images++;
	if (!hash_is_digest(id))
		return damaged_image(k, id, "its id is no digest", e);
	if (!settle_config(k, id, &text, e))
		return damaged_image(k, id, "its configuration is damaged", e);
	if (oci_image_parse(text, strlen(text), &config, &bad) < 0)
		why = xasprintf("its configuration cannot be read: %s", bad.text);
	else if ((lost = missing_layer(k, id, &config)))
		why = xasprintf("its layer %s is missing", lost);
	else
		why = bad_layer(k, id);
	if (why)
		r = damaged_image(k, id, why, e);
	oci_image_done(&config);
	return r;
}

static int check_images(struct store_checking *k, struct err *e)
{
	auto_strv char **ids = NULL, **configs = NULL;
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(k->s->db, &st, e, "SELECT id, config FROM images", "") < 0)
		return -1;
	while ((r = db_step(k->s->db, st, e)) == 1) {
		strv_add(&ids, db_text(st, 0));
		strv_add(&configs, db_text(st, 1));
	}
	for (size_t i = 0; r >= 0 && ids && ids[i]; i++)
		r = check_image(k, ids[i], configs[i], e);
	return r < 0 ? -1 : 0;
}

static int check_all(struct store_checking *k, struct err *e)
{
	if (check_images(k, e) < 0 || check_refs(k, e) < 0 || check_orphans(k, e) < 0)
		return -1;
	return store_check_files(k, e);
}

int store_check(struct store *s, struct store_check *c, struct err *e)
{
	struct store_checking k = {.s = s, .c = c};
	int r;

	/* Before the moves, which make more of them. */
	store_check_tmp(&k);
	if (c->deep && store_check_deep(&k, e) < 0)
		return -1;
	if (db_begin(s->db, 1, e) < 0)
		return -1;
	r = check_all(&k, e);
	if (r == 0 && c->repair)
		r = db_commit(s->db, e);
	db_rollback(s->db);
	if (c->repair)
		store_tmp_sweep(s);
	return r;
}
