/* test_image_store.c: images and layers in the store: found, listed, tagged, removed. Layers are
 * made by hand; that archives become layers is shown by test_image_unpack.c and the end-to-end
 * tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "image/store_parts.h"
#include "kernel/fs.h"

#define LAYER(digit)                                                                            \
	"sha256:" digit digit digit digit digit digit digit digit digit digit digit digit digit \
		digit digit digit
#define L1 LAYER("1111")
#define L2 LAYER("2222")
#define L3 LAYER("3333")

struct fixture {
	char dir[32];
	struct db *db;
	struct store *s;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/hull-store-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	auto_free char *path = xasprintf("%s/hull.db", f->dir);
	if (db_open(path, DB_CREATE, &f->db, &f->e) < 0 ||
		store_open(f->dir, f->db, &f->s, &f->e) < 0) {
		fprintf(stderr, "%s\n", f->e.text);
		return -1;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	db_close(f->db);
	fs_remove_tree(AT_FDCWD, f->dir);
	free(f);
	return 0;
}

static int exists(const struct fixture *f, const char *format, const char *name)
{
	auto_free char *tail = xasprintf(format, name);
	auto_free char *path = xasprintf("%s/%s", f->dir, tail);

	return access(path, F_OK) == 0;
}

static void add_layer(struct fixture *f, const char *diff_id, int64_t size)
{
	struct store_layer l = {.size = size, .uid_max = size};
	struct store_tmp t;

	snprintf(l.diff_id, sizeof(l.diff_id), "%s", diff_id);
	if (store_tmp_make(f->s, &t, &f->e) < 0)
		fail_msg("%s", f->e.text);
	assert_int_equal(mkdirat(t.fd, "content", 0755), 0);
	if (db_begin(f->db, 1, &f->e) < 0 || store_layer_add(f->s, &t, &l, &f->e) < 0 ||
		db_commit(f->db, &f->e) < 0)
		fail_msg("%s", f->e.text);
	store_tmp_done(f->s, &t);
}

/* An image of these layers (made when missing); *id, 72 bytes. */
static void add_image(struct fixture *f, const char *created, const char *ref, const char *l1,
	const char *l2, char *id)
{
	struct oci_image c = {.created = xstrdup(created),
		.architecture = xstrdup("amd64"),
		.os = xstrdup("linux")};
	const char *layers[] = {l1, l2};
	auto_free char *text = NULL;

	for (int i = 0; i < 2; i++)
		if (layers[i]) {
			add_layer(f, layers[i], 1000 + i);
			strv_add(&c.diff_ids, layers[i]);
		}
	text = oci_image_text(&c);
	if (db_begin(f->db, 1, &f->e) < 0 ||
		store_blob_put(f->s, text, strlen(text), id, &f->e) < 0 ||
		store_image_add(f->s, id, text, &c, ref, &f->e) < 0 || db_commit(f->db, &f->e) < 0)
		fail_msg("%s", f->e.text);
	oci_image_done(&c);
}

#define REF "docker.io/library/"

static void is_found(struct fixture *f, const char *name, const char *id)
{
	struct store_image *i = NULL;

	if (store_image_find(f->s, name, &i, &f->e) < 0)
		fail_msg("%s: %s", name, f->e.text);
	assert_string_equal(i->id, id);
	store_image_free(i);
}

static void is_missing(struct fixture *f, const char *name, int kind, const char *text)
{
	struct store_image *i = NULL;

	assert_int_equal(store_image_find(f->s, name, &i, &f->e), -1);
	assert_int_equal(f->e.kind, kind);
	assert_string_equal(f->e.text, text);
}

static void test_find(void **state)
{
	struct fixture *f = *state;
	struct store_image *i = NULL;
	char id[72], prefix[20];

	add_image(f, "2026-01-02T03:04:05.5Z", REF "one:1", L1, L2, id);
	assert_int_equal(store_image_tag(f->s, "one:1", "Z.y:80/two", &f->e), 0);
	assert_int_equal(store_image_find(f->s, "one:1", &i, &f->e), 0);
	assert_string_equal(i->id, id);
	assert_string_equal(i->refs[0], "Z.y:80/two:latest");
	assert_string_equal(i->refs[1], REF "one:1");
	assert_null(i->refs[2]);
	assert_int_equal(i->size, 2001);
	assert_int_equal(i->uid_max, 1001);
	assert_int_equal(i->created_ns, 1767323045500000000);
	assert_string_equal(i->layer_names[0], L1 + 7);
	assert_int_equal(i->layer_sizes[1], 1001);
	assert_int_equal(i->layers[1][0], '/');
	assert_true(str_ends(i->layers[1], L2 + 7));
	assert_string_equal(i->config.architecture, "amd64");
	store_image_free(i);
	is_found(f, id, id);
	is_found(f, id + 7, id);
	snprintf(prefix, sizeof(prefix), "%.12s", id + 7);
	is_found(f, prefix, id);
	snprintf(prefix, sizeof(prefix), "%.1s", id + 7);
	is_found(f, prefix, id);
	snprintf(prefix, sizeof(prefix), "%.10s", id);
	is_found(f, prefix, id);
	is_found(f, "docker.io/library/one:1", id);
	is_missing(f, "one", ERR_NOT_FOUND, "No such image: one:latest");
	is_missing(f, "x/y:z", ERR_NOT_FOUND, "No such image: x/y:z");
	is_missing(f, L1, ERR_NOT_FOUND, "No such image: " L1);
	is_missing(f, "One", ERR_INVALID,
		"invalid reference format: repository name (library/One) must be lowercase");
	is_missing(f, "", ERR_INVALID, "invalid reference format");
}

