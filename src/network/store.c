/* store.c: the rows of networks. */
#define _GNU_SOURCE
#include "network/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/cidr.h"
#include "network/store_parts.h"

static const char *const schema[] = {
	"CREATE TABLE networks(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, driver TEXT NOT "
	"NULL, "
	"bridge TEXT NOT NULL, created_ns INTEGER NOT NULL, net4 TEXT NOT NULL, net6 TEXT NOT "
	"NULL, "
	"gateway4 TEXT NOT NULL, gateway6 TEXT NOT NULL, range4 TEXT NOT NULL, range6 TEXT NOT "
	"NULL, "
	"internal INTEGER NOT NULL, isolate INTEGER NOT NULL, mtu INTEGER NOT NULL, labels TEXT "
	"NOT "
	"NULL, options TEXT NOT NULL) WITHOUT ROWID;" STORE_TABLES("main")};

const char network_store_run_schema[] = STORE_TABLES("run");

#define COLUMNS                                                                                  \
	"id, name, driver, bridge, created_ns, net4, net6, gateway4, gateway6, range4, range6, " \
	"internal, isolate, mtu, labels, options"

int network_store_migrate(struct db *db, struct err *e)
{
	return db_migrate(db, "network", schema, ARRAY_SIZE(schema), e);
}

void network_done(struct network *n)
{
	free(n->id);
	free(n->name);
	free(n->driver);
	free(n->bridge);
	strv_free(n->labels);
	strv_free(n->options);
	*n = (struct network){0};
}

struct link_addr network_store_addr(sqlite3_stmt *st, int column)
{
	struct link_addr a = {0};

	/* Ours alone write here; what is not an address is none. */
	(void)!cidr_parse(db_text(st, column), &a);
	return a;
}

char *network_store_words_text(char *const *v)
{
	return v ? strv_join(v, "\n") : xstrdup("");
}

char **network_store_words(sqlite3_stmt *st, int column)
{
	const char *text = db_text(st, column);

	return *text ? strv_split(text, "\n") : NULL;
}

static void from_row(sqlite3_stmt *st, struct network *n)
{
	*n = (struct network){
		.id = xstrdup(db_text(st, 0)),
		.name = xstrdup(db_text(st, 1)),
		.driver = xstrdup(db_text(st, 2)),
		.bridge = xstrdup(db_text(st, 3)),
		.created_ns = sqlite3_column_int64(st, 4),
		.net4 = network_store_addr(st, 5),
		.net6 = network_store_addr(st, 6),
		.gateway4 = network_store_addr(st, 7),
		.gateway6 = network_store_addr(st, 8),
		.range4 = network_store_addr(st, 9),
		.range6 = network_store_addr(st, 10),
		.internal = sqlite3_column_int(st, 11),
		.isolate = sqlite3_column_int(st, 12),
		.mtu = (uint32_t)sqlite3_column_int64(st, 13),
		.labels = network_store_words(st, 14),
		.options = network_store_words(st, 15),
	};
}

static int find_where(
	struct db *db, const char *where, const char *word, struct network *out, struct err *e)
{
	auto_free char *sql = xasprintf("SELECT " COLUMNS " FROM networks WHERE %s LIMIT 2", where);
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, sql, "s", word) < 0)
		return -1;
	r = db_step(db, st, e);
	if (r != 1)
		return r;
	from_row(st, out);
	r = db_step(db, st, e);
	if (r == 0)
		return 1;
	network_done(out);
	return r < 0 ? -1
		     : err_set(e, ERR_INVALID, "network %.64s is ambiguous: more digits of the id",
			       word);
}

int network_store_find(struct db *db, const char *name, struct network *out, struct err *e)
{
	int r = find_where(db, "name = ?", name, out, e);

	/* GLOB's own characters do not come out of hex digits. */
	if (r == 0 && *name && strspn(name, "0123456789abcdef") == strlen(name))
		r = find_where(db, "id GLOB ?1 || '*'", name, out, e);
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "network %.200s not found", name);
	return r < 0 ? -1 : 0;
}

int network_store_each(
	struct db *db, int (*each)(const struct network *n, void *ctx), void *ctx, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, "SELECT " COLUMNS " FROM networks ORDER BY name", "") < 0)
		return -1;
	while ((r = db_step(db, st, e)) == 1) {
		auto_network struct network n;
		from_row(st, &n);
		if (each(&n, ctx) < 0)
			return -1;
	}
	return r;
}

static int is_taken(struct db *db, const struct network *n, struct err *e)
{
	int64_t one;
	int r = db_int(db, &one, e, "SELECT 1 FROM networks WHERE name = ?", "s", n->name);

	if (r == 1)
		return err_set(e, ERR_CONFLICT, "network with name %.200s already exists", n->name);
	if (r == 0 && streq(n->driver, "bridge"))
		r = db_int(db, &one, e,
			"SELECT 1 FROM networks WHERE driver = 'bridge' AND bridge = ?", "s",
			n->bridge);
	if (r == 1)
		return err_set(e, ERR_CONFLICT, "the bridge %s belongs to another network of hull",
			n->bridge);
	return r;
}

int network_store_add(struct db *db, const struct network *n, struct err *e)
{
	auto_free char *net4 = cidr_dup(&n->net4), *net6 = cidr_dup(&n->net6);
	auto_free char *gw4 = cidr_dup(&n->gateway4), *gw6 = cidr_dup(&n->gateway6);
	auto_free char *r4 = cidr_dup(&n->range4), *r6 = cidr_dup(&n->range6);
	auto_free char *labels = network_store_words_text(n->labels),
		       *options = network_store_words_text(n->options);

	if (is_taken(db, n, e) < 0)
		return -1;
	return db_run(db, e,
		"INSERT INTO networks(" COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"ssssissssssiiiss", n->id, n->name, n->driver, n->bridge, n->created_ns, net4, net6,
		gw4, gw6, r4, r6, (int64_t)n->internal, (int64_t)n->isolate, (int64_t)n->mtu,
		labels, options);
}

int network_store_remove(struct db *db, const char *id, struct err *e)
{
	if (db_run(db, e, "DELETE FROM main.places WHERE network = ?", "s", id) < 0 ||
		db_run(db, e, "DELETE FROM run.places WHERE network = ?", "s", id) < 0)
		return -1;
	return db_run(db, e, "DELETE FROM networks WHERE id = ?", "s", id);
}
