/* store_port.c: published ports: who has which. A range is one row. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/cidr.h"
#include "network/store.h"

/* Where a free port is looked for: the kernel's own range for clients, as Docker. */
#define FREE_FIRST 32768
#define FREE_LAST 60999

static void port_from_row(sqlite3_stmt *st, struct publish *p)
{
	const char *host = db_text(st, 1);

	*p = (struct publish){
		.proto = (uint8_t)sqlite3_column_int(st, 2),
		.host_port = (uint16_t)sqlite3_column_int(st, 3),
		.port = (uint16_t)sqlite3_column_int(st, 4),
		.n = (uint16_t)sqlite3_column_int(st, 5),
		.direct = sqlite3_column_int(st, 6) != 0,
		.choices = 1,
	};
	if (*host)
		(void)!cidr_parse_address(host, &p->host);
}

#define COLUMNS "container, host, proto, host_port, port, n, direct"

/* Those that begin in ?3 to ?2, and the ranges that begin before and end later: an index for each.
 */
#define TAKEN_IN(file)                                                                   \
	"SELECT " COLUMNS " FROM " file ".ports WHERE proto = ?1 AND host_port BETWEEN " \
	"?3 AND ?2 UNION ALL SELECT " COLUMNS " FROM " file ".ports WHERE proto = ?1 "   \
	"AND n > 1 AND host_port < ?3 AND host_port + n > ?3"

/* Who has a port: a container, or a process of the host. */
struct taken {
	char container[65];
	const struct listener *host;
	uint32_t last; /* the end of what is in the way */
};

static const struct listener *find_listener(const struct listeners *host, const struct publish *p)
{
	for (size_t i = 0; host && i < host->n; i++)
		if (listener_has(&host->v[i], p->proto, &p->host, p->host_port, p->n))
			return &host->v[i];
	return NULL;
}

/* 0: free; 1: taken */
static int is_taken(struct db *db, const struct listeners *host, const struct publish *p,
	struct taken *by, struct err *e)
{
	static const char sql[] = TAKEN_IN("main") " UNION ALL " TAKEN_IN("run");
	auto_stmt sqlite3_stmt *st = NULL;
	int r;

	if (db_query(db, &st, e, sql, "iii", (int64_t)p->proto, (int64_t)p->host_port + p->n - 1,
		    (int64_t)p->host_port) < 0)
		return -1;
	while ((r = db_step(db, st, e)) == 1) {
		struct publish other;
		port_from_row(st, &other);
		if (!publish_overlap(p, &other))
			continue;
		str_copy(by->container, sizeof(by->container), db_text(st, 0));
		by->last = (uint32_t)other.host_port + other.n - 1;
		return 1;
	}
	by->host = r < 0 ? NULL : find_listener(host, p);
	by->last = by->host ? by->host->port : 0;
	return by->host ? 1 : r;
}

/* The first of [from, to] where p's ports are free: into p->host_port. 1 when there is none. */
static int first_free(struct db *db, const struct listeners *host, struct publish *p, uint32_t from,
	uint32_t to, struct taken *by, struct err *e)
{
	while (from <= to && from + p->n - 1 <= UINT16_MAX) {
		int r;

		p->host_port = (uint16_t)from;
		r = is_taken(db, host, p, by, e);
		if (r <= 0)
			return r;
		from = by->last + 1;
	}
	return 1;
}

static int complain(const struct publish *p, const struct taken *by, struct err *e)
{
	const char *proto = publish_proto_name(p->proto);
	char name[LISTENER_NAME_MAX];
	pid_t pid;

	if (!by->host)
		return err_set(e, ERR_CONFLICT,
			"port %u/%s of the host is already allocated: container %.12s has it",
			p->host_port, proto, by->container);
	if (listener_owner(by->host, &pid, name) < 0)
		return err_set(e, ERR_CONFLICT,
			"port %u/%s of the host: address already in use, by a process that cannot "
			"be seen from here",
			by->host->port, proto);
	return err_set(e, ERR_CONFLICT,
		"port %u/%s of the host: address already in use, by %s (process %d)",
		by->host->port, proto, name, (int)pid);
}

static int choose(struct db *db, const struct listeners *host, struct publish *p, struct err *e)
{
	const uint16_t wanted = p->host_port;
	uint32_t from = wanted, to = (uint32_t)wanted + p->choices - 1;
	struct taken by = {0};
	int r;

	if (!wanted) {
		from = FREE_FIRST;
		to = FREE_LAST;
	}
	r = first_free(db, host, p, from, to, &by, e);
	if (r <= 0)
		return r;
	p->host_port = wanted;
	if (!wanted || p->choices > 1)
		return err_set(e, ERR_CONFLICT, "no free port of the host from %u to %u is left",
			from, to);
	return complain(p, &by, e);
}

int network_store_publish(struct db *db, const struct listeners *host, const char *container,
	int ephemeral, struct publish *p, struct err *e)
{
	const char *sql = ephemeral ? "INSERT INTO run.ports VALUES(?,?,?,?,?,?,?)"
				    : "INSERT INTO main.ports VALUES(?,?,?,?,?,?,?)";
	char address[CIDR_TEXT_MAX] = "";

	if (choose(db, host, p, e) < 0)
		return -1;
	if (p->host.family)
		cidr_address_text(&p->host, address);
	return db_run(db, e, sql, "ssiiiii", container, address, (int64_t)p->proto,
		(int64_t)p->host_port, (int64_t)p->port, (int64_t)p->n, (int64_t)p->direct);
}

int network_store_unpublish(
	struct db *db, const char *container, int ephemeral, const struct publish *p, struct err *e)
{
	const char *sql = ephemeral ? "DELETE FROM run.ports WHERE container = ? AND proto = ? AND "
				      "host_port = ? AND host = ?"
				    : "DELETE FROM main.ports WHERE container = ? AND proto = ? "
				      "AND host_port = ? AND host = ?";
	char address[CIDR_TEXT_MAX] = "";

	if (p->host.family)
		cidr_address_text(&p->host, address);
	return db_run(
		db, e, sql, "siis", container, (int64_t)p->proto, (int64_t)p->host_port, address);
}

int network_store_published(
	struct db *db, const char *container, struct publish_list *out, struct err *e)
{
	static const char sql[] =
		"SELECT " COLUMNS " FROM main.ports WHERE container = ?1 UNION ALL SELECT " COLUMNS
		" FROM run.ports WHERE container = ?1 ORDER BY port, proto, host_port";
	auto_stmt sqlite3_stmt *st = NULL;
	struct publish_list l = {0};
	int r;

	if (db_query(db, &st, e, sql, "s", container) < 0)
		return -1;
	while ((r = db_step(db, st, e)) == 1) {
		struct publish p;
		port_from_row(st, &p);
		publish_list_add(&l, &p);
	}
	if (r < 0)
		free(l.v);
	else
		*out = l;
	return r;
}
