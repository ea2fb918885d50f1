/* db.c: a thin layer on SQLite.
 *
 * How it works: hull is a short process that opens the database, asks two questions and goes. So
 * what an open costs counts, and what a close costs too:
 *  - no PRAGMA runs that a C call can replace, and WAL, which is a property of the file, is only
 *    set when the file is new;
 *  - synchronous, a property of the handle, is set before the first statement that writes;
 *  - nothing is checkpointed on close (that is two fsyncs); but as each first opener after a last
 *    closer reads the whole WAL to index it anew, the WAL is kept small: by db_checkpoint() in
 *    commands that nobody waits for, else by the commit that finds WAL_PAGES_MAX pages in it. */
#define _GNU_SOURCE
#include "base/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BUSY_MS 10000
#define WAL_PAGES_MAX 250 /* read anew in 0.25 ms, moved in 4 */

enum { SYNC_UNSET = 0, SYNC_NORMAL = 1, SYNC_FULL = 2 };

struct db {
	sqlite3 *h;
	char *path;
	int sync; /* what this handle is set to */
	int unsure;
};

static int fail(struct db *db, struct err *e, const char *doing)
{
	int rc = sqlite3_errcode(db->h), sys = sqlite3_system_errno(db->h);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_CONFLICT,
			"%s %s: another process has held it locked for %d s; try again", doing,
			db->path, BUSY_MS / 1000);
	case SQLITE_CONSTRAINT:
		return err_set(
			e, ERR_CONFLICT, "%s %s: %s", doing, db->path, sqlite3_errmsg(db->h));
	case SQLITE_FULL:
		return err_sys(e, ENOSPC, "%s %s", doing, db->path);
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return err_set(e, ERR_SYSTEM,
			"%s %s: the database is damaged (%s); restore it from a backup, or move it "
			"away to start with an empty store",
			doing, db->path, sqlite3_errmsg(db->h));
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
	case SQLITE_PERM:
		if (sys)
			return err_sys(e, sys, "%s %s", doing, db->path);
		break;
	case SQLITE_READONLY:
		return err_sys(e, EROFS, "%s %s", doing, db->path);
	default:
		break;
	}
	return err_set(e, ERR_SYSTEM, "%s %s: %s", doing, db->path, sqlite3_errmsg(db->h));
}

/* The mode switch takes an exclusive lock for which SQLite does not call the busy handler: the
 * first two openers of a new store may meet here. */
static int set_wal(struct db *db, struct err *e)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	int rc = SQLITE_BUSY;

	for (int i = 0; i < BUSY_MS / 5; i++) {
		rc = sqlite3_exec(db->h, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if ((rc & 0xff) != SQLITE_BUSY)
			break;
		nanosleep(&nap, NULL);
	}
	return rc == SQLITE_OK ? 0 : fail(db, e, "set up the database");
}

