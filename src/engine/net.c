/* net.c: a container's networks. net.h tells who calls what. */
#define _GNU_SOURCE
#include "engine/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/net_keeper.h"
#include "engine/net_names.h"
#include "engine/net_parts.h"
#include "engine/net_rows.h"
#include "engine/router.h"
#include "kernel/cidr.h"
#include "router/protocol.h"

/* ---- what was asked for ---- */

static int set_address(
	const char *key, const char *text, int family, struct link_addr *out, struct err *e)
{
	if (cidr_parse_address(text, out) < 0 || out->family != family)
		return err_set(e, ERR_INVALID, "%s: \"%.100s\" is no IPv%d address", key, text,
			family == AF_INET ? 4 : 6);
	return 0;
}

int net_join_option(struct net_join *j, const char *key, const char *value, struct err *e)
{
	if (streq(key, "ip"))
		return set_address("ip", value, AF_INET, &j->place.addr4, e);
	if (streq(key, "ip6"))
		return set_address("ip6", value, AF_INET6, &j->place.addr6, e);
	if (streq(key, "alias")) {
		strv_add(&j->place.aliases, value);
		return 0;
	}
	if (streq(key, "mac") || streq(key, "mac-address")) {
		if (cidr_mac_parse(value, j->place.mac) == 0)
			return 0;
		return err_set(e, ERR_INVALID, "invalid MAC address \"%.100s\"", value);
	}
	if (streq(key, "interface")) {
		if (*value && strlen(value) < IFNAMSIZ && !strpbrk(value, "/ :") &&
			!streq(value, ".") && !streq(value, "..") && !streq(value, "lo")) {
			str_set(&j->place.interface, value);
			return 0;
		}
		return err_set(e, ERR_INVALID, "\"%.100s\" is no name for an interface", value);
	}
	return err_set(e, ERR_INVALID,
		"--network: unknown option \"%.100s\": ip, ip6, mac, alias and interface are known",
		key);
}

/* NAME, NAME:key=value,... or, as Docker has it, name=NAME,key=value,... */
static int parse_join(const char *text, struct net_join *j, char **out_name, struct err *e)
{
	const char *first = str_after(text, "name="), *options = strchr(text, ':');
	auto_strv char **parts = NULL;

	if (!first && !options) {
		*out_name = xstrdup(text);
		return 0;
	}
	parts = strv_split(first ? first : options + 1, ",");
	*out_name = first ? xstrdup(parts[0]) : xstrndup(text, (size_t)(options - text));
	for (char **p = parts + (first != NULL); *p; p++) {
		char *equals = strchr(*p, '=');
		if (!equals)
			return err_set(e, ERR_INVALID, "--network %.100s: \"%.100s\" has no value",
				text, *p);
		*equals = '\0';
		if (net_join_option(j, *p, equals + 1, e) < 0)
			return -1;
	}
	return 0;
}

/* --ip, --ip6, --mac-address and --network-alias are of the first network. */
static int apply_flags(const struct engine_run *req, struct net *n, struct err *e)
{
	const struct {
		const char *key, *value;
	} flags[] = {{"ip", req->ip}, {"ip6", req->ip6}, {"mac", req->mac_address}};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].value && *flags[i].value &&
			net_join_option(&n->v[0], flags[i].key, flags[i].value, e) < 0)
			return -1;
	strv_extend(&n->v[0].place.aliases, req->network_aliases);
	return 0;
}

struct net_join *net_join_add(struct net *n)
{
	struct net_join *j;

	n->v = xreallocarray(n->v, n->n + 1, sizeof(*n->v));
	j = &n->v[n->n++];
	*j = (struct net_join){0};
	return j;
}

int net_find_network(struct engine *en, const char *name, struct network *out, struct err *e)
{
	if (streq(name, "default"))
		name = NET_DEFAULT;
	if (streq(name, NET_DEFAULT))
		return net_default(en, out, e);
	return network_store_find(en->db, name, out, e);
}

