/* store_check_deep.c: the contents of layers and blobs against their digests.
 *
 * How it works: of a blob the bytes are hashed; of a layer hull-transfer makes the tar again by its
 * recipe, which must have the digest that the layer is named by. This takes long, so it is done
 * before the database is locked; the check judges what was found under the lock, by rows that must
 * still be the same. What is damaged in an image's layer is told of the image (store_check.c). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/import_parts.h"
#include "image/store_check_parts.h"

#define READ_SIZE ((size_t)256 << 10)

static void bad_done(struct store_bad *b)
{
	free(b->digest);
	free(b->why);
}

void store_deep_done(struct store_deep *d)
{
	for (size_t i = 0; i < d->n; i++)
		bad_done(&d->v[i]);
	free(d->v);
	*d = (struct store_deep){0};
}

static void add(struct store_deep *d, int what, const char *digest, int64_t stored_ns)
{
	d->v = xreallocarray(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct store_bad){
		.what = what, .digest = xstrdup(digest), .stored_ns = stored_ns};
}

const char *store_check_bad(
	const struct store_checking *k, int what, const char *digest, int64_t stored_ns)
{
	const struct store_deep *d = k->c->deep;

	for (size_t i = 0; d && i < d->n; i++)
		if ((int)d->v[i].what == what && d->v[i].stored_ns == stored_ns &&
			streq(d->v[i].digest, digest))
			return d->v[i].why;
	return NULL;
}

/* ---- reading: 1 and *why when it is damaged, 0, -1 when it cannot be told */

static int read_blob(struct store_checking *k, const char *digest, char **why, struct err *e)
{
	auto_free char *path = xasprintf(STORE_BLOBS "/%s", str_after(digest, "sha256:"));
	auto_fd int fd = openat(
		k->s->rootfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_free char *room = xmalloc(READ_SIZE);
	char hex[HASH_HEX + 1];
	struct hash h;
	struct stat st;
	ssize_t n;

	/* The check of names and sizes tells. */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	hash_start(&h);
	while ((n = read(fd, room, READ_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EIO) {
			*why = xstrdup("cannot be read from the disk");
			return 1;
		}
		if (n < 0)
			return err_sys(e, errno, "read %s/%s", k->s->root, path);
		hash_add(&h, room, (size_t)n);
	}
	hash_end(&h, hex);
	k->c->deep->n_blobs++;
	if (streq(hex, str_after(digest, "sha256:")))
		return 0;
	*why = xstrdup("has other bytes than its digest's");
	return 1;
}

static int verify(struct store_checking *k, int recipe, int layer, int64_t size, const char *hex,
	struct store_bad *b, struct err *e)
{
	struct worker_job job = WORKER_JOB("verify", recipe, layer);
	struct transfer_result result;
	struct err why = {0};

	if (worker_run(&job, &result, &why) == 0) {
		k->c->deep->n_layers += b->what == BAD_LAYER;
		if (result.stream_bytes == size && streq(result.digest, hex))
			return 0;
		b->why = xstrdup("its files have other contents than they had");
		return 1;
	}
	if (why.kind != ERR_INVALID && why.kind != ERR_CONFLICT) {
		if (e)
			*e = why;
		return -1;
	}
	if (b->what == BAD_LAYER && why.kind == ERR_INVALID)
		b->what = BAD_RECIPE;
	else if (why.kind == ERR_INVALID)
		return 0; /* told of the layer */
	b->why = xstrdup(why.text);
	return 1;
}

static int read_layer(struct store_checking *k, struct store_bad *b, struct err *e)
{
	const int shifted = b->what == BAD_SHIFTED;
	const char *name = shifted ? b->digest : str_after(b->digest, "sha256:");
	auto_free char *hex = xstrndup(name, strcspn(name, "."));
	auto_free char *path = xasprintf("%s/%s", shifted ? STORE_SHIFTED : STORE_LAYERS, name);
	auto_free char *diff_id = xasprintf("sha256:%s", hex);
	auto_fd int layer = openat(
		k->s->rootfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd int recipe = -1;
	int64_t size;

	if (layer < 0 || !hash_is_digest(diff_id))
		return 0;
	if (store_recipe_open(k->s, diff_id, &recipe, &size, NULL) < 0) {
		k->c->deep->n_unknown += !shifted;
		return 0;
	}
	return verify(k, recipe, layer, size, hex, b, e);
}

static int examine(struct store_checking *k, struct store_bad *b, struct err *e)
{
	free(b->why);
	b->why = NULL;
	if (b->what == BAD_RECIPE)
		b->what = BAD_LAYER;
	if (b->what != BAD_SHIFTED && !hash_is_digest(b->digest))
		return 0;
	return b->what == BAD_BLOB ? read_blob(k, b->digest, &b->why, e) : read_layer(k, b, e);
}

/* ---- which */

static int list(struct store_checking *k, int what, const char *sql, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(k->s->db, &st, e, sql, "") < 0)
		return -1;
	while ((r = db_step(k->s->db, st, e)) == 1)
		add(k->c->deep, what, db_text(st, 0), sqlite3_column_int64(st, 1));
	return r;
}

static void list_shifted(void *ctx, int dirfd, const char *name)
{
	const struct store_checking *k = ctx;

	add(k->c->deep, BAD_SHIFTED, name, 0);
}

int store_check_deep(struct store_checking *k, struct err *e)
{
	struct store_deep *d = k->c->deep;
	size_t n = 0;
	int r = 1;

	if (!d->done && (list(k, BAD_LAYER, "SELECT diff_id, stored_ns FROM layers", e) < 0 ||
				list(k, BAD_BLOB,
					"SELECT digest, max(stored_ns) FROM image_blobs WHERE kind "
					"= '" STORE_LAYER "' GROUP BY digest",
					e) < 0))
		return -1;
	if (!d->done)
		fs_each(k->s->rootfd, STORE_SHIFTED, list_shifted, k);
	/* All are suspects the first time, and stay so until they are read. */
	for (size_t i = 0; i < d->n; i++) {
		r = r < 0 ? r : examine(k, &d->v[i], e);
		if (r != 0)
			d->v[n++] = d->v[i];
		else
			bad_done(&d->v[i]);
	}
	d->n = n;
	d->done = 1;
	return r < 0 ? -1 : 0;
}
