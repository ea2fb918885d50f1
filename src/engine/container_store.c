/* container_store.c: the rows of containers.
 *
 * How it works: what must outlive the machine is in hull.db; containers of --rm are in a file of
 * the run folder (a tmpfs) that is attached to the same handle: their coming and going writes
 * nothing to the disk, and a reboot forgets them. Both have one table of one form, and names and id
 * ranges are unique over both because each addition holds both files' write locks. */
#include "engine/container_store.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "network/store.h"

#define ID_LEN 64

static const char *const schema[] = {
	/* 1: the index on slot answers "which range ends before here" (idrange.c). None on
	 * image_id: each index is a page more to write in every run, and rmi may look at all rows.
	 */
	"CREATE TABLE containers(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image TEXT NOT "
	"NULL, image_id TEXT NOT NULL, created_ns INTEGER NOT NULL, slot INTEGER UNIQUE, n_slots "
	"INTEGER NOT NULL, ephemeral INTEGER NOT NULL, started INTEGER NOT NULL, config TEXT NOT "
	"NULL) WITHOUT ROWID;"};

static const char run_schema[] =
	"CREATE TABLE IF NOT EXISTS run.containers(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
	"image "
	"TEXT NOT NULL, image_id TEXT NOT NULL, created_ns INTEGER NOT NULL, slot INTEGER UNIQUE, "
	"n_slots INTEGER NOT NULL, ephemeral INTEGER NOT NULL, started INTEGER NOT NULL, config "
	"TEXT NOT "
	"NULL) WITHOUT ROWID;";

/* SELECT `what` FROM both files WHERE `where`, with one parameter for each. */
#define BOTH(what, where)                                                             \
	"SELECT " what " FROM main.containers WHERE " where " UNION ALL SELECT " what \
	" FROM run.containers WHERE " where
#define TABLE(r) ((r)->ephemeral ? "run.containers" : "main.containers")
#define COLUMNS "id, name, image, image_id, created_ns, slot, n_slots, ephemeral, started"

void container_row_done(struct container_row *r)
{
	free(r->id);
	free(r->name);
	free(r->image);
	free(r->image_id);
	free(r->config);
	*r = (struct container_row){0};
}

int container_store_migrate(struct db *db, const char *run_path, struct err *e)
{
	auto_free char *run = NULL;

	if (db_migrate(db, "engine", schema, ARRAY_SIZE(schema), e) < 0 ||
		network_store_migrate(db, e) < 0)
		return -1;
	run = xasprintf("%s%s", run_schema, network_store_run_schema);
	return db_attach(db, run_path, "run", run, e);
}

int container_name_check(const char *name, struct err *e)
{
	size_t len = strlen(name);
	int good = len >= 2 && len <= 255 && isalnum((unsigned char)*name);

	for (const char *p = name; *p && good; p++)
		good = isalnum((unsigned char)*p) || strchr("_.-", *p);
	if (good)
		return 0;
	return err_set(e, ERR_INVALID,
		"Invalid container name (%.300s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
		name);
}

/* The id of the container of this name: 1, or 0. */
static int id_of_name(struct db *db, const char *name, char out[ID_LEN + 1], struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, BOTH("id", "name = ?1"), "s", name) < 0)
		return -1;
	r = db_step(db, st, e);
	if (r == 1) {
		strncpy(out, db_text(st, 0), ID_LEN);
		out[ID_LEN] = '\0';
	}
	return r;
}

int container_store_name_taken(struct db *db, const char *name, struct err *e)
{
	char id[ID_LEN + 1];

	return id_of_name(db, name, id, e);
}

int container_store_add(struct db *db, const struct container_row *r, struct err *e)
{
	auto_free char *sql = NULL;
	char holder[ID_LEN + 1];
	int taken = id_of_name(db, r->name, holder, e);

	if (taken < 0)
		return -1;
	if (taken)
		return err_set(e, ERR_CONFLICT,
			"Conflict. The container name \"/%s\" is already in use by container "
			"\"%s\". You have to remove (or rename) that container to be able to reuse "
			"that name.",
			r->name, holder);
	/* Slot -1 is stored as NULL, of which there may be many. */
	sql = xasprintf("INSERT INTO %s(" COLUMNS ", config) "
			"VALUES(?, ?, ?, ?, ?, nullif(?, -1), ?, ?, ?, ?)",
		TABLE(r));
	return db_run(db, e, sql, "ssssiiiiis", r->id, r->name, r->image, r->image_id,
		r->created_ns, r->slot < 0 ? INT64_C(-1) : r->slot,
		r->slot < 0 ? INT64_C(0) : r->n_slots, (int64_t)r->ephemeral, (int64_t)r->started,
		r->config);
}

