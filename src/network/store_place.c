/* store_place.c: the places of containers in networks: addresses taken and given back.
 *
 * How it works: a free address is the one behind the highest that is taken; only when that is
 * beyond the end the lowest gap is looked for. Both are answered by an index, whatever the number
 * of containers, and an address that was just given back is not the next to be taken while there
 * are others. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/cidr.h"
#include "network/store.h"
#include "network/store_parts.h"

#define SERVER_MIN 9 /* a subnet of 16 addresses has one to spare */
#define SERVER_MAX 0xfffe
#define PLACES(r) ((r) ? "run.places" : "main.places")

void place_done(struct place *p)
{
	free(p->interface);
	strv_free(p->aliases);
	*p = (struct place){0};
}

/* One family of a network: what may be taken, as offsets. */
struct room {
	const char *column; /* "offset4" */
	const struct link_addr *net, *gateway;
	int64_t first, last; /* both may be taken */
	int64_t server;	     /* but this one is kept for the name server; -1: none is */
};

static int64_t clamp(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int64_t gateway_of(const struct room *r)
{
	return r->gateway->family ? clamp(cidr_offset(r->net, r->gateway)) : -1;
}

/* The last one, where addresses are taken last; of the many of IPv6 one that can be read. In the
 * smallest networks none. */
static int64_t server_of(const struct room *r)
{
	int64_t server = r->last < SERVER_MAX ? r->last : SERVER_MAX;

	if (server < SERVER_MIN)
		return -1;
	return server == gateway_of(r) ? server - 1 : server;
}

static struct room room_of(const struct network *n, int family)
{
	const int v4 = family == AF_INET;
	const struct link_addr *range = v4 ? &n->range4 : &n->range6;
	struct room r = {
		.column = v4 ? "offset4" : "offset6",
		.net = v4 ? &n->net4 : &n->net6,
		.gateway = v4 ? &n->gateway4 : &n->gateway6,
	};
	int64_t size = clamp(cidr_size(r.net));

	/* Neither the network's own address nor, in IPv4, the broadcast address. */
	r.first = 1;
	r.last = size - (v4 ? 2 : 1);
	r.server = server_of(&r);
	if (range->family) {
		int64_t from = clamp(cidr_offset(r.net, range));
		int64_t to = from + clamp(cidr_size(range)) - 1;
		r.first = from > r.first ? from : r.first;
		r.last = to >= from && to < r.last ? to : r.last;
	}
	return r;
}

/* The lowest free one from `from` on that is not the gateway: `from` itself, or behind a taken one.
 */
static int lowest_gap(
	struct db *db, const char *network, const struct room *r, int64_t *out, struct err *e)
{
	auto_free char *sql = xasprintf(
		"WITH taken(o) AS (SELECT %1$s FROM main.places WHERE network = ?1 AND %1$s >= ?2 "
		"UNION ALL SELECT %1$s FROM run.places WHERE network = ?1 AND %1$s >= ?2 UNION ALL "
		"SELECT ?3 UNION ALL SELECT ?5) "
		"SELECT min(c) FROM (SELECT ?2 AS c UNION ALL SELECT o + 1 FROM taken WHERE o >= "
		"?2) "
		"WHERE c NOT IN (SELECT o FROM taken) AND c <= ?4",
		r->column);
	int64_t found = -1;
	int got = db_int(
		db, &found, e, sql, "siiii", network, r->first, gateway_of(r), r->last, r->server);

	if (got < 0)
		return -1;
	*out = got == 1 && found >= r->first ? found : -1;
	return 0;
}

static int highest(
	struct db *db, const char *network, const struct room *r, int64_t *out, struct err *e)
{
	auto_free char *sql = xasprintf(
		"SELECT max(ifnull((SELECT max(%1$s) FROM main.places WHERE network = ?1 "
		"AND %1$s BETWEEN ?2 AND ?3), -1), ifnull((SELECT max(%1$s) FROM run.places "
		"WHERE network = ?1 AND %1$s BETWEEN ?2 AND ?3), -1))",
		r->column);

	return db_int(db, out, e, sql, "sii", network, r->first, r->last) < 0 ? -1 : 0;
}

/* The container that has it: 1 and its id, 0 */
static int who_has(struct db *db, const char *network, const struct room *r, int64_t offset,
	char who[65], struct err *e)
{
	auto_free char *sql = xasprintf(
		"SELECT container FROM main.places WHERE network = ?1 AND %1$s = ?2 UNION "
		"ALL SELECT container FROM run.places WHERE network = ?1 AND %1$s = ?2",
		r->column);
	auto_stmt sqlite3_stmt *st = NULL;
	int got;

	if (db_query(db, &st, e, sql, "si", network, offset) < 0)
		return -1;
	got = db_step(db, st, e);
	if (got == 1)
		str_copy(who, 65, db_text(st, 0));
	return got;
}

static int take_wanted(struct db *db, const struct network *n, const struct room *r,
	struct link_addr *a, struct err *e)
{
	char text[CIDR_TEXT_MAX], net[CIDR_TEXT_MAX], who[65];
	int64_t offset = clamp(cidr_offset(r->net, a));
	int got;

	cidr_address_text(a, text);
	cidr_text(r->net, net);
	if (!cidr_contains(r->net, a))
		return err_set(e, ERR_INVALID, "the address %s is not of network %s (%s)", text,
			n->name, net);
	if (offset == gateway_of(r))
		return err_set(e, ERR_CONFLICT, "the address %s is the gateway of network %s", text,
			n->name);
	if (offset == 0 || (a->family == AF_INET && offset == clamp(cidr_size(r->net)) - 1))
		return err_set(e, ERR_INVALID,
			"the address %s is that of network %s itself or its broadcast address",
			text, n->name);
	if (offset == r->server)
		return err_set(e, ERR_CONFLICT, "the address %s is the name server's of network %s",
			text, n->name);
	got = who_has(db, n->id, r, offset, who, e);
	if (got == 1 && *who == '@')
		return err_set(e, ERR_CONFLICT, "the address %s is a name server's of network %s",
			text, n->name);
	if (got == 1)
		return err_set(e, ERR_CONFLICT, "the address %s of network %s is container %.12s's",
			text, n->name, who);
	a->prefix = r->net->prefix;
	return got;
}

static int is_inside(const struct room *r, int64_t offset)
{
	return offset >= r->first && offset <= r->last;
}

static int take_any(struct db *db, const struct network *n, const struct room *r,
	struct link_addr *a, struct err *e)
{
	int64_t offset = -1;

	if (highest(db, n->id, r, &offset, e) < 0)
		return -1;
	offset = offset < r->first ? r->first : offset + 1;
	while (offset == gateway_of(r) || offset == r->server)
		offset++;
	if (offset > r->last && lowest_gap(db, n->id, r, &offset, e) < 0)
		return -1;
	if (offset < 0 || offset > r->last)
		return err_set(e, ERR_CONFLICT,
			"network %s has no free address left: all of its %lld are taken", n->name,
			(long long)(r->last - r->first + 1 - is_inside(r, gateway_of(r)) -
				    is_inside(r, r->server)));
	*a = cidr_at(r->net, (uint64_t)offset);
	return 0;
}

static int choose(
	struct db *db, const struct network *n, int family, struct link_addr *a, struct err *e)
{
	const struct room r = room_of(n, family);

	if (!r.net->family && !a->family)
		return 0;
	if (!r.net->family)
		return err_set(e, ERR_INVALID, "network %s has no %s subnet", n->name,
			family == AF_INET ? "IPv4" : "IPv6");
	return a->family ? take_wanted(db, n, &r, a, e) : take_any(db, n, &r, a, e);
}

int network_server_address(const struct network *n, int family, struct link_addr *out)
{
	const struct room r = room_of(n, family);

	if (!r.net->family || r.server < 0)
		return 0;
	*out = cidr_at(r.net, (uint64_t)r.server);
	return 1;
}

static int64_t offset_of(const struct link_addr *net, const struct link_addr *a)
{
	return a->family ? clamp(cidr_offset(net, a)) : -1;
}

static void choose_mac(struct place *p)
{
	static const uint8_t none[6];

	if (memcmp(p->mac, none, sizeof(none)) == 0)
		cidr_mac(p->addr4.family ? &p->addr4 : &p->addr6, p->mac);
}

static int next_number(struct db *db, const char *container, int ephemeral, int *out, struct err *e)
{
	auto_free char *sql = xasprintf(
		"SELECT ifnull(max(number), -1) + 1 FROM %s WHERE container = ?",
		PLACES(ephemeral));
	int64_t number = 0;

	if (db_int(db, &number, e, sql, "s", container) < 0)
		return -1;
	*out = (int)number;
	return 0;
}

int network_store_place(struct db *db, const struct network *n, const char *container,
	int ephemeral, struct place *p, struct err *e)
{
	auto_free char *addr4 = NULL, *addr6 = NULL, *aliases = NULL, *sql = NULL;
	char mac[CIDR_MAC_MAX];

	if (choose(db, n, AF_INET, &p->addr4, e) < 0 || choose(db, n, AF_INET6, &p->addr6, e) < 0)
		return -1;
	choose_mac(p);
	addr4 = cidr_dup(&p->addr4);
	addr6 = cidr_dup(&p->addr6);
	aliases = network_store_words_text(p->aliases);
	cidr_mac_text(p->mac, mac);
	if (next_number(db, container, ephemeral, &p->number, e) < 0)
		return -1;
	/* The network was looked for before this transaction. */
	sql = xasprintf(
		"INSERT INTO %s SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE EXISTS "
		"(SELECT 1 FROM networks WHERE id = ?3)",
		PLACES(ephemeral));
	if (db_run(db, e, sql, "sisiisssss", container, (int64_t)p->number, n->id,
		    offset_of(&n->net4, &p->addr4), offset_of(&n->net6, &p->addr6), addr4, addr6,
		    mac, p->interface, aliases) < 0)
		return -1;
	return db_changes(db)
		       ? 0
		       : err_set(e, ERR_NOT_FOUND, "network %s was removed just now", n->name);
}

static void place_from_row(sqlite3_stmt *st, struct place *p)
{
	*p = (struct place){
		.addr4 = network_store_addr(st, 1),
		.addr6 = network_store_addr(st, 2),
		.interface = xstrdup(db_text(st, 4)),
		.aliases = network_store_words(st, 5),
		.number = sqlite3_column_int(st, 6),
	};
	(void)!cidr_mac_parse(db_text(st, 3), p->mac);
}

/* Column 0 is what `each` is told besides the place. */
static int visit(struct db *db, const char *sql, const char *key,
	int (*each)(const char *other, const struct place *p, void *ctx), void *ctx, struct err *e)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, sql, "s", key) < 0)
		return -1;
	while ((r = db_step(db, st, e)) == 1) {
		struct place p;
		int stop;
		place_from_row(st, &p);
		stop = each(db_text(st, 0), &p, ctx);
		place_done(&p);
		if (stop < 0)
			return -1;
	}
	return r;
}

