/* store.c: opening the store, and images as structs. */
#define _GNU_SOURCE
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "image/store_parts.h"

static const char *const schema[] = {
	/* 1 */
	("CREATE TABLE images(id TEXT PRIMARY KEY, size INTEGER NOT NULL, created_ns INTEGER NOT "
	 "NULL, stored_ns INTEGER NOT NULL, uid_max INTEGER NOT NULL, config TEXT NOT NULL);"
	 "CREATE TABLE refs(ref TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images(id)) "
	 "WITHOUT "
	 "ROWID;"
	 "CREATE INDEX refs_image ON refs(image);"
	 "CREATE TABLE layers(diff_id TEXT PRIMARY KEY, size INTEGER NOT NULL, uid_max INTEGER NOT "
	 "NULL, stored_ns INTEGER NOT NULL) WITHOUT ROWID;"
	 "CREATE TABLE image_layers(image TEXT NOT NULL REFERENCES images(id), idx INTEGER NOT "
	 "NULL, "
	 "diff_id TEXT NOT NULL REFERENCES layers(diff_id), PRIMARY KEY(image, idx)) WITHOUT ROWID;"
	 "CREATE INDEX image_layers_layer ON image_layers(diff_id);"),
	/* 2: what save needs, store_blob.c */
	("CREATE TABLE recipes(diff_id TEXT PRIMARY KEY REFERENCES layers(diff_id) ON DELETE "
	 "CASCADE, tar_size INTEGER NOT NULL) WITHOUT ROWID;"
	 "CREATE TABLE image_blobs(image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE, "
	 "digest TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL, stored_ns INTEGER NOT "
	 "NULL, PRIMARY KEY(image, digest)) WITHOUT ROWID;"
	 "CREATE INDEX image_blobs_digest ON image_blobs(digest);"),
	/* 3: the manifest that a name came with; another may mean the same image */
	("CREATE TABLE ref_manifests(ref TEXT PRIMARY KEY REFERENCES refs(ref) ON DELETE CASCADE, "
	 "digest TEXT NOT NULL) WITHOUT ROWID;"),
};

/* One look on the hot path; 0700, so that setuid programs of images are out of the reach of the
 * host's users (CVE-2021-41103). */
static int make_folders(struct store *s, struct err *e)
{
	static const char *const names[] = {STORE_BLOBS, STORE_LAYERS, STORE_RECIPES};

	if (faccessat(s->rootfd, STORE_RECIPES, F_OK, 0) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int r = fd_mkdirs(s->rootfd, names[i], 0700);

		if (r < 0)
			return err_sys(e, r, "make the folder %s/%s", s->root, names[i]);
	}
	return 0;
}

static int open_root(const char *root, struct store *s, struct err *e)
{
	int r = fd_mkdirs(AT_FDCWD, root, 0700);

	if (r < 0)
		return err_sys(e, r, "make the folder %s", root);
	s->rootfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->rootfd < 0)
		return err_sys(e, errno, "open the folder %s", root);
	s->root = *root == '/' ? xstrdup(root) : realpath(root, NULL);
	if (!s->root)
		return err_sys(e, errno, "open the folder %s", root);
	return 0;
}

int store_open(const char *root, struct db *db, struct store **out, struct err *e)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->rootfd = -1;
	s->db = db;
	if (open_root(root, s, e) < 0 || make_folders(s, e) < 0 ||
		db_migrate(db, "image", schema, ARRAY_SIZE(schema), e) < 0) {
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void store_on_warning(struct store *s, void (*warn)(const char *text))
{
	s->warn = warn;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	fd_close_ptr(&s->rootfd);
	free(s->root);
	free(s);
}

void store_image_free(struct store_image *i)
{
	if (!i)
		return;
	strv_free(i->refs);
	strv_free(i->layers);
	strv_free(i->layer_names);
	free(i->layer_sizes);
	free(i->config_text);
	free(i->damage);
	oci_image_done(&i->config);
	free(i);
}

struct store_image *store_image_from_row(sqlite3_stmt *st)
{
	struct store_image *i = xcalloc(1, sizeof(*i));
	const char *id = db_text(st, 0);
	struct err damage = {0};

	if (hash_is_digest(id))
		memcpy(i->id, id, sizeof("sha256:") + HASH_HEX);
	i->size = sqlite3_column_int64(st, 1);
	i->created_ns = sqlite3_column_int64(st, 2);
	i->stored_ns = sqlite3_column_int64(st, 3);
	i->uid_max = sqlite3_column_int64(st, 4);
	i->config_text = xstrdup(db_text(st, 5));
	/* A damaged one must still be listed and removed: store_image_find() refuses it. */
	if (oci_image_parse(i->config_text, strlen(i->config_text), &i->config, &damage) < 0) {
		oci_image_done(&i->config);
		i->config = (struct oci_image){0};
		i->damage = xstrdup(damage.text);
	}
	return i;
}

/* An image may have a layer twice, which overlay refuses (ELOOP). All that the lower one has is in
 * the upper one too, and hidden by it: only the topmost is mounted. */
static void mount_once(struct store_image *i)
{
	size_t kept = 0;

	for (char **l = i->layers; l && *l; l++) {
		if (strv_has(l + 1, *l))
			free(*l);
		else
			i->layers[kept++] = *l;
	}
	if (i->layers)
		i->layers[kept] = NULL;
}

static int fill_layers(struct store *s, struct store_image *i, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	size_t n = 0;
	int r;

	if (db_query(s->db, &st, e,
		    "SELECT l.diff_id, l.size FROM image_layers il JOIN layers l ON l.diff_id = "
		    "il.diff_id WHERE il.image = ? ORDER BY il.idx",
		    "s", i->id) < 0)
		return -1;
	while ((r = db_step(s->db, st, e)) == 1) {
		const char *hex = str_after(db_text(st, 0), "sha256:");

		if (!hex)
			continue;
		i->layer_sizes = xreallocarray(i->layer_sizes, n + 1, sizeof(int64_t));
		i->layer_sizes[n++] = sqlite3_column_int64(st, 1);
		strv_add(&i->layer_names, hex);
		strv_addf(&i->layers, "%s/" STORE_LAYERS "/%s", s->root, hex);
	}
	if (r == 0)
		mount_once(i);
	return r;
}

int store_image_fill(struct store *s, struct store_image *i, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (fill_layers(s, i, e) < 0)
		return -1;
	if (db_query(s->db, &st, e, "SELECT ref FROM refs WHERE image = ? ORDER BY ref", "s",
		    i->id) < 0)
		return -1;
	while ((r = db_step(s->db, st, e)) == 1)
		strv_add(&i->refs, db_text(st, 0));
	return r;
}
