/* net_rows.c: networks as the engine sees all of them at once. */
#define _GNU_SOURCE
#include "engine/net_rows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/net_parts.h"
#include "engine/router.h"
#include "engine/state.h"
#include "kernel/cidr.h"

int net_has_ipv6(void)
{
	return access("/proc/net/if_inet6", F_OK) == 0;
}

/* Within a transaction: somebody may have made it meanwhile. */
static int add_default(struct engine *en, int route_fd, struct err *e)
{
	auto_network struct network n = {
		.name = xstrdup(NET_DEFAULT),
		.driver = xstrdup("bridge"),
		.bridge = xstrdup(en->idents.bridge),
		.created_ns = time_now_ns(),
	};
	int64_t one;
	int r = db_int(en->db, &one, e, "SELECT 1 FROM networks WHERE name = ?", "s", NET_DEFAULT);

	if (r != 0)
		return r < 0 ? -1 : 0;
	n.id = xmalloc(ENGINE_ID_LEN + 1);
	hash_random_hex(ENGINE_ID_LEN / 2, n.id);
	if (network_choose_subnets(en->db, route_fd, &n,
		    NETWORK_WIDE | NETWORK_IPV4 | (net_has_ipv6() ? NETWORK_IPV6 : 0), e) < 0)
		return -1;
	return network_store_add(en->db, &n, e);
}

int net_default(struct engine *en, struct network *out, struct err *e)
{
	auto_fd int route_fd = -1;
	struct err missing;

	if (network_store_find(en->db, NET_DEFAULT, out, &missing) == 0)
		return 0;
	route_fd = nl_open(NETLINK_ROUTE);
	if (route_fd < 0)
		return err_sys(e, route_fd, "ask the kernel for routes");
	if (db_begin(en->db, 1, e) < 0)
		return -1;
	if (add_default(en, route_fd, e) < 0 || db_commit(en->db, e) < 0) {
		db_rollback(en->db);
		return -1;
	}
	return network_store_find(en->db, NET_DEFAULT, out, e);
}

/* ---- what one container has ---- */

struct load {
	struct engine *en;
	const char *id;
	struct net *net;
	struct err *e;
};

static int load_join(const char *network, const struct place *p, void *ctx)
{
	const struct load *l = ctx;
	struct net_join *j = net_join_add(l->net);

	j->place = *p;
	j->place.interface = xstrdup(p->interface);
	j->place.aliases = strv_dup(p->aliases);
	net_join_cable(j, l->id);
	return network_store_find(l->en->db, network, &j->network, l->e);
}

int net_load(struct engine *en, const char *id, struct net *out, struct err *e)
{
	struct net n = NET_NONE;
	struct load l = {en, id, &n, e};

	if (network_store_places(en->db, id, load_join, &l, e) < 0 ||
		network_store_published(en->db, id, &n.ports, e) < 0) {
		net_done(&n);
		return -1;
	}
	*out = n;
	return 0;
}

/* ---- what is to be in the rules ---- */

struct fill {
	struct engine *en;
	struct network_host *host;
	struct err *e;
};

static int fill_network(const struct network *n, void *ctx)
{
	const struct fill *f = ctx;

	if (!streq(n->driver, "bridge") || link_index(f->host->route_fd, n->bridge) < 0)
		return 0;
	return network_elements(f->host, n, f->e);
}

static int fill_ports(struct fill *f, const char *id)
{
	const struct link_addr *a4, *a6;
	struct net n;
	auto_nl struct nl m = NL_EMPTY;
	int r = 0;

	if (net_load(f->en, id, &n, f->e) < 0)
		return -1;
	net_published_addresses(&n, &a4, &a6);
	if (rules_add_ports(&m, &f->host->id, &n.ports, a4, a6))
		r = nl_talk(f->host->nft_fd, &m, NULL);
	net_done(&n);
	return r < 0 ? err_sys(f->e, r, "publish the ports of container %.12s again", id) : 0;
}

