/* test_base_db.c: the layer on SQLite: schemas, transactions, errors, several processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/db.h"
#include "base/mem.h"

static const char *const steps[] = {
	"CREATE TABLE t(a TEXT PRIMARY KEY, b INTEGER, c BLOB); CREATE TABLE u(x TEXT);",
	"ALTER TABLE u ADD COLUMN y INTEGER;",
	"CREATE TABLE child(a TEXT REFERENCES t(a));",
};

/* In the place of the C library's, for SQLite too. */
static int syncs_fail;
static int sync_file(long call, int fd)
{
	if (syncs_fail)
		errno = EIO;
	return syncs_fail ? -1 : (int)syscall(call, fd);
}
int fdatasync(int fd)
{
	return sync_file(SYS_fdatasync, fd);
}
int fsync(int fd)
{
	return sync_file(SYS_fsync, fd);
}

struct where {
	char dir[32], path[64];
	struct err e;
};

static int setup(void **state)
{
	struct where *w = xcalloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/hull-db-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/x.db", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	struct where *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		auto_free char *file = xasprintf("%s%s", w->path, ends[i]);
		unlink(file);
	}
	rmdir(w->dir);
	free(w);
	return 0;
}

static struct db *open_db(struct where *w, size_t n_steps)
{
	struct db *db = NULL;

	if (db_open(w->path, DB_CREATE, &db, &w->e) < 0 ||
		db_migrate(db, "test", steps, n_steps, &w->e) < 0)
		fail_msg("%s", w->e.text);
	return db;
}

static void run(struct db *db, const char *sql)
{
	struct err e;

	if (db_exec(db, sql, &e) < 0)
		fail_msg("%s: %s", sql, e.text);
}

static int64_t count(struct db *db)
{
	int64_t n = -1;

	assert_int_equal(db_int(db, &n, NULL, "SELECT count(*) FROM t", ""), 1);
	return n;
}

static void test_create(void **state)
{
	struct where *w = *state;
	struct db *db = NULL;
	struct stat st;

	assert_int_equal(db_open(w->path, 0, &db, &w->e), -1);
	assert_non_null(strstr(w->e.text, w->path));
	umask(0);
	db = open_db(w, 1);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	db_close(db);
	db_close(NULL);
	assert_int_equal(db_open("/not/there/x.db", DB_CREATE, &db, &w->e), -1);
	assert_non_null(strstr(w->e.text, "/not/there/x.db: No such file or directory"));
}

