/* check_database.c: are hull.db and run.db sound? */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/check.h"

#define RUN_REPAIR \
	"it is removed: running containers of --rm lose their names and rows, not their lives"
#define ADVICE "left: restore it from a backup, or move it away to start with an empty store"

/* 0 sound, 1 with what is wrong (caller frees): the first line that SQLite says. */
static int is_damaged(struct db *db, const char *schema, char **out_why)
{
	auto_free char *sql = xasprintf("PRAGMA %s.integrity_check(1)", schema);
	auto_stmt sqlite3_stmt *st = NULL;
	struct err e = {0};
	int r = db_query(db, &st, &e, sql, "");

	if (r == 0)
		r = db_step(db, st, &e);
	if (r == 1 && streq(db_text(st, 0), "ok"))
		return 0;
	*out_why = xstrdup(r == 1 ? db_text(st, 0) : e.text);
	for (char *p = *out_why; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return 1;
}

/* An index that does not fit its table can be made anew. */
static int mend(struct db *db, const char *schema)
{
	auto_free char *why = NULL;

	return db_exec(db, "REINDEX", NULL) < 0 || is_damaged(db, schema, &why) ? -EIO : 0;
}

int check_databases(struct check *c)
{
	static const struct {
		const char *schema, *file;
	} all[] = {{"main", "hull.db"}, {"run", "run.db"}};
	int damaged = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		auto_free char *why = NULL;
		auto_free char *path = xasprintf(
			"%s/%s", i == 0 ? c->en->root : c->en->runroot, all[i].file);

		if (!is_damaged(c->en->db, all[i].schema, &why))
			continue;
		if (c->repair && mend(c->en->db, all[i].schema) == 0) {
			check_tell(c, 0, "database", path, "its indexes are made anew", "%s", why);
			continue;
		}
		check_leave(c, "database", path, ADVICE, "%s", why);
		damaged = 1;
	}
	return damaged;
}

/* ---- before there is an engine */

static int judge_file(const char *path, char **out_why)
{
	auto_db struct db *db = NULL;
	struct err e = {0};

	if (access(path, F_OK) < 0)
		return 0;
	if (db_open(path, 0, &db, &e) < 0) {
		*out_why = xstrdup(e.text);
		return 1;
	}
	return is_damaged(db, "main", out_why);
}

static int put_away(const char *path)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		auto_free char *file = xasprintf("%s%s", path, suffixes[i]);
		if (unlink(file) < 0 && errno != ENOENT)
			r = -errno;
	}
	return r;
}

int check_lost_databases(
	const struct engine_options *o, int repair, const struct err *why, struct engine_check *out)
{
	auto_free char *root = NULL, *runroot = NULL, *db = NULL, *run = NULL, *text = NULL;
	struct check c = {.repair = repair, .out = out};
	int r;

	if (why->kind != ERR_SYSTEM || engine_root(o, &root, NULL) < 0 ||
		engine_runroot(o, &runroot, NULL) < 0)
		return -1;
	db = xasprintf("%s/hull.db", root);
	run = xasprintf("%s/run.db", runroot);
	if (judge_file(db, &text)) {
		check_leave(&c, "database", db, ADVICE, "%s", text);
		return 0;
	}
	if (!judge_file(run, &text))
		return -1;
	r = repair ? put_away(run) : 0;
	check_tell(&c, r, "database", run, RUN_REPAIR, "%s", text);
	return repair && r == 0;
}