static void configure_once(void)
{
	static int done;

	if (done)
		return;
	done = 1;
	/* Counting each allocation takes a mutex. Refused (and harmless) when somebody has
	 * initialised the library before us. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Whole and with truncation, or the log would grow for ever: that a passive checkpoint has moved
 * all of it is written down in shared memory only, which goes with the last closer. A reader in the
 * way is not waited for: the next commit tries again. */
static int on_commit(void *ctx, sqlite3 *h, const char *name, int pages)
{
	(void)ctx;
	if (pages < WAL_PAGES_MAX)
		return SQLITE_OK;
	sqlite3_busy_timeout(h, 0);
	sqlite3_wal_checkpoint_v2(h, name, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(h, BUSY_MS);
	return SQLITE_OK;
}

/* Only what is in memory is touched: no statement runs, no lock is taken. */
static void configure(struct db *db)
{
	int on = 1;

	sqlite3_busy_timeout(db->h, BUSY_MS);
	sqlite3_extended_result_codes(db->h, 1);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	sqlite3_file_control(db->h, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	sqlite3_wal_hook(db->h, on_commit, NULL);
}

/* A new file is 0600 whatever the umask: SQLite gives its -wal and -shm the same mode. */
static int make_file(struct db *db, struct err *e)
{
	int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int saved = errno;

	if (fd < 0)
		return err_sys(e, saved, "create the database %s", db->path);
	close(fd);
	return 0;
}

static int open_handle(struct db *db, int flags, struct err *e)
{
	int mode = SQLITE_OPEN_NOMUTEX |
		   (flags & DB_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	struct stat st;
	int is_new = 0;

	if (stat(db->path, &st) < 0) {
		if (errno != ENOENT || !(flags & DB_CREATE))
			return err_sys(e, errno, "open the database %s", db->path);
		if (make_file(db, e) < 0)
			return -1;
		is_new = 1;
	} else {
		/* Empty: whoever made it has not switched it yet, or was killed before. */
		is_new = st.st_size == 0 && (flags & DB_CREATE);
	}
	if (sqlite3_open_v2(db->path, &db->h, mode, NULL) != SQLITE_OK)
		return db->h ? fail(db, e, "open the database")
			     : err_sys(e, ENOMEM, "open the database %s", db->path);
	configure(db);
	return is_new ? set_wal(db, e) : 0;
}

int db_open(const char *path, int flags, struct db **out, struct err *e)
{
	struct db *db = xcalloc(1, sizeof(*db));

	configure_once();
	db->path = xstrdup(path);
	if (open_handle(db, flags, e) < 0) {
		db_close(db);
		return -1;
	}
	*out = db;
	return 0;
}

int db_attach(struct db *db, const char *path, const char *name, const char *schema, struct err *e)
{
	auto_free char *attach = NULL, *sql = NULL;
	struct stat st;
	int is_new = stat(path, &st) < 0 || st.st_size == 0;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys(e, errno, "create the database %s", path);
	close(fd);
	attach = xasprintf("ATTACH ? AS %s", name);
	if (db_run(db, e, attach, "s", path) < 0)
		return -1;
	sql = xasprintf("PRAGMA %s.synchronous=OFF", name);
	if (sqlite3_exec(db->h, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, e, "set up the database");
	return is_new ? db_exec(db, schema, e) : 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_close_v2(db->h);
	free(db->path);
	free(db);
}

/* Refused by SQLite inside a transaction, where it would have no effect. */
static int set_sync(struct db *db, int sync, struct err *e)
{
	if (db->sync == sync || !sqlite3_get_autocommit(db->h))
		return 0;
	if (sqlite3_exec(db->h,
		    sync == SYNC_FULL ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
		    NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, e, "set up the database");
	db->sync = sync;
	return 0;
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
	if (set_sync(db, SYNC_NORMAL, e) < 0)
		return -1;
	if (sqlite3_exec(db->h, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, e, "write to the database");
	return 0;
}

int db_begin(struct db *db, int durable, struct err *e)
{
	if (set_sync(db, durable ? SYNC_FULL : SYNC_NORMAL, e) < 0)
		return -1;
	if (sqlite3_exec(db->h, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, e, "write to the database");
	return 0;
}

/* A commit whose fsync(2) failed is in the log all the same: SQLite goes back in shared memory
 * only, and whoever indexes the log anew finds it whole. So another commit, of nothing, takes its
 * place. */
static void bury(struct db *db)
{
	int rc = sqlite3_exec(db->h, "PRAGMA user_version=0", NULL, NULL, NULL);

	if (rc != SQLITE_OK && sqlite3_extended_errcode(db->h) != SQLITE_IOERR_FSYNC)
		db->unsure = 1;
}

int db_commit(struct db *db, struct err *e)
{
	if (sqlite3_exec(db->h, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	fail(db, e, "write to the database");
	db_rollback(db);
	bury(db);
	return -1;
}

int db_is_unsure(const struct db *db)
{
	return db->unsure;
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
}

static int bind(sqlite3_stmt *st, const char *types, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
		if (*types == 'i') {
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		} else if (*types == 's') {
			rc = sqlite3_bind_text(
				st, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else if (*types == 'b') {
			const void *data = va_arg(ap, const void *);
			size_t len = va_arg(ap, size_t);
			rc = sqlite3_bind_blob64(st, i, data, len, SQLITE_TRANSIENT);
		} else {
			rc = SQLITE_MISUSE;
		}
	}
	return rc;
}

static int query(struct db *db, sqlite3_stmt **out, struct err *e, const char *sql,
	const char *types, va_list ap)
{
	auto_stmt sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db->h, sql, -1, &st, NULL) != SQLITE_OK)
		return fail(db, e, "ask the database");
	if (!sqlite3_stmt_readonly(st) && set_sync(db, SYNC_NORMAL, e) < 0)
		return -1;
	if (bind(st, types, ap) != SQLITE_OK)
		return fail(db, e, "ask the database");
	*out = take_ptr(st);
	return 0;
}

int db_query(
	struct db *db, sqlite3_stmt **out, struct err *e, const char *sql, const char *types, ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = query(db, out, e, sql, types, ap);
	va_end(ap);
	return r;
}

int db_step(struct db *db, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : fail(db, e, "use the database");
}

int db_run(struct db *db, struct err *e, const char *sql, const char *types, ...)
{
	auto_stmt sqlite3_stmt *st = NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	r = query(db, &st, e, sql, types, ap);
	va_end(ap);
	while (r >= 0 && (r = db_step(db, st, e)) == 1)
		;
	return r;
}

int db_int(struct db *db, int64_t *out, struct err *e, const char *sql, const char *types, ...)
{
	auto_stmt sqlite3_stmt *st = NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	r = query(db, &st, e, sql, types, ap);
	va_end(ap);
	if (r < 0)
		return r;
	r = db_step(db, st, e);
	if (r == 1)
		*out = sqlite3_column_int64(st, 0);
	return r;
}

const char *db_text(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s ? s : "";
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes(db->h);
}

/* -1 with *e untouched when the table is not there yet. */
static int64_t schema_version(struct db *db, const char *module)
{
	int64_t version = 0;

	if (db_int(db, &version, NULL, "SELECT version FROM schema WHERE module = ?", "s", module) <
		0)
		return -1;
	return version;
}

static int check_version(
	struct db *db, const char *module, int64_t version, size_t known, struct err *e)
{
	if (version <= (int64_t)known)
		return 0;
	return err_set(e, ERR_UNSUPPORTED,
		"%s was written by a newer hull (%s schema %lld, this one knows %zu): use that one",
		db->path, module, (long long)version, known);
}

static int migrate(
	struct db *db, const char *module, const char *const *steps, size_t n, struct err *e)
{
	int64_t version;

	if (db_exec(db,
		    "CREATE TABLE IF NOT EXISTS schema(module TEXT PRIMARY KEY, version INTEGER "
		    "NOT NULL) WITHOUT ROWID",
		    e) < 0)
		return -1;
	/* Asked again, now under the lock: somebody else may have been first. */
	version = schema_version(db, module);
	if (version < 0)
		return fail(db, e, "ask the database");
	if (check_version(db, module, version, n, e) < 0)
		return -1;
	for (size_t i = (size_t)version; i < n; i++)
		if (db_exec(db, steps[i], e) < 0)
			return err_wrap(e, "schema %s, step %zu", module, i + 1);
	return db_run(
		db, e, "INSERT OR REPLACE INTO schema VALUES(?, ?)", "si", module, (int64_t)n);
}

int db_migrate(struct db *db, const char *module, const char *const *steps, size_t n, struct err *e)
{
	int64_t version = schema_version(db, module);

	if (version < 0 && (sqlite3_errcode(db->h) & 0xff) != SQLITE_ERROR)
		return fail(db, e, "open the database");
	if (version >= 0 && check_version(db, module, version, n, e) < 0)
		return -1;
	if (version == (int64_t)n)
		return 0;
	if (db_begin(db, 1, e) < 0)
		return -1;
	if (migrate(db, module, steps, n, e) < 0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

int db_checkpoint(struct db *db, struct err *e)
{
	/* TRUNCATE: what has only been moved would still be read by the next first opener. */
	int rc = sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	/* A reader that does not end keeps its pages in the WAL: the next one will move them. */
	if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY)
		return 0;
	return fail(db, e, "tidy the database");
}