static void test_migrate(void **state)
{
	struct where *w = *state;
	struct db *db = open_db(w, 1);
	int64_t v = 0;

	run(db, "INSERT INTO u VALUES('kept')");
	db_close(db);
	db = open_db(w, 3);
	assert_int_equal(db_int(db, &v, NULL, "SELECT count(y) FROM u WHERE x = 'kept'", ""), 1);
	db_int(db, &v, NULL, "SELECT version FROM schema WHERE module = ?", "s", "test");
	assert_int_equal(v, 3);
	/* Another module counts for itself. */
	assert_int_equal(
		db_migrate(db, "other", (const char *const[]){"CREATE TABLE o(x)"}, 1, &w->e), 0);
	assert_int_equal(db_migrate(db, "test", steps, 2, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(w->e.text, "newer hull"));
	db_close(db);
}

static void test_migrate_fails(void **state)
{
	static const char *const bad[] = {"CREATE TABLE good(x)", "CREATE NONSENSE"};
	struct where *w = *state;
	struct db *db = NULL;
	int64_t v = 0;

	assert_int_equal(db_open(w->path, DB_CREATE, &db, &w->e), 0);
	assert_int_equal(db_migrate(db, "bad", bad, 2, &w->e), -1);
	assert_non_null(strstr(w->e.text, "schema bad, step 2"));
	/* All or nothing. */
	assert_int_equal(
		db_int(db, &v, &w->e, "SELECT 1 FROM sqlite_master WHERE name = 'good'", ""), 0);
	db_close(db);
}

static void test_query(void **state)
{
	struct where *w = *state;
	struct db *db = open_db(w, 3);
	auto_stmt sqlite3_stmt *st = NULL;
	int64_t v = 77;

	assert_int_equal(db_run(db, &w->e, "INSERT INTO t VALUES(?, ?, ?)", "sib", "k", (int64_t)-5,
				 "a\0b", (size_t)3),
		0);
	assert_int_equal(db_changes(db), 1);
	assert_int_equal(
		db_run(db, &w->e, "INSERT INTO t VALUES(?, 1, NULL)", "s", (char *)NULL), 0);
	assert_int_equal(db_query(db, &st, &w->e, "SELECT * FROM t ORDER BY b", ""), 0);
	assert_int_equal(db_step(db, st, &w->e), 1);
	assert_string_equal(db_text(st, 0), "k");
	assert_int_equal(sqlite3_column_int64(st, 1), -5);
	assert_int_equal(sqlite3_column_bytes(st, 2), 3);
	assert_int_equal(db_step(db, st, &w->e), 1);
	assert_string_equal(db_text(st, 0), "");
	assert_int_equal(db_step(db, st, &w->e), 0);
	assert_int_equal(db_int(db, &v, &w->e, "SELECT b FROM t WHERE a = ?", "s", "none"), 0);
	assert_int_equal(v, 77);
	sqlite3_finalize(take_ptr(st));
	assert_int_equal(db_run(db, &w->e, "INSERT INTO t VALUES('k', 1, 1)", ""), -1);
	assert_int_equal(w->e.kind, ERR_CONFLICT);
	assert_int_equal(db_run(db, &w->e, "INSERT INTO child VALUES('none')", ""), -1);
	assert_int_equal(w->e.kind, ERR_CONFLICT); /* foreign keys are on */
	assert_int_equal(db_run(db, &w->e, "SELECT FROM", ""), -1);
	assert_int_equal(w->e.kind, ERR_SYSTEM);
	db_close(db);
}

static void test_transactions(void **state)
{
	struct where *w = *state;
	struct db *db = open_db(w, 1), *other = open_db(w, 1);

	for (int durable = 0; durable < 2; durable++) {
		assert_int_equal(db_begin(db, durable, &w->e), 0);
		run(db, "INSERT INTO t(b) VALUES(1)");
		db_rollback(db);
		db_rollback(db);
		assert_int_equal(count(other), durable);
		assert_int_equal(db_begin(db, durable, &w->e), 0);
		assert_int_equal(db_begin(db, durable, &w->e), -1);
		run(db, "INSERT INTO t(b) VALUES(1)");
		assert_int_equal(count(other), durable);
		assert_int_equal(db_commit(db, &w->e), 0);
		assert_int_equal(count(other), durable + 1);
	}
	db_close(db);
	db_close(other);
}

/* Who comes second to a new database waits, and nobody's row is lost. */
static void test_processes(void **state)
{
	enum { N = 8, EACH = 20 };
	struct where *w = *state;
	pid_t pids[N];

	for (int i = 0; i < N; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		struct db *db = NULL;
		int r = db_open(w->path, DB_CREATE, &db, &w->e);
		if (r == 0)
			r = db_migrate(db, "test", steps, 3, &w->e);
		for (int k = 0; r == 0 && k < EACH; k++) {
			r = db_begin(db, 0, &w->e);
			if (r == 0)
				r = db_run(db, &w->e, "INSERT INTO t(b) VALUES(1)", "");
			if (r == 0)
				r = db_commit(db, &w->e);
		}
		if (r < 0)
			fprintf(stderr, "%s\n", w->e.text);
		db_close(db);
		_exit(r < 0);
	}
	for (int i = 0; i < N; i++) {
		int status = 1;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	struct db *db = open_db(w, 3);
	assert_int_equal(count(db), N * EACH);
	db_close(db);
}

static void test_checkpoint(void **state)
{
	struct where *w = *state;
	struct db *db = open_db(w, 1);
	auto_free char *wal = xasprintf("%s-wal", w->path);
	struct stat st;

	run(db, "INSERT INTO t(b) VALUES(1)");
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(db_checkpoint(db, &w->e), 0);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_size, 0);
	db_close(db);
	db = open_db(w, 1);
	assert_int_equal(count(db), 1);
	db_close(db);
}

static void test_damaged(void **state)
{
	struct where *w = *state;
	struct db *db = NULL;
	FILE *f = fopen(w->path, "w");

	fputs("this is no database, but it is long enough to be looked at as if it were one; ", f);
	fputs("a hundred bytes of header are what SQLite reads first of all", f);
	fclose(f);
	if (db_open(w->path, DB_CREATE, &db, &w->e) == 0)
		assert_int_equal(db_migrate(db, "test", steps, 1, &w->e), -1);
	assert_non_null(strstr(w->e.text, "damaged"));
	db_close(db);
}

/* The first who opens the database after it indexes the log anew. */
static void test_failed_commit(void **state)
{
	struct where *w = *state;
	struct db *db = open_db(w, 1);

	for (int dead = 0; dead < 2; dead++) {
		assert_int_equal(db_begin(db, 1, &w->e), 0);
		run(db, "INSERT INTO t VALUES('ghost', 1, NULL)");
		syncs_fail = 1;
		assert_int_equal(db_commit(db, &w->e), -1);
		assert_non_null(strstr(w->e.text, w->path));
		syncs_fail = dead;
		assert_int_equal(db_is_unsure(db), 0);
		db_close(db);
		syncs_fail = 0;
		db = open_db(w, 1);
		assert_int_equal(count(db), 0);
	}
	db_close(db);
}

static void test_newlines(void **state)
{
	struct where *w = *state;
	struct db *db = NULL;

	assert_int_equal(db_open("two\nlines", 0, &db, &w->e), -1);
	assert_null(strchr(w->e.text, '\n'));
}

#define EACH_DB(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_DB(test_create),
		EACH_DB(test_migrate),
		EACH_DB(test_migrate_fails),
		EACH_DB(test_query),
		EACH_DB(test_transactions),
		EACH_DB(test_processes),
		EACH_DB(test_checkpoint),
		EACH_DB(test_damaged),
		EACH_DB(test_failed_commit),
		EACH_DB(test_newlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