static int parse_joins(
	struct engine *en, const struct engine_run *req, struct net *n, struct err *e)
{
	static const char *const standard[] = {NET_DEFAULT, NULL};
	char *const *wanted = req->networks && *req->networks ? req->networks
							      : (char *const *)standard;

	strv_foreach (text, wanted) {
		auto_free char *name = NULL;
		struct net_join *j = net_join_add(n);
		if (parse_join(*text, j, &name, e) < 0 ||
			net_find_network(en, name, &j->network, e) < 0)
			return -1;
		for (size_t i = 0; i + 1 < n->n; i++)
			if (streq(n->v[i].network.id, j->network.id))
				return err_set(
					e, ERR_INVALID, "network %.100s is given twice", name);
		if (!j->place.interface)
			j->place.interface = xasprintf("eth%zu", n->n - 1);
	}
	return 0;
}

int net_policy(const char *text, uint8_t *out_direct, struct err *e)
{
	if (!streq(text, "firewall") && !streq(text, "direct"))
		return err_set(e, ERR_INVALID,
			"\"%.100s\" is no policy for published ports: firewall (what the host's "
			"firewall does not let in stays out), or direct",
			text);
	*out_direct = streq(text, "direct");
	return 0;
}

/* The flag's policy, else that of the first network that says one (--opt publish-policy=...). */
int net_choose_policy(const struct net *n, const char *text, uint8_t *out_direct, struct err *e)
{
	for (size_t i = 0; i < n->n; i++)
		strv_foreach (option, n->v[i].network.options)
			text = text ?: str_after(*option, "publish-policy=");
	return text ? net_policy(text, out_direct, e) : 0;
}

static int choose_policy(const struct engine_run *req, struct net *n, struct err *e)
{
	uint8_t direct = 0;

	if (net_choose_policy(n, req->publish_policy, &direct, e) < 0)
		return -1;
	for (size_t i = 0; i < n->ports.n; i++)
		n->ports.v[i].direct = direct;
	return 0;
}

/* -P: what the image exposes and --expose names, at any free port of the host. */
static int publish_all(const struct spec *s, struct net *n, struct err *e)
{
	auto_strv char **all = NULL;

	if (s->image)
		strv_extend(&all, s->image->config.exposed_ports);
	strv_extend(&all, s->req->expose);
	strv_foreach (text, all) {
		struct publish p;
		if (publish_parse_expose(*text, &p, e) < 0)
			return -1;
		if (!s->req->publish_all)
			continue;
		for (uint16_t i = 0, count = p.n; i < count; i++) {
			struct publish one = p;
			one.port = (uint16_t)(p.port + i);
			one.n = 1;
			publish_list_add(&n->ports, &one);
		}
	}
	return 0;
}

static int parse_ports(const struct spec *s, struct net *n, struct err *e)
{
	strv_foreach (text, s->req->publish) {
		struct publish p;
		if (publish_parse(*text, &p, e) < 0)
			return -1;
		for (size_t i = 0; i < n->ports.n; i++)
			if (publish_overlap(&n->ports.v[i], &p))
				return err_set(e, ERR_CONFLICT,
					"port %u/%s of the host is published twice", p.host_port,
					publish_proto_name(p.proto));
		publish_list_add(&n->ports, &p);
	}
	return publish_all(s, n, e) < 0 ? -1 : choose_policy(s->req, n, e);
}

int net_parse(struct engine *en, const struct spec *s, struct net *n, struct err *e)
{
	if (s->modes.network != NETWORK_OWN) {
		if (s->req->publish && s->modes.network == NETWORK_HOST)
			engine_warn(
				en, "Published ports are discarded when using host network mode");
		return 0;
	}
	if (parse_joins(en, s->req, n, e) < 0 || apply_flags(s->req, n, e) < 0 ||
		parse_ports(s, n, e) < 0)
		return -1;
	n->router_fd = en->router_fd;
	str_copy(n->id, sizeof(n->id), s->id);
	return n->router_fd < 0 ? 0 : router_check_ports(&n->ports, e);
}

/* ---- reserved ---- */

void net_join_cable(struct net_join *j, const char *id)
{
	snprintf(j->cable, sizeof(j->cable), RULES_CABLE "%.8s%u", id,
		(unsigned)j->place.number % 1000);
}

