/* db.h: a thin layer on SQLite: opening as hull needs it, one-line errors, prepared statements with
 * a format. Speaking. A handle never crosses a fork: close it before. */
#pragma once

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;

enum db_flags { DB_CREATE = 1, DB_READ_ONLY = 2 };

/* WAL, busy timeout of 10 s, foreign keys on, synchronous NORMAL, no checkpoint on close,
 * persistent WAL. A missing file is NOT created without DB_CREATE; a created one is 0600. */
int db_open(const char *path, int flags, struct db **out, struct err *e);
void db_close(struct db *db); /* NULL is accepted */
static inline void db_close_ptr(struct db **db)
{
	db_close(*db);
}
#define auto_db __attribute__((cleanup(db_close_ptr)))

/* A second file of the same handle, as schema `name` (a word of ours, not the user's): for what may
 * be lost with the machine, never synced. Made (0600) when it is missing; `schema` (its own SQL,
 * with IF NOT EXISTS) is run when it is new. */
int db_attach(struct db *db, const char *path, const char *name, const char *schema, struct err *e);

/* Schema by steps: `steps` are SQL texts, step i brings user_version of `module` from i to i+1; a
 * table "schema(module, version)" remembers. Costs one SELECT when up to date. */
int db_migrate(
	struct db *db, const char *module, const char *const *steps, size_t n, struct err *e);

/* Run statements without results. */
int db_exec(struct db *db, const char *sql, struct err *e);

/* BEGIN IMMEDIATE ... COMMIT / ROLLBACK. durable: this transaction is on the disk when commit
 * returns (synchronous FULL), else it survives a crash of programs but perhaps not of the machine.
 */
int db_begin(struct db *db, int durable, struct err *e);
int db_commit(struct db *db, struct err *e);
/* 1: a commit failed, and what it wrote may come to life all the same. What its rows stand for must
 * not be removed then. */
int db_is_unsure(const struct db *db);
void db_rollback(struct db *db); /* harmless when no transaction is open */

/* Prepare sql and bind by types: "i" int64_t, "s" const char * (NULL allowed), "b" const void *,
 *size_t. db_query(db, &st, e, "SELECT x FROM t WHERE a = ? AND b = ?", "is", (int64_t)1, "x") */
int db_query(
	struct db *db, sqlite3_stmt **out, struct err *e, const char *sql, const char *types, ...);
/* 1 = a row, 0 = no more, -1 = *e. */
int db_step(struct db *db, sqlite3_stmt *st, struct err *e);
/* db_query, db_step until done, finalize. *e->kind is ERR_CONFLICT on a constraint violation. */
int db_run(struct db *db, struct err *e, const char *sql, const char *types, ...);
/* One integer; *out untouched and 0 returned when there is no row, 1 when there is. */
int db_int(struct db *db, int64_t *out, struct err *e, const char *sql, const char *types, ...);
const char *db_text(sqlite3_stmt *st, int column); /* "" for NULL */
int64_t db_changes(struct db *db);
/* Move the WAL into the database file. Costs two fsyncs, and saves every later db_open from reading
 * a long WAL: for the end of commands that nobody waits for in a loop (import, rmi). */
int db_checkpoint(struct db *db, struct err *e);

static inline void db_stmt_ptr(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}
#define auto_stmt __attribute__((cleanup(db_stmt_ptr)))
