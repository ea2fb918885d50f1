/* net_connect.c: hull network connect and disconnect: cables of a container that is there already.
 * A cable goes with the container's namespace, so a kill at any point leaves none. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/net_live.h"
#include "kernel/cidr.h"
#include "kernel/ns.h"

#define HOSTS_MAX (1 << 20)

/* Has this container networks at all? */
static int check_mode(const struct net_live *l, struct err *e)
{
	auto_json json_t *config = jsonx_parse(
		l->row.config, strlen(l->row.config), "a container", e);
	const char *mode = jsonx_str(jsonx_obj(config, "HostConfig"), "NetworkMode", "none");

	if (!config)
		return -1;
	if (streq(mode, "host") || str_after(mode, "container:"))
		return err_set(e, ERR_CONFLICT,
			"container sharing network namespace with another container or host cannot "
			"be connected to any other network");
	if (streq(mode, "none") && !l->net.n)
		return err_set(e, ERR_CONFLICT,
			"container cannot be connected to multiple networks with one of the "
			"networks in private (none) mode");
	return 0;
}

/* ---- hosts ---- */

static int hosts_folder(const struct net_live *l)
{
	return engine_container_folder(
		l->row.ephemeral ? l->en->runroot_fd : l->en->root_fd, l->row.id);
}

static void add_hosts_lines(struct buf *b, const struct place *p, const char *name)
{
	const struct link_addr *const addrs[] = {&p->addr4, &p->addr6};
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		if (!addrs[i]->family)
			continue;
		cidr_address_text(addrs[i], text);
		buf_printf(b, "%s\t%s\n", text, name);
	}
}

static int is_of(const struct place *p, const char *line)
{
	const struct link_addr *const addrs[] = {&p->addr4, &p->addr6};
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		const char *rest;
		if (!addrs[i]->family)
			continue;
		cidr_address_text(addrs[i], text);
		rest = str_after(line, text);
		if (rest && (*rest == '\t' || *rest == ' '))
			return 1;
	}
	return 0;
}

/* In place: the file itself is mounted in the container. What its users wrote into it stays. */
static void rewrite_hosts(const struct net_live *l, const struct place *p, const char *name)
{
	auto_fd int folder = hosts_folder(l);
	auto_fd int fd = folder < 0 ? -1 : openat(folder, "hosts", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	auto_buf struct buf old = BUF_MAX(HOSTS_MAX), text = BUF_MAX(HOSTS_MAX);
	const char *line;

	if (fd < 0 || fd_read_file(folder, "hosts", &old) < 0)
		return;
	line = old.len ? old.data : "";
	while (*line) {
		size_t len = strcspn(line, "\n");
		if (!is_of(p, line)) {
			buf_add(&text, line, len);
			buf_putc(&text, '\n');
		}
		line += len + (line[len] == '\n');
	}
	if (name)
		add_hosts_lines(&text, p, name);
	if (text.over || pwrite(fd, text.data ? text.data : "", text.len, 0) < 0 ||
		ftruncate(fd, (off_t)text.len) < 0)
		engine_warn(l->en, "the container's /etc/hosts could not be rewritten");
}

static char *host_name(const struct net_live *l)
{
	auto_json json_t *config = jsonx_parse(
		l->row.config, strlen(l->row.config), "a container", NULL);

	return xstrdup(jsonx_str(jsonx_obj(config, "Config"), "Hostname", ""));
}

/* ---- inside ---- */

static int open_inside(const struct net_live *l, struct err *e)
{
	auto_fd int ns = ns_open(l->state.pid, "net");
	int fd = ns < 0 ? ns : nl_open_in(ns, NETLINK_ROUTE);

	return fd < 0 ? err_sys(e, fd, "enter the network namespace of container %s", l->row.name)
		      : fd;
}

/* The default route of each family is the first's that has a gateway; one that is there stays. */
static void add_routes(int fd, const struct net *n)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct net_join *j = &n->v[i];
		int index = link_index(fd, j->place.interface);
		if (index < 0 || j->network.internal)
			continue;
		if (j->network.gateway4.family)
			link_route_default(fd, index, &j->network.gateway4);
		if (j->network.gateway6.family)
			link_route_default(fd, index, &j->network.gateway6);
	}
}