static int is_running(struct engine *en, const struct container_row *row)
{
	struct container_state s;
	int running;

	container_state_read(en, row, &s);
	running = s.phase == PHASE_RUNNING;
	container_state_done(&s);
	return running;
}

int net_fill(void *engine, struct network_host *h, struct err *e)
{
	struct engine *en = engine;
	struct fill f = {en, h, e};
	struct container_row *rows;
	size_t n;
	int r;

	if (network_store_each(en->db, fill_network, &f, e) < 0 ||
		container_store_list(en->db, &rows, &n, e) < 0)
		return -1;
	r = 0;
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && is_running(en, &rows[i]))
			r = fill_ports(&f, rows[i].id);
		container_row_done(&rows[i]);
	}
	free(rows);
	return r;
}

static int publish_one(
	struct engine *en, const struct container_row *row, int monitor, struct err *e)
{
	const struct link_addr *a4, *a6;
	struct net n;
	int r;

	if (net_load(en, row->id, &n, e) < 0)
		return -1;
	net_published_addresses(&n, &a4, &a6);
	r = n.n ? router_publish(en->router_fd, row->id, monitor, &n.ports, a4, a6, e) : 0;
	if (r == 0 && n.n)
		r = router_published(en->router_fd, e);
	net_done(&n);
	return r;
}

int net_publish_running(struct engine *en, struct err *e)
{
	struct container_row *rows;
	size_t n;
	int r = container_store_list(en->db, &rows, &n, e);

	if (r < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		auto_fd int run = engine_container_folder(en->runroot_fd, rows[i].id);
		const int monitor = run < 0 ? 0 : container_monitor(run);
		if (r == 0 && monitor > 0 && is_running(en, &rows[i]))
			r = publish_one(en, &rows[i], monitor, e);
		container_row_done(&rows[i]);
	}
	free(rows);
	return r;
}

/* ---- what is to go ---- */

void net_close_ports(int nft_fd, const struct network_idents *id, const struct publish_list *ports)
{
	static const struct link_addr v4 = {.family = AF_INET}, v6 = {.family = AF_INET6}, none;

	/* Each in a transaction of its own: one that is gone already keeps none of the others. */
	for (size_t i = 0; i < ports->n; i++) {
		const struct publish_list one = {&ports->v[i], 1};
		auto_nl struct nl m4 = NL_EMPTY, m6 = NL_EMPTY;
		if (rules_remove_ports(&m4, id, &one, &v4, &none))
			(void)!nl_talk(nft_fd, &m4, NULL);
		if (rules_remove_ports(&m6, id, &one, &none, &v6))
			(void)!nl_talk(nft_fd, &m6, NULL);
	}
}

void net_unplug(struct engine *en, const char *id)
{
	struct publish_list ports = {0};
	auto_fd int fd = -1;

	if (network_store_published(en->db, id, &ports, NULL) < 0 || !ports.n)
		return;
	if (router_enter(en, NULL) < 0)
		return;
	fd = nl_open(NETLINK_NETFILTER);
	if (fd >= 0)
		net_close_ports(fd, &en->idents, &ports);
	free(ports.v);
}

int net_forget_stopped(struct engine *en, struct err *e)
{
	struct container_row *rows;
	size_t n;
	int r = 0;

	if (container_store_list(en->db, &rows, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		auto_fd int run = engine_container_folder(en->runroot_fd, rows[i].id);
		if (r == 0 && (run < 0 || !container_is_locked(run))) {
			net_unplug(en, rows[i].id);
			r = network_store_forget(en->db, rows[i].id, rows[i].ephemeral, e);
		}
		container_row_done(&rows[i]);
	}
	free(rows);
	return r;
}

int net_host_listeners(const struct publish_list *ports, struct listeners *out, struct err *e)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t k = 0; k < ARRAY_SIZE(protos); k++)
		for (size_t i = 0; i < ports->n; i++) {
			int r;
			if (ports->v[i].proto != protos[k])
				continue;
			r = listeners_add(out, protos[k]);
			if (r < 0)
				return err_sys(e, r, "ask which ports of the host are in use");
			break;
		}
	return 0;
}