int container_store_remove(struct db *db, const char *id, struct err *e)
{
	int64_t found;
	int r = db_int(db, &found, e, "SELECT 1 FROM run.containers WHERE id = ?", "s", id);

	if (r < 0)
		return -1;
	return db_run(db, e,
		r ? "DELETE FROM run.containers WHERE id = ?"
		  : "DELETE FROM main.containers WHERE id = ?",
		"s", id);
}

static void from_row(sqlite3_stmt *st, struct container_row *r)
{
	*r = (struct container_row){
		.id = xstrdup(db_text(st, 0)),
		.name = xstrdup(db_text(st, 1)),
		.image = xstrdup(db_text(st, 2)),
		.image_id = xstrdup(db_text(st, 3)),
		.created_ns = sqlite3_column_int64(st, 4),
		.slot = sqlite3_column_type(st, 5) == SQLITE_NULL ? -1
								  : sqlite3_column_int64(st, 5),
		.n_slots = sqlite3_column_int64(st, 6),
		.ephemeral = sqlite3_column_int(st, 7),
		.started = sqlite3_column_int(st, 8),
	};
}

int container_store_get(struct db *db, const char *id, struct container_row *out, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, BOTH(COLUMNS ", config", "id = ?1"), "s", id) < 0)
		return -1;
	r = db_step(db, st, e);
	if (r != 1)
		return r;
	from_row(st, out);
	out->config = xstrdup(db_text(st, 9));
	return 1;
}

/* 1 with *out, 0 none, -1 also when several ids start so. */
static int id_of_prefix(struct db *db, const char *hex, char out[ID_LEN + 1], struct err *e)
{
	auto_free char *to = xasprintf("%sg", hex); /* 'g' is behind every digit */
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, BOTH("id", "id >= ?1 AND id < ?2") " LIMIT 2", "ss", hex, to) < 0)
		return -1;
	r = db_step(db, st, e);
	if (r != 1)
		return r;
	strncpy(out, db_text(st, 0), ID_LEN);
	out[ID_LEN] = '\0';
	r = db_step(db, st, e);
	if (r == 1)
		return err_set(e, ERR_CONFLICT,
			"the ids of several containers start with \"%s\": give more of its digits",
			hex);
	return r < 0 ? -1 : 1;
}

int container_store_find(struct db *db, const char *text, struct container_row *out, struct err *e)
{
	const char *name = *text == '/' ? text + 1 : text;
	size_t len = strlen(text);
	char id[ID_LEN + 1];
	int is_hex = len && len <= ID_LEN && strspn(text, "0123456789abcdef") == len, r = 0;

	/* A whole id wins over a name of the same letters, a name over the start of an id. */
	if (is_hex && len == ID_LEN)
		r = id_of_prefix(db, text, id, e);
	if (r == 0 && *name)
		r = id_of_name(db, name, id, e);
	if (r == 0 && is_hex && len < ID_LEN)
		r = id_of_prefix(db, text, id, e);
	if (r == 1)
		r = container_store_get(db, id, out, e);
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "No such container: %.400s", text);
	return r < 0 ? -1 : 0;
}

int container_store_list(struct db *db, struct container_row **out, size_t *out_n, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	struct container_row *v = NULL;
	size_t n = 0;
	int r;

	if (db_query(db, &st, e, BOTH(COLUMNS, "1") " ORDER BY created_ns DESC, id", "") < 0)
		return -1;
	while ((r = db_step(db, st, e)) == 1) {
		if ((n & (n - 1)) == 0) /* room for twice as many at each power of two */
			v = xreallocarray(v, n ? n * 2 : 1, sizeof(*v));
		from_row(st, &v[n++]);
	}
	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			container_row_done(&v[i]);
		free(v);
		return -1;
	}
	*out = v;
	*out_n = n;
	return 0;
}

char *container_store_config(struct db *db, const char *id, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, BOTH("config", "id = ?1"), "s", id) < 0)
		return NULL;
	r = db_step(db, st, e);
	if (r == 1)
		return xstrdup(db_text(st, 0));
	if (r == 0)
		err_set(e, ERR_NOT_FOUND, "No such container: %s", id);
	return NULL;
}

int container_store_image_user(struct db *db, const char *image_id, char out_id[65], struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, BOTH("id", "image_id = ?1") " LIMIT 1", "s", image_id) < 0)
		return -1;
	r = db_step(db, st, e);
	if (r == 1) {
		strncpy(out_id, db_text(st, 0), ID_LEN);
		out_id[ID_LEN] = '\0';
	}
	return r;
}