static int configure(int fd, const struct net_join *j, struct err *e)
{
	const struct link_addr *const addrs[] = {&j->place.addr4, &j->place.addr6};
	int index = link_index(fd, j->place.interface), r = index < 0 ? index : 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(addrs); i++)
		if (addrs[i]->family)
			r = link_addr_add(fd, index, addrs[i]);
	if (r >= 0)
		r = link_up(fd, index);
	return r < 0 ? err_sys(e, r, "set the interface %s up in the container", j->place.interface)
		     : 0;
}

/* ---- connect ---- */

static int interface_is_taken(const struct net *n, const char *name)
{
	for (size_t i = 0; i + 1 < n->n; i++)
		if (streq(n->v[i].place.interface, name))
			return 1;
	return 0;
}

/* The last of l->net's joins becomes what is asked for. */
static int parse(struct net_live *l, const struct engine_connect *req, struct err *e)
{
	struct net_join *j = net_join_add(&l->net);
	const struct {
		const char *key, *value;
	} flags[] = {{"ip", req->ip}, {"ip6", req->ip6}, {"mac", req->mac_address}};

	if (net_find_network(l->en, req->network, &j->network, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].value && *flags[i].value &&
			net_join_option(j, flags[i].key, flags[i].value, e) < 0)
			return -1;
	strv_extend(&j->place.aliases, req->aliases);
	for (size_t i = 0; i + 1 < l->net.n; i++)
		if (streq(l->net.v[i].network.id, j->network.id))
			return err_set(e, ERR_CONFLICT,
				"endpoint with name %s already exists in network %s", l->row.name,
				j->network.name);
	for (unsigned int i = 0; !j->place.interface; i++) {
		auto_free char *name = xasprintf("eth%u", i);
		if (!interface_is_taken(&l->net, name))
			j->place.interface = take_ptr(name);
	}
	return 0;
}

static int plug(struct net_live *l, struct net_join *j, struct err *e)
{
	struct net one = {.v = j, .n = 1};
	auto_fd int inside = open_inside(l, e);
	int r;

	if (inside < 0)
		return -1;
	one.host.route_fd = one.host.nft_fd = -1;
	r = net_up(l->en, &one, e);
	network_host_close(&one.host);
	if (r < 0 || net_plug_cable(&l->net, j, l->state.pid, e) < 0)
		return -1;
	if (configure(inside, j, e) < 0)
		return -1;
	add_routes(inside, &l->net);
	return 0;
}

static void unplug(struct net_live *l, const struct net_join *j)
{
	auto_fd int inside = -1;
	int macvlan = streq(j->network.driver, "macvlan");
	int fd = l->net.host.route_fd, index;

	if (macvlan)
		fd = inside = open_inside(l, NULL);
	index = fd < 0 ? fd : link_index(fd, macvlan ? j->place.interface : j->cable);
	if (index > 0)
		link_delete(fd, index);
}

/* Within the transaction. */
static int connect_in(struct net_live *l, const struct engine_connect *req, struct err *e)
{
	struct net before = l->net; /* as it is without the last one; shares its memory */
	struct net_join *j;

	if (parse(l, req, e) < 0)
		return -1;
	before.v = l->net.v;
	j = &l->net.v[l->net.n - 1];
	if (network_store_place(l->en->db, &j->network, l->row.id, l->row.ephemeral, &j->place, e) <
		0)
		return -1;
	net_join_cable(j, l->row.id);
	if (!l->running)
		return 0;
	if (plug(l, j, e) == 0 && net_live_ports(l, &before, e) == 0)
		return 0;
	unplug(l, j);
	return -1;
}