static int reserve(
	struct engine *en, const struct spec *s, int ephemeral, struct net *n, struct err *e)
{
	auto_listeners struct listeners host = {0};

	for (size_t i = 0; i < n->n; i++) {
		struct net_join *j = &n->v[i];
		if (network_store_place(en->db, &j->network, s->id, ephemeral, &j->place, e) < 0)
			return -1;
		net_join_cable(j, s->id);
	}
	if (net_host_listeners(&n->ports, &host, e) < 0)
		return -1;
	for (size_t i = 0; i < n->ports.n; i++)
		if (network_store_publish(en->db, &host, s->id, ephemeral, &n->ports.v[i], e) < 0)
			return -1;
	free(n->server.spec);
	return net_names_choose(en, n, s->req->dns, e);
}

int net_reserve(
	struct engine *en, const struct spec *s, int ephemeral, struct net *n, struct err *e)
{
	int r = n->n ? reserve(en, s, ephemeral, n, e) : 0;

	if (r == 0 || e->kind != ERR_CONFLICT)
		return r;
	/* Once more without what stopped containers hold, and without what we got so far. */
	if (network_store_forget(en->db, s->id, ephemeral, e) < 0 || net_forget_stopped(en, e) < 0)
		return -1;
	return reserve(en, s, ephemeral, n, e);
}

static void add_text(char ***v, const struct link_addr *a, int with_prefix)
{
	char text[CIDR_TEXT_MAX];

	if (!a->family)
		return;
	if (with_prefix)
		cidr_text(a, text);
	else
		cidr_address_text(a, text);
	strv_add(v, text);
}

void net_describe(const struct net *n, struct spec *s)
{
	s->resolver = n->router_fd >= 0 ? ROUTER_DNS : NULL;
	s->name_servers = net_names_servers(n);
	for (size_t i = 0; i < n->n; i++) {
		const struct net_join *j = &n->v[i];
		struct oci_interface *o = oci_config_add_interface(&s->oci, j->place.interface);
		const struct link_addr *const addrs[] = {&j->place.addr4, &j->place.addr6};

		for (size_t k = 0; k < ARRAY_SIZE(addrs); k++) {
			auto_strv char **text = NULL;
			add_text(&o->addresses, addrs[k], 1);
			add_text(&text, addrs[k], 0);
			if (text)
				strv_addf(&s->extra_hosts, "%s\t%s", text[0], s->hostname);
		}
		if (j->network.internal)
			continue;
		add_text(&o->gateways, &j->network.gateway4, 0);
		add_text(&o->gateways, &j->network.gateway6, 0);
	}
}

/* ---- in the kernel ---- */

static int up_one(struct engine *en, struct net *n, const struct network *network, struct err *e)
{
	int index;

	if (!streq(network->driver, "macvlan"))
		return network_up(&n->host, network, net_fill, en, e);
	index = link_index(n->host.route_fd, network->bridge);
	return index > 0 ? index
			 : err_sys(e, index, "network %s: find its parent interface %s",
				   network->name, network->bridge);
}

int net_up(struct engine *en, struct net *n, struct err *e)
{
	if (!n->n)
		return 0;
	if (router_enter(en, e) < 0 || router_publish_all(en, e) < 0 ||
		network_host_open(&n->host, en->runroot_fd, &en->idents, e) < 0)
		return -1;
	for (size_t i = 0; i < n->n; i++) {
		n->v[i].index = up_one(en, n, &n->v[i].network, e);
		if (n->v[i].index < 0)
			return -1;
	}
	return 0;
}

static int plug_macvlan(struct net *n, const struct net_join *j, pid_t pid, struct err *e)
{
	int r = link_macvlan_add(n->host.route_fd, j->index, j->place.interface, j->place.mac, pid);

	if (r == -EBUSY || r == -EINVAL)
		return err_set(e, ERR_CONFLICT,
			"network %s: the kernel makes no macvlan upon %s: is it a port of a "
			"bridge, "
			"or a macvlan itself?",
			j->network.name, j->network.bridge);
	return r < 0 ? err_sys(e, r, "plug the container into network %s", j->network.name) : 0;
}