/* A name wins over an id that begins the same; two ids are one too many. */
static void test_prefix(void **state)
{
	struct fixture *f = *state;
	char ids[20][72], one[2] = {0};
	int seen[128] = {0}, twice = 0;

	for (int i = 0; i < 20; i++) {
		auto_free char *created = xasprintf("2026-01-02T03:04:%02dZ", i);
		add_image(f, created, NULL, NULL, NULL, ids[i]);
		if (seen[(int)ids[i][7]]++)
			twice = ids[i][7];
	}
	one[0] = (char)twice; /* twenty ids, sixteen digits */
	struct store_image *found = NULL;
	assert_int_equal(store_image_find(f->s, one, &found, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_CONFLICT);
	auto_free char *ref = xasprintf("%s:latest", one);
	assert_int_equal(store_image_tag(f->s, ids[7], ref, &f->e), 0);
	is_found(f, one, ids[7]);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct store_image **v = NULL;
	char a[72], b[72], c[72];
	size_t n = 99;

	assert_int_equal(store_image_list(f->s, &v, &n, &f->e), 0);
	assert_int_equal(n, 0);
	free(v);
	add_image(f, "2026-01-01T00:00:00Z", REF "old:1", L1, NULL, a);
	add_image(f, "2026-03-01T00:00:00Z", REF "new:1", L1, NULL, b);
	add_image(f, "2026-02-01T00:00:00Z", NULL, L1, L2, c);
	assert_int_equal(store_image_list(f->s, &v, &n, &f->e), 0);
	assert_int_equal(n, 3);
	assert_string_equal(v[0]->id, b);
	assert_string_equal(v[1]->id, c);
	assert_string_equal(v[2]->id, a);
	assert_null(v[1]->refs);
	assert_int_equal(strv_len(v[1]->layers), 2);
	for (size_t i = 0; i < n; i++)
		store_image_free(v[i]);
	free(v);
}

static void test_tag(void **state)
{
	struct fixture *f = *state;
	char a[72], b[72];

	add_image(f, "2026-01-01T00:00:00Z", REF "x:1", L1, NULL, a);
	add_image(f, "2026-03-01T00:00:00Z", REF "x:2", L1, NULL, b);
	assert_int_equal(store_image_tag(f->s, "x:1", "x:2", &f->e), 0); /* moves */
	is_found(f, "x:2", a);
	is_found(f, b, b);
	assert_int_equal(store_image_tag(f->s, "x:9", "x:3", &f->e), -1);
	assert_string_equal(f->e.text, "No such image: x:9");
	assert_int_equal(store_image_tag(f->s, "x:1", "x@" L1, &f->e), -1);
	assert_string_equal(f->e.text, "refusing to create a tag with a digest reference");
	assert_int_equal(store_image_tag(f->s, "x:1", "a b", &f->e), -1);
	/* No transaction is left open by a failure. */
	assert_int_equal(db_begin(f->db, 0, &f->e), 0);
	db_rollback(f->db);
}

static int used_id(void *ctx, const char *image_id, char container_id[65])
{
	snprintf(container_id, 65, "cccccccccccccccccccccc");
	return streq(ctx, image_id);
}

/* "u:UNTAGGED... d:DELETED..." */
static void removes(struct fixture *f, const char *name, int force, const char *in_use,
	const char *untagged, const char *const *deleted)
{
	struct store_removal r = {0};

	if (store_image_remove(f->s, name, force, in_use ? used_id : NULL,
		    (void *)(uintptr_t)in_use, &r, &f->e) < 0)
		fail_msg("%s: %s", name, f->e.text);
	auto_free char *u = strv_join(r.untagged, " ");
	assert_string_equal(u, untagged);
	size_t n = 0;
	for (; deleted && deleted[n]; n++)
		assert_true(strv_has(r.deleted, deleted[n]));
	assert_int_equal(strv_len(r.deleted), n);
	store_removal_done(&r);
}

static void refuses(
	struct fixture *f, const char *name, int force, const char *in_use, const char *text)
{
	struct store_removal r = {0};

	assert_int_equal(store_image_remove(f->s, name, force, in_use ? used_id : NULL,
				 (void *)(uintptr_t)in_use, &r, &f->e),
		-1);
	if (!strstr(f->e.text, text))
		fail_msg("\"%s\", not \"%s\"", f->e.text, text);
}

static void test_remove(void **state)
{
	struct fixture *f = *state;
	char a[72], b[72];

	add_image(f, "2026-01-01T00:00:00Z", REF "a:1", L1, L2, a);
	add_image(f, "2026-03-01T00:00:00Z", REF "b:1", L1, L3, b);
	store_image_tag(f->s, "a:1", "a:2", &f->e);
	removes(f, "a:1", 0, NULL, "a:1", NULL);
	is_found(f, "a:2", a);
	assert_true(exists(f, "blobs/sha256/%s", a + 7));
	removes(f, "a:2", 0, NULL, "a:2", (const char *const[]){a, L2, NULL});
	is_missing(f, "a:2", ERR_NOT_FOUND, "No such image: a:2");
	assert_false(exists(f, "blobs/sha256/%s", a + 7));
	assert_false(exists(f, "layers/%s", L2 + 7));
	assert_true(exists(f, "layers/%s", L1 + 7));
	removes(f, b, 0, NULL, "b:1", (const char *const[]){b, L1, L3, NULL});
	assert_false(exists(f, "layers/%s", L1 + 7));
	refuses(f, "b:1", 0, NULL, "No such image: b:1");
}

static void test_remove_by_id(void **state)
{
	struct fixture *f = *state;
	char a[72];

	add_image(f, "2026-01-01T00:00:00Z", REF "a:1", L1, NULL, a);
	store_image_tag(f->s, "a:1", "a:2", &f->e);
	store_image_tag(f->s, "a:1", "other", &f->e);
	refuses(f, a, 0, NULL, "(must be forced) - image is referenced in multiple repositories");
	removes(f, "other", 0, NULL, "other:latest", NULL);
	removes(f, a, 0, NULL, "a:1 a:2", (const char *const[]){a, L1, NULL});
}

static void test_remove_used(void **state)
{
	struct fixture *f = *state;
	char a[72];

	add_image(f, "2026-01-01T00:00:00Z", REF "a:1", L1, NULL, a);
	refuses(f, "a:1", 0, a,
		"conflict: unable to remove repository reference \"a:1\" (must force) - container "
		"cccccccccccc is using its referenced image ");
	refuses(f, a, 0, a, "(must be forced) - image is being used by container cccccccccccc");
	is_found(f, "a:1", a);
	store_image_tag(f->s, "a:1", "a:2", &f->e);
	removes(f, "a:2", 0, a, "a:2", NULL); /* not the last reference */
	removes(f, "a:1", 1, a, "a:1", NULL); /* the container keeps the image */
	is_found(f, a, a);
	assert_true(exists(f, "layers/%s", L1 + 7));
	refuses(f, a, 1, a, "(cannot be forced)");
	removes(f, a, 0, NULL, "", (const char *const[]){a, L1, NULL});
}

/* What a killed import left: an unlocked .tmp folder, a layer without a row. */
static void test_garbage(void **state)
{
	struct fixture *f = *state;
	int layers = openat(f->s->rootfd, "layers", O_RDONLY | O_DIRECTORY);
	struct store_tmp mine;
	char a[72];

	assert_int_equal(mkdirat(layers, ".tmp-0123456789abcdef", 0755), 0);
	assert_int_equal(mkdirat(layers, L1 + 7, 0755), 0);
	assert_int_equal(store_tmp_make(f->s, &mine, &f->e), 0);
	assert_false(exists(f, "layers/%s", ".tmp-0123456789abcdef"));
	/* This one is alive: the sweep of the next import leaves it. */
	add_image(f, "2026-01-01T00:00:00Z", REF "a:1", L1, NULL, a);
	assert_true(exists(f, "layers/%s", mine.name));
	/* The folder without a row was not taken for the layer. */
	assert_true(exists(f, "layers/%s/content", L1 + 7));
	store_tmp_done(f->s, &mine);
	store_tmp_sweep(f->s);
	int n = 0;
	DIR *d = fdopendir(layers);
	while (readdir(d))
		n++;
	closedir(d);
	assert_int_equal(n, 3); /* ., .., the layer */
}

/* The same layer again: the first stays, its copy goes. */
static void test_same_layer(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	auto_free char *path = xasprintf("%s/layers/%s", f->dir, L1 + 7);

	add_layer(f, L1, 5);
	assert_int_equal(stat(path, &before), 0);
	add_layer(f, L1, 5);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void test_folders(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	for (int i = 0; i < 2; i++) {
		auto_free char *path = xasprintf("%s/%s", f->dir, i ? "layers" : "blobs");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_find),
		EACH(test_prefix),
		EACH(test_list),
		EACH(test_tag),
		EACH(test_remove),
		EACH(test_remove_by_id),
		EACH(test_remove_used),
		EACH(test_garbage),
		EACH(test_same_layer),
		EACH(test_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
