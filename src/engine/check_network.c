/* check_network.c: what is left of containers' networks: rows, and elements of the rules.
 *
 * How it works: rows of a place or a port belong to a container's row, in one statement. An element
 * of the rules belongs to a container that holds its lock; its monitor takes it away at the end,
 * unless it was killed. Cables go with the container's namespace, so none is ever left. Elements
 * are listed before locks are asked: who starts meanwhile is no surprise. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/check.h"
#include "engine/net_rows.h"
#include "engine/state.h"
#include "kernel/cidr.h"

/* ---- rows */

#define KNOWN "(SELECT id FROM main.containers UNION SELECT id FROM run.containers)"

static int forget(struct check *c)
{
	return db_exec(c->en->db,
		"DELETE FROM main.places WHERE container NOT IN " KNOWN
		";DELETE FROM main.ports WHERE container NOT IN " KNOWN
		";DELETE FROM run.places WHERE container NOT IN " KNOWN
		";DELETE FROM run.ports WHERE container NOT IN " KNOWN,
		&c->why);
}

static void check_rows_of_nobody(struct check *c)
{
	static const char sql[] = "SELECT DISTINCT container FROM (SELECT container FROM "
				  "main.places UNION ALL SELECT container FROM main.ports UNION "
				  "ALL SELECT container FROM run.places UNION ALL SELECT container "
				  "FROM run.ports) WHERE container NOT IN " KNOWN;
	auto_strv char **ids = NULL;
	sqlite3_stmt *st = NULL;

	if (db_query(c->en->db, &st, NULL, sql, "") == 0)
		while (db_step(c->en->db, st, NULL) == 1)
			strv_add(&ids, db_text(st, 0));
	sqlite3_finalize(st);
	strv_foreach (id, ids)
		check_tell(c, c->repair ? forget(c) : 0, "network", *id, "they are removed",
			"addresses or ports of a container that does not exist");
}

/* ---- elements */

static int note(const struct nft_value *key, void *ctx)
{
	struct publish_list *l = ctx;
	struct publish p = {.n = 1, .choices = 1};
	uint16_t port;

	/* address, if any; protocol; port: each at a multiple of four */
	if (key->len < 8)
		return 0;
	if (key->len > 8) {
		p.host.family = key->len == 12 ? AF_INET : AF_INET6;
		p.host.prefix = (uint8_t)(cidr_len(p.host.family) * 8);
		memcpy(p.host.bytes, key->bytes, cidr_len(p.host.family));
	}
	p.proto = key->bytes[key->len - 8];
	memcpy(&port, key->bytes + key->len - 4, sizeof(port));
	p.host_port = ntohs(port);
	publish_list_add(l, &p);
	return 0;
}

static void list_elements(const struct check *c, int fd, struct publish_list *out)
{
	static const char *const maps[] = {"any", "at", "any_range", "at_range"};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		(void)!nft_elem_each(fd, AF_INET, c->en->idents.table, maps[i], note, out);
		(void)!nft_elem_each(fd, AF_INET6, c->en->idents.table, maps[i], note, out);
	}
}

/* What containers have whose lock is held. */
static void list_held(struct check *c, struct publish_list *out)
{
	struct container_row *rows;
	size_t n;

	if (container_store_list(c->en->db, &rows, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		auto_fd int run = engine_container_folder(c->en->runroot_fd, rows[i].id);
		struct publish_list l = {0};
		if (run >= 0 && container_is_locked(run))
			(void)!network_store_published(c->en->db, rows[i].id, &l, NULL);
		for (size_t k = 0; k < l.n; k++)
			publish_list_add(out, &l.v[k]);
		free(l.v);
		container_row_done(&rows[i]);
	}
	free(rows);
}

static int is_held(const struct publish_list *held, const struct publish *p)
{
	for (size_t i = 0; i < held->n; i++)
		if (publish_overlap(&held->v[i], p))
			return 1;
	return 0;
}

/* The whole table anew: only what is to be there comes back. */
static int reload(struct check *c)
{
	struct network_host h;
	int r = network_host_open(&h, c->en->runroot_fd, &c->en->idents, &c->why);

	if (r == 0)
		r = network_reload(&h, net_fill, c->en, &c->why);
	network_host_close(&h);
	return r;
}

static void check_elements(struct check *c)
{
	struct publish_list there = {0}, held = {0};
	auto_fd int fd = nl_open(NETLINK_NETFILTER);
	const struct publish *left = NULL;
	size_t n = 0;

	if (fd >= 0)
		list_elements(c, fd, &there);
	if (there.n)
		list_held(c, &held);
	for (size_t i = 0; i < there.n; i++)
		if (!is_held(&held, &there.v[i])) {
			left = &there.v[i];
			n++;
		}
	if (left) {
		auto_free char *name = xasprintf(
			"%u/%s", left->host_port, publish_proto_name(left->proto));
		check_tell(c, c->repair ? reload(c) : 0, "port", name, "the rules are made anew",
			"%zu element%s of the rules lead%s to containers that do not run", n,
			n == 1 ? "" : "s", n == 1 ? "s" : "");
	}
	free(there.v);
	free(held.v);
}

void check_networks(struct check *c)
{
	check_rows_of_nobody(c);
	if (!c->en->nested && c->alone)
		check_elements(c);
}
