/* store_blob.c: what save needs beside the layers' folders: recipes and blobs.
 *
 * How it works: a layer that came uncompressed is kept once, as its folder; recipes/<hex of diff
 * id> (transfer/recipe.h) is what making the same tar again takes. A layer that came compressed is
 * kept as it came as well, in blobs/sha256, because no compressor makes the same bytes twice; so is
 * the manifest that names it. Such blobs belong to images (table image_blobs) and go with the last
 * image that has them.
 *
 * Both are written into a staging folder (a .tmp folder that a sweep takes for garbage when its
 * maker is dead), synced, and renamed within the transaction that makes their rows. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "image/store_parts.h"

#define PATH_SIZE (sizeof(STORE_BLOBS) + HASH_HEX + 2)

static int path_of(const char *folder, const char *digest, char out[PATH_SIZE], struct err *e)
{
	if (!hash_is_digest(digest))
		return err_set(e, ERR_INVALID, "\"%.100s\" is no digest", digest);
	snprintf(out, PATH_SIZE, "%s/%s", folder, str_after(digest, "sha256:"));
	return 0;
}

int store_stage_file(struct store *s, const struct store_tmp *stage, const char *name, int *out_fd,
	struct err *e)
{
	int fd = openat(stage->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(
			e, errno, "make a file in %s/" STORE_LAYERS "/%s", s->root, stage->name);
	*out_fd = fd;
	return 0;
}

static int move_in(struct store *s, const struct store_tmp *stage, const char *name,
	const char *folder, const char *digest, struct err *e)
{
	char path[PATH_SIZE];

	if (path_of(folder, digest, path, e) < 0)
		return -1;
	auto_fd int dir = openat(s->rootfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || renameat(stage->fd, name, s->rootfd, path) < 0 || fsync(dir) < 0)
		return err_sys(e, errno, "name %s/%s", s->root, path);
	return 0;
}

int store_recipe_add(struct store *s, const struct store_tmp *stage, const char *name,
	const char *diff_id, int64_t tar_size, struct err *e)
{
	int64_t there;
	int r = db_int(s->db, &there, e, "SELECT 1 FROM recipes WHERE diff_id = ?", "s", diff_id);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (move_in(s, stage, name, STORE_RECIPES, diff_id, e) < 0)
		return -1;
	return db_run(s->db, e, "INSERT INTO recipes VALUES(?, ?)", "si", diff_id, tar_size);
}

int store_recipe_open(
	struct store *s, const char *diff_id, int *out_fd, int64_t *out_tar_size, struct err *e)
{
	char path[PATH_SIZE];
	int r, fd;

	if (path_of(STORE_RECIPES, diff_id, path, e) < 0)
		return -1;
	r = db_int(s->db, out_tar_size, e, "SELECT tar_size FROM recipes WHERE diff_id = ?", "s",
		diff_id);
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND,
			"layer %.19s was stored by a hull that did not keep what making its "
			"archive again takes: load or import the image once more",
			diff_id);
	if (r < 0)
		return -1;
	fd = openat(s->rootfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open %s/%s", s->root, path);
	*out_fd = fd;
	return 0;
}

int store_blob_add(struct store *s, const struct store_tmp *stage, const char *name,
	const char *digest, struct err *e)
{
	return move_in(s, stage, name, STORE_BLOBS, digest, e);
}

int store_blob_put(
	struct store *s, const void *data, size_t len, char out_digest[72], struct err *e)
{
	char hex[HASH_HEX + 1], path[PATH_SIZE];
	int r;

	hash_sha256_hex(data, len, hex);
	snprintf(out_digest, 72, "sha256:%s", hex);
	snprintf(path, sizeof(path), STORE_BLOBS "/%s", hex);
	r = fd_write_file(s->rootfd, path, data, len, 0600, 1);
	if (r < 0)
		return err_sys(e, r, "write %s/%s", s->root, path);
	return 0;
}

int store_blob_open(struct store *s, const char *digest, int *out_fd, struct err *e)
{
	char path[PATH_SIZE];
	int fd;

	if (path_of(STORE_BLOBS, digest, path, e) < 0)
		return -1;
	fd = openat(s->rootfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open %s/%s", s->root, path);
	*out_fd = fd;
	return 0;
}

int store_blob_there(struct store *s, const char *digest)
{
	int64_t there;

	return hash_is_digest(digest) &&
	       db_int(s->db, &there, NULL, "SELECT 1 FROM image_blobs WHERE digest = ?", "s",
		       digest) == 1;
}

int store_image_blob(struct store *s, const char *image, const char *digest, const char *kind,
	int64_t size, struct err *e)
{
	return db_run(s->db, e, "INSERT OR REPLACE INTO image_blobs VALUES(?, ?, ?, ?, ?)", "sssii",
		image, digest, kind, size, time_now_ns());
}

int store_image_manifest(
	struct store *s, const char *image, const char *ref, char out_digest[72], struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(s->db, &st, e,
		    ref ? "SELECT b.digest FROM ref_manifests m JOIN image_blobs b ON b.image = ?1 "
			  "AND b.digest = m.digest WHERE m.ref = ?2"
			: "SELECT digest FROM image_blobs WHERE image = ?1 AND ?2 IS NULL AND kind "
			  "= "
			  "'" STORE_MANIFEST "' ORDER BY stored_ns DESC, digest LIMIT 1",
		    "ss", image, ref) < 0)
		return -1;
	r = db_step(s->db, st, e);
	if (r == 1)
		str_copy(out_digest, 72, db_text(st, 0));
	return r;
}

int store_ref_manifest(struct store *s, const char *ref, const char *digest, struct err *e)
{
	return db_run(
		s->db, e, "INSERT OR REPLACE INTO ref_manifests VALUES(?, ?)", "ss", ref, digest);
}

/* Within a transaction: the blobs of an image, before its rows go. */
int store_image_blobs(struct store *s, const char *image, char ***out, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(s->db, &st, e, "SELECT digest FROM image_blobs WHERE image = ?", "s", image) <
		0)
		return -1;
	while ((r = db_step(s->db, st, e)) == 1)
		strv_add(out, db_text(st, 0));
	return r;
}

int store_blob_is_claimed(struct store *s, const char *digest)
{
	int64_t there;

	return db_int(s->db, &there, NULL,
		"SELECT 1 FROM image_blobs WHERE digest = ?1 UNION ALL SELECT 1 FROM "
		"images WHERE id = ?1",
		"s", digest);
}

int store_blobs_unlink(struct store *s, char *const *digests)
{
	int r = 0;

	strv_foreach (d, digests) {
		int claimed = store_blob_is_claimed(s, *d);
		char path[PATH_SIZE];

		if (claimed == 0 && path_of(STORE_BLOBS, *d, path, NULL) == 0)
			unlinkat(s->rootfd, path, 0);
		r = claimed < 0 ? -1 : r;
	}
	return r;
}

void store_recipe_unlink(struct store *s, const char *diff_id)
{
	char path[PATH_SIZE];

	if (path_of(STORE_RECIPES, diff_id, path, NULL) == 0)
		unlinkat(s->rootfd, path, 0);
}