int network_store_places(struct db *db, const char *container,
	int (*each)(const char *network, const struct place *p, void *ctx), void *ctx,
	struct err *e)
{
	static const char sql[] = "SELECT network, addr4, addr6, mac, interface, aliases, number "
				  "FROM main.places WHERE "
				  "container = ?1 UNION ALL SELECT network, addr4, addr6, mac, "
				  "interface, aliases, number "
				  "FROM run.places WHERE container = ?1 ORDER BY number";

	return visit(db, sql, container, each, ctx, e);
}

int network_store_members(struct db *db, const char *network,
	int (*each)(const char *container, const struct place *p, void *ctx), void *ctx,
	struct err *e)
{
	static const char sql[] =
		"SELECT container, addr4, addr6, mac, interface, aliases, number "
		"FROM main.places WHERE network = ?1 AND container NOT GLOB '@*' "
		"UNION ALL SELECT container, addr4, addr6, mac, interface, "
		"aliases, number FROM run.places WHERE network = ?1 AND container "
		"NOT GLOB '@*' ORDER BY 1";

	return visit(db, sql, network, each, ctx, e);
}

int network_store_unplace(
	struct db *db, const char *network, const char *container, int ephemeral, struct err *e)
{
	auto_free char *sql = xasprintf(
		"DELETE FROM %s WHERE container = ? AND network = ?", PLACES(ephemeral));

	return db_run(db, e, sql, "ss", container, network);
}

int64_t network_store_users(struct db *db, const char *network, char *out_one, struct err *e)
{
	static const char sql[] = "SELECT count(*), min(container) FROM (SELECT container FROM "
				  "main.places WHERE network "
				  "= ?1 UNION SELECT container FROM run.places WHERE network = ?1) "
				  "WHERE container NOT GLOB '@*'";
	auto_stmt sqlite3_stmt *st = NULL;

	if (db_query(db, &st, e, sql, "s", network) < 0 || db_step(db, st, e) != 1)
		return -1;
	if (out_one)
		str_copy(out_one, 65, db_text(st, 1));
	return sqlite3_column_int64(st, 0);
}

int network_store_forget(struct db *db, const char *container, int ephemeral, struct err *e)
{
	const char *places = ephemeral ? "DELETE FROM run.places WHERE container = ?"
				       : "DELETE FROM main.places WHERE container = ?";
	const char *ports = ephemeral ? "DELETE FROM run.ports WHERE container = ?"
				      : "DELETE FROM main.ports WHERE container = ?";

	if (db_run(db, e, places, "s", container) < 0)
		return -1;
	return db_run(db, e, ports, "s", container);
}