int net_plug_cable(struct net *n, const struct net_join *j, pid_t pid, struct err *e)
{
	struct link_veth v = {
		.name = j->cable,
		.master = j->index,
		.isolated = j->network.isolate,
		.hairpin = n->ports.n > 0,
		.peer_name = j->place.interface,
		.peer_pid = pid,
		.mtu = j->network.mtu,
	};
	int r;

	if (streq(j->network.driver, "macvlan"))
		return plug_macvlan(n, j, pid, e);
	memcpy(v.peer_mac, j->place.mac, sizeof(v.peer_mac));
	r = link_veth_add(n->host.route_fd, &v);
	return r < 0 ? err_sys(e, r, "plug the container into network %s", j->network.name) : 0;
}

void net_published_addresses(
	const struct net *n, const struct link_addr **out4, const struct link_addr **out6)
{
	static const struct link_addr none;

	*out4 = *out6 = &none;
	for (size_t i = n->n; i-- > 0;) {
		const struct net_join *j = &n->v[i];
		if (j->network.internal || !streq(j->network.driver, "bridge"))
			continue;
		if (j->place.addr4.family)
			*out4 = &j->place.addr4;
		if (j->place.addr6.family)
			*out6 = &j->place.addr6;
	}
}

/* What the monitor sends to the kernel, unread, when the container ends. Before the ports are open:
 * nothing must be left that nobody undoes. */
static int write_undo(
	const struct net *n, const struct link_addr *a4, const struct link_addr *a6, struct err *e)
{
	auto_nl struct nl m = NL_EMPTY;
	int r;

	rules_remove_ports(&m, &n->host.id, &n->ports, a4, a6);
	r = m.buf.over ? -EMSGSIZE
		       : fd_write_file(n->run_fd, "undo", m.buf.data, m.buf.len, 0600, 0);
	return r < 0 ? err_sys(e, r, "note how the container's ports are closed") : 0;
}

static int open_ports(struct net *n, struct err *e)
{
	const struct link_addr *a4, *a6;
	auto_nl struct nl add = NL_EMPTY;
	char why[NL_WHY_MAX];
	int r;

	net_published_addresses(n, &a4, &a6);
	if (!rules_add_ports(&add, &n->host.id, &n->ports, a4, a6))
		return 0;
	if (write_undo(n, a4, a6, e) < 0)
		return -1;
	r = nl_talk(n->host.nft_fd, &add, why);
	if (r ==
		-EEXIST) { /* a killed monitor could not close them, and nobody has them any more */
		net_close_ports(n->host.nft_fd, &n->host.id, &n->ports);
		r = nl_talk(n->host.nft_fd, &add, why);
	}
	return r < 0 ? err_sys(e, r, "publish the container's ports") : 0;
}

int net_plug(void *ctx, pid_t pid, struct err *e)
{
	struct net *n = ctx;
	const struct link_addr *a4, *a6;

	net_published_addresses(n, &a4, &a6);
	/* M: it becomes the monitor, with the same number. */
	if (router_publish(n->router_fd, n->id, getpid(), &n->ports, a4, a6, e) < 0)
		return -1;
	for (size_t i = 0; i < n->n; i++)
		if (net_plug_cable(n, &n->v[i], pid, e) < 0)
			return -1;
	if (n->ports.n && open_ports(n, e) < 0)
		return -1;
	if (net_names_join(n->en, n, n->id, e) < 0)
		return -1;
	return router_published(n->router_fd, e);
}

int net_keep(struct net *n, struct err *e)
{
	return n->n ? net_keeper_hold(n->en, &n->users_fd, e) : 0;
}

void net_done(struct net *n)
{
	for (size_t i = 0; i < n->n; i++) {
		network_done(&n->v[i].network);
		place_done(&n->v[i].place);
	}
	free(n->v);
	free(n->ports.v);
	free(n->server.spec);
	fd_close_ptr(&n->users_fd);
	network_host_close(&n->host);
	*n = NET_NONE;
}
