/* test_engine_idrange.c: which ids containers get. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/container_store.h"
#include "engine/idrange.h"

static char folder[] = "/tmp/hull-test-idrange.XXXXXX";
static struct db *db;

static int open_store(void **state)
{
	auto_free char *path = NULL, *run = NULL;
	struct err e = {0};

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	path = xasprintf("%s/hull.db", folder);
	run = xasprintf("%s/run.db", folder);
	if (db_open(path, DB_CREATE, &db, &e) < 0 || container_store_migrate(db, run, &e) < 0) {
		print_error("%s\n", e.text);
		return -1;
	}
	return 0;
}

static int close_store(void **state)
{
	auto_free char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	db_close(db);
	return system(command);
}

/* slot < 0: none. Returns what adding it returned. */
static int add(int n, const char *name, int64_t slot, int64_t n_slots, int ephemeral, struct err *e)
{
	char id[65];
	struct container_row r = {
		.id = id,
		.name = (char *)name,
		.image = (char *)"i",
		.image_id = (char *)"",
		.created_ns = n,
		.slot = slot,
		.n_slots = n_slots,
		.ephemeral = ephemeral,
		.config = (char *)"{}",
	};

	snprintf(id, sizeof(id), "%064x", (unsigned)n);
	return container_store_add(db, &r, e);
}

static void add_good(int n, int64_t slot, int64_t n_slots, int ephemeral)
{
	auto_free char *name = xasprintf("c%d", n);
	struct err e = {0};

	if (add(n, name, slot, n_slots, ephemeral, &e) < 0)
		fail_msg("%s", e.text);
}

static void test_parse(void **state)
{
	struct idrange_taken t = {0};
	char subid[] = "ann:100000:65536\n"	  /* below all slots */
		       "bob:524288:65536\n"	  /* slot 0 */
		       "cat:655360:1\n"		  /* slot 2 */
		       "dan:786431:2\n"		  /* ends of slots 3 and 4 */
		       "eve:1879048000:1000000\n" /* the last slot and beyond */
		       "fay:4294967295:65536\n"
		       "broken\n:::\nx:1\ny:a:b\nz:600000:-1\nneg:-5:10\n";
	char passwd[] = "root:x:0:0:::\nbig:x:1048576:1048576:::\nnobody:x:65534:65534:::\nbad";

	(void)state;
	idrange_taken_parse(&t, subid, 1);
	assert_int_equal(t.n, 4);
	assert_int_equal(idrange_taken_hit(&t, 0, 1), 1);
	assert_int_equal(idrange_taken_hit(&t, 1, 1), 0);
	assert_int_equal(idrange_taken_hit(&t, 2, 1), 3);
	assert_int_equal(idrange_taken_hit(&t, 3, 1), 5);
	assert_int_equal(idrange_taken_hit(&t, 4, 1), 5);
	assert_int_equal(idrange_taken_hit(&t, 5, 1000), 0);
	assert_int_equal(idrange_taken_hit(&t, 1, 4), 5);
	assert_int_equal(idrange_taken_hit(&t, IDRANGE_SLOTS - 1, 1), IDRANGE_SLOTS);
	idrange_taken_done(&t);
	idrange_taken_parse(&t, passwd, 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(idrange_taken_hit(&t, 8, 1), 9);
	idrange_taken_done(&t);
}

static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(IDRANGE_SLOTS, 28664);
	assert_int_equal(idrange_host_id(0), 524288);
	assert_int_equal(idrange_host_id(IDRANGE_SLOTS - 1) + (IDRANGE_SIZE - 1), 1879048191);
	assert_int_equal(idrange_slots(0), 1);
	assert_int_equal(idrange_slots(-1), 1);
	assert_int_equal(idrange_slots(65535), 1);
	assert_int_equal(idrange_slots(65536), 2);
	assert_int_equal(idrange_slots(1024 * 65536 - 1), 1024);
	assert_int_equal(idrange_slots(1024 * 65536), -1);
	assert_int_equal(idrange_slots(4294967294), -1);
}

/* Everything is somebody's but two places: they are found wherever the search starts. */
static void test_find(void **state)
{
	struct idrange_taken t = {0};
	struct err e = {0};
	int64_t slot;

	(void)state;
	idrange_taken_add(&t, 0, (uint64_t)idrange_host_id(100));
	idrange_taken_add(&t, idrange_host_id(101), (uint64_t)99 * IDRANGE_SIZE);
	idrange_taken_add(&t, idrange_host_id(210), UINT32_MAX);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(idrange_find(db, &t, 1, &slot, &e), 0);
		assert_true(slot == 100 || (slot >= 200 && slot < 210));
		assert_int_equal(idrange_find(db, &t, 10, &slot, &e), 0);
		assert_int_equal(slot, 200);
		assert_int_equal(idrange_find(db, &t, 11, &slot, &e), -1);
	}
	assert_int_equal(e.kind, ERR_CONFLICT);
	add_good(1, 100, 1, 0);
	add_good(2, 202, 3, 1); /* 202 to 204, in the other file */
	for (int i = 0; i < 50; i++) {
		assert_int_equal(idrange_find(db, &t, 2, &slot, &e), 0);
		assert_true(slot == 200 || (slot >= 205 && slot <= 208));
		assert_int_equal(idrange_find(db, &t, 5, &slot, &e), 0);
		assert_int_equal(slot, 205);
		assert_int_equal(idrange_find(db, &t, 6, &slot, &e), -1);
	}
	idrange_taken_done(&t);
}

static void test_names(void **state)
{
	struct container_row r;
	struct err e = {0};

	(void)state;
	add_good(0xabc0, -1, 0, 0);
	add_good(0xabc1, -1, 0, 1);
	assert_int_equal(add(0xabc2, "c43968", -1, 0, 0, &e), -1); /* 0xabc0 */
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_non_null(
		strstr(e.text, "Conflict. The container name \"/c43968\" is already in use"));
	assert_int_equal(add(0xabc2, "c43969", -1, 0, 0, &e), -1); /* held by --rm */
	assert_int_equal(container_store_find(db, "/c43969", &r, &e), 0);
	assert_true(r.ephemeral);
	container_row_done(&r);
	assert_int_equal(container_store_find(db, "none", &r, &e), -1);
	assert_string_equal(e.text, "No such container: none");
	assert_int_equal(container_store_find(db, "00000", &r, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_int_equal(container_store_find(db, "", &r, &e), -1);
	assert_int_equal(container_store_find(db, "/", &r, &e), -1);
	assert_int_equal(container_store_find(db, "%", &r, &e), -1);
	assert_int_equal(container_name_check("ab", &e), 0);
	assert_int_equal(container_name_check("a", &e), -1);
	assert_int_equal(container_name_check(".ab", &e), -1);
	assert_int_equal(container_name_check("a/b", &e), -1);
	assert_int_equal(container_name_check("a b", &e), -1);
	assert_int_equal(container_name_check("", &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