static int check_fixed(const char *network, struct err *e)
{
	if (streq(network, "host"))
		return err_set(e, ERR_CONFLICT,
			"container cannot be disconnected from host network or connected to host "
			"network");
	if (streq(network, "none"))
		return err_set(e, ERR_CONFLICT,
			"container cannot be connected to multiple networks with one of the "
			"networks in private (none) mode");
	return 0;
}

static int connect_all(struct net_live *l, const struct engine_connect *req, struct err *e)
{
	auto_free char *name = NULL;

	if (check_mode(l, e) < 0 || db_begin(l->en->db, !l->row.ephemeral, e) < 0)
		return -1;
	if (connect_in(l, req, e) < 0 || db_commit(l->en->db, e) < 0) {
		db_rollback(l->en->db);
		return -1;
	}
	if (!l->running)
		return 0;
	name = host_name(l);
	rewrite_hosts(l, &l->net.v[l->net.n - 1].place, name);
	return net_live_check(l, e);
}

int engine_network_connect(struct engine *en, const struct engine_connect *req, struct err *e)
{
	struct net_live l = NET_LIVE_NONE(en);
	int r = check_fixed(req->network, e);

	if (r == 0)
		r = net_live_open(en, req->container, &l, e);
	if (r == 0)
		r = connect_all(&l, req, e);
	net_live_done(&l);
	return r;
}

/* ---- disconnect ---- */

static int find_join(const struct net_live *l, const char *network, size_t *out, struct err *e)
{
	auto_network struct network n = {0};

	if (net_find_network(l->en, network, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < l->net.n; i++)
		if (streq(l->net.v[i].network.id, n.id)) {
			*out = i;
			return 0;
		}
	return err_set(e, ERR_NOT_FOUND, "container %s is not connected to network %s", l->row.name,
		n.name);
}

static int take_away(
	struct net_live *l, const struct net *before, const struct net_join *gone, struct err *e)
{
	auto_fd int inside = open_inside(l, e);

	if (inside < 0 || net_live_ports(l, before, e) < 0)
		return -1;
	unplug(l, gone);
	add_routes(inside, &l->net);
	return 0;
}

static int disconnect_all(struct net_live *l, struct net *before, size_t at, struct err *e)
{
	const struct net_join *gone = &before->v[at];

	memmove(&l->net.v[at], &l->net.v[at + 1], (l->net.n - at - 1) * sizeof(*l->net.v));
	l->net.n--;
	if (db_begin(l->en->db, !l->row.ephemeral, e) < 0)
		return -1;
	if (network_store_unplace(l->en->db, gone->network.id, l->row.id, l->row.ephemeral, e) <
			0 ||
		(l->running && take_away(l, before, gone, e) < 0) || db_commit(l->en->db, e) < 0) {
		db_rollback(l->en->db);
		return -1;
	}
	if (l->running)
		rewrite_hosts(l, &gone->place, NULL);
	return 0;
}

static int disconnect(struct net_live *l, const char *network, struct err *e)
{
	struct net before = l->net;
	size_t at = 0;
	int r;

	if (find_join(l, network, &at, e) < 0)
		return -1;
	before.v = xcalloc(before.n, sizeof(*before.v));
	memcpy(before.v, l->net.v, before.n * sizeof(*before.v));
	r = disconnect_all(l, &before, at, e);
	network_done(&before.v[at].network);
	place_done(&before.v[at].place);
	free(before.v);
	return r;
}

int engine_network_disconnect(
	struct engine *en, const char *network, const char *container, int force, struct err *e)
{
	struct net_live l = NET_LIVE_NONE(en);
	int r = streq(network, "none") ? 0 : check_fixed(network, e);

	if (r == 0)
		r = net_live_open(en, container, &l, e);
	if (r == 0)
		r = disconnect(&l, network, e);
	net_live_done(&l);
	return r < 0 && force && e->kind == ERR_NOT_FOUND ? 0 : r;
}
