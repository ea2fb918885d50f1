/* net_ports.c: hull port: published ports of a container that is there already. net_live.c tells
 * how they change while it runs. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/net_live.h"
#include "engine/net_rows.h"
#include "kernel/cidr.h"

json_t *engine_port_list(struct engine *en, const char *container, struct err *e)
{
	struct container_row row;
	struct container_state s;
	json_t *o;

	if (container_store_find(en->db, container, &row, e) < 0)
		return NULL;
	container_state_read(en, &row, &s);
	o = s.phase == PHASE_RUNNING ? net_json_ports(en, row.id) : json_object();
	container_state_done(&s);
	container_row_done(&row);
	return o;
}

/* ---- add ---- */

static int check_networks(const struct net_live *l, const struct publish *p, struct err *e)
{
	const struct link_addr *a4, *a6;

	net_published_addresses(&l->net, &a4, &a6);
	if ((a4->family && p->host.family != AF_INET6) || (a6->family && p->host.family != AF_INET))
		return 0;
	if (a4->family || a6->family)
		return err_set(e, ERR_CONFLICT, "container %s has no address of IPv%d", l->row.name,
			p->host.family == AF_INET ? 4 : 6);
	return err_set(e, ERR_CONFLICT,
		"container %s is in no network whose ports can be published: a bridge that is not "
		"internal is needed",
		l->row.name);
}

static int publish(struct net_live *l, struct publish *p, struct err *e)
{
	auto_listeners struct listeners host = {0};
	struct publish wanted = *p;
	int r = net_host_listeners(&(struct publish_list){p, 1}, &host, e);

	if (r < 0)
		return -1;
	r = network_store_publish(l->en->db, &host, l->row.id, l->row.ephemeral, p, e);

	/* Once more without what stopped containers hold. This one's own are told from others'. */
	if (r < 0 && e->kind == ERR_CONFLICT && l->running) {
		if (net_forget_stopped(l->en, e) < 0)
			return -1;
		*p = wanted;
		r = network_store_publish(l->en->db, &host, l->row.id, l->row.ephemeral, p, e);
	}
	return r;
}

/* What l->net.ports are is replaced; `before` keeps the old ones. */
static int change_ports(struct net_live *l, struct net *before, struct err *e)
{
	*before = l->net;
	l->net.ports = (struct publish_list){0};
	if (network_store_published(l->en->db, l->row.id, &l->net.ports, e) < 0)
		return -1;
	return net_live_ports(l, before, e);
}

static int add(struct net_live *l, struct publish *p, struct err *e)
{
	struct net before = {0};
	int r;

	if (check_networks(l, p, e) < 0 || db_begin(l->en->db, !l->row.ephemeral, e) < 0)
		return -1;
	r = publish(l, p, e);
	if (r == 0)
		r = change_ports(l, &before, e);
	if (r == 0)
		r = db_commit(l->en->db, e);
	if (r < 0)
		db_rollback(l->en->db);
	free(before.ports.v);
	return r < 0 ? -1 : net_live_check(l, e);
}

int engine_port_add(struct engine *en, const char *container, const char *spec, const char *policy,
	json_t **out, struct err *e)
{
	struct net_live l = NET_LIVE_NONE(en);
	struct publish p;
	int r = publish_parse(spec, &p, e);

	if (r == 0)
		r = net_live_open(en, container, &l, e);
	if (r == 0)
		r = net_choose_policy(&l.net, policy, &p.direct, e);
	if (r == 0)
		r = add(&l, &p, e);
	if (r == 0 && out)
		*out = net_json_of_ports(&(struct publish_list){&p, 1});
	net_live_done(&l);
	return r;
}

/* ---- rm ---- */

/* What was not said may be anything. */
static int fits(const struct publish *have, const struct publish *p)
{
	return have->proto == p->proto && have->port == p->port && have->n == p->n &&
	       (!p->host_port || have->host_port == p->host_port) &&
	       (!p->host.family || (have->host.family == p->host.family &&
					   memcmp(have->host.bytes, p->host.bytes, 16) == 0));
}

static int remove_rows(struct net_live *l, const struct publish *p, const char *spec, struct err *e)
{
	int found = 0;

	for (size_t i = 0; i < l->net.ports.n; i++) {
		const struct publish *have = &l->net.ports.v[i];
		if (!fits(have, p))
			continue;
		found = 1;
		if (network_store_unpublish(l->en->db, l->row.id, l->row.ephemeral, have, e) < 0)
			return -1;
	}
	if (found)
		return 0;
	return err_set(e, ERR_NOT_FOUND,
		"container %s publishes no port \"%.100s\" (a range goes as a whole): hull port %s "
		"lists them",
		l->row.name, spec, l->row.name);
}

static int take(struct net_live *l, const struct publish *p, const char *spec, struct err *e)
{
	struct net before = {0};
	int r;

	if (db_begin(l->en->db, !l->row.ephemeral, e) < 0)
		return -1;
	r = remove_rows(l, p, spec, e);
	if (r == 0)
		r = change_ports(l, &before, e);
	if (r == 0)
		r = db_commit(l->en->db, e);
	if (r < 0)
		db_rollback(l->en->db);
	free(before.ports.v);
	return r;
}

int engine_port_remove(struct engine *en, const char *container, const char *spec, struct err *e)
{
	struct net_live l = NET_LIVE_NONE(en);
	struct publish p;
	int r = publish_parse(spec, &p, e);

	if (r == 0)
		r = net_live_open(en, container, &l, e);
	if (r == 0)
		r = take(&l, &p, spec, e);
	net_live_done(&l);
	return r;
}
