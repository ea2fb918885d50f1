/* networks_create.c: hull network create: what was typed, checked, becomes a row. The bridge is
 * made with the first container. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "engine/mode.h"
#include "engine/net_parts.h"
#include "engine/net_rows.h"
#include "engine/networks.h"
#include "kernel/cidr.h"

#define NAME_MAX_LEN 128
#define MTU_MIN 68 /* RFC 791; with IPv6 1280, which the kernel asks for */
#define MTU_MAX 65535

static int check_name(const char *name, struct err *e)
{
	const char *p = name;

	if (network_is_predefined(name) || streq(name, "default"))
		return err_set(e, ERR_CONFLICT,
			"operation is not permitted on predefined %s network", name);
	while (isalnum((unsigned char)*p) || (p > name && *p && strchr("_.-", *p)))
		p++;
	if (!*name || *p || p - name > NAME_MAX_LEN)
		return err_set(e, ERR_INVALID,
			"invalid network name: \"%.200s\": only [a-zA-Z0-9][a-zA-Z0-9_.-]* are "
			"allowed, at most %d",
			name, NAME_MAX_LEN);
	return 0;
}

static int check_driver(const char *driver, struct err *e)
{
	static const char *const known[] = {"bridge", "macvlan", "host", "none", NULL};
	const char *near = parse_nearest(driver, known);

	if (streq(driver, "bridge") || streq(driver, "macvlan"))
		return 0;
	if (streq(driver, "host") || streq(driver, "none") || streq(driver, "null"))
		return err_set(e, ERR_CONFLICT,
			"only one instance of \"%s\" network is allowed: --network=%s is there "
			"already",
			driver, streq(driver, "host") ? "host" : "none");
	return err_set(e, ERR_UNSUPPORTED,
		"the network driver \"%.100s\" is not there%s%s%s: bridge and macvlan are", driver,
		near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* ---- addresses ---- */

static struct link_addr *of_family(struct link_addr *v4, struct link_addr *v6, int family)
{
	return family == AF_INET ? v4 : v6;
}

static int add_subnet(struct network *n, const char *text, struct err *e)
{
	struct link_addr a, network, *out;

	if (cidr_parse(text, &a) < 0)
		return err_set(e, ERR_INVALID,
			"invalid subnet %.100s: as 10.1.0.0/16 or fd01::/64 it is expected", text);
	network = cidr_network(&a);
	if (!cidr_equal(&a, &network))
		return err_set(e, ERR_INVALID,
			"invalid subnet %.100s: it has bits behind its prefix", text);
	if (a.prefix > (a.family == AF_INET ? 30 : 126) || a.prefix < 4)
		return err_set(e, ERR_INVALID,
			"invalid subnet %.100s: /4 to /30 for IPv4, to /126 for IPv6 have room for "
			"containers",
			text);
	out = of_family(&n->net4, &n->net6, a.family);
	if (out->family)
		return err_set(e, ERR_INVALID,
			"--subnet %.100s: one of each family is possible, and there is one of "
			"IPv%d "
			"already",
			text, a.family == AF_INET ? 4 : 6);
	*out = a;
	return 0;
}

static int add_gateway(struct network *n, const char *text, struct err *e)
{
	struct link_addr a, *net, *out;

	if (cidr_parse_address(text, &a) < 0)
		return err_set(
			e, ERR_INVALID, "invalid gateway %.100s: an address is expected", text);
	net = of_family(&n->net4, &n->net6, a.family);
	out = of_family(&n->gateway4, &n->gateway6, a.family);
	if (!net->family || !cidr_contains(net, &a))
		return err_set(e, ERR_INVALID,
			"no matching subnet for gateway %.100s: --subnet names it", text);
	if (out->family)
		return err_set(
			e, ERR_INVALID, "--gateway %.100s: the subnet has one already", text);
	a.prefix = net->prefix;
	*out = a;
	return 0;
}

static int add_range(struct network *n, const char *text, struct err *e)
{
	struct link_addr a, *net, *out;

	if (cidr_parse(text, &a) < 0)
		return err_set(e, ERR_INVALID,
			"invalid range %.100s: as 10.1.2.0/24 it is expected", text);
	net = of_family(&n->net4, &n->net6, a.family);
	out = of_family(&n->range4, &n->range6, a.family);
	if (!net->family || a.prefix < net->prefix || !cidr_contains(net, &a))
		return err_set(e, ERR_INVALID,
			"no matching subnet for range %.100s: --subnet names it", text);
	if (out->family)
		return err_set(
			e, ERR_INVALID, "--ip-range %.100s: the subnet has one already", text);
	*out = cidr_network(&a);
	return 0;
}

static int each(struct network *n, char *const *words,
	int (*add)(struct network *n, const char *text, struct err *e), struct err *e)
{
	strv_foreach (w, words)
		if (add(n, *w, e) < 0)
			return -1;
	return 0;
}

/* ---- options ---- */

static int set_mtu(struct network *n, const char *value, struct err *e)
{
	if (parse_u32(value, &n->mtu) == 0 && n->mtu >= MTU_MIN && n->mtu <= MTU_MAX)
		return 0;
	return err_set(e, ERR_INVALID, "invalid MTU %.50s: from %d to %d", value, MTU_MIN, MTU_MAX);
}

static int set_interface(struct network *n, const char *value, struct err *e)
{
	if (!*value || strlen(value) >= IFNAMSIZ || strpbrk(value, "/ :\t\n") || *value == '.')
		return err_set(e, ERR_INVALID, "\"%.50s\" is no name for an interface", value);
	str_set(&n->bridge, value);
	return 0;
}

static int set_isolate(struct network *n, const char *value, struct err *e)
{
	if (parse_bool(value, &n->isolate) == 0)
		return 0;
	return err_set(e, ERR_INVALID, "invalid value isolate=%.50s: true or false", value);
}

static int set_icc(struct network *n, const char *value, struct err *e)
{
	int r = set_isolate(n, value, e);

	n->isolate = !n->isolate;
	return r;
}

static int check_policy(struct network *n, const char *value, struct err *e)
{
	uint8_t direct;

	(void)n;
	return net_policy(value, &direct, e);
}

static int set_nothing(struct network *n, const char *value, struct err *e)
{
	(void)n;
	(void)value;
	(void)e;
	return 0;
}

/* Short names, and Docker's. */
static const struct {
	const char *name, *docker, *driver; /* driver NULL: any */
	int (*set)(struct network *n, const char *value, struct err *e);
} options[] = {
	{"mtu", "com.docker.network.driver.mtu", NULL, set_mtu},
	{"name", "com.docker.network.bridge.name", "bridge", set_interface},
	{"isolate", NULL, "bridge", set_isolate},
	{"icc", "com.docker.network.bridge.enable_icc", "bridge", set_icc},
	{"publish-policy", NULL, "bridge", check_policy},
	{"parent", NULL, "macvlan", set_interface},
	{"macvlan_mode", "mode", "macvlan", set_nothing},
};

static int set_option(struct network *n, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	auto_free char *key = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!streq(key, options[i].name) &&
			(!options[i].docker || !streq(key, options[i].docker)))
			continue;
		if (options[i].driver && !streq(options[i].driver, n->driver))
			break;
		if (options[i].set == set_nothing && equals && !streq(equals + 1, "bridge"))
			return err_set(e, ERR_UNSUPPORTED,
				"--opt %.100s: the mode bridge is the only one", text);
		return options[i].set(n, equals ? equals + 1 : "", e);
	}
	return err_set(e, ERR_INVALID, "--opt %.100s: unknown option of driver %s: %s are known",
		text, n->driver,
		streq(n->driver, "macvlan")
			? "parent and mtu"
			: "mtu, name (of the bridge), isolate, icc and publish-policy");
}

/* ---- the row ---- */

static int check_macvlan(const struct network *n, int route_fd, struct err *e)
{
	if (!n->bridge)
		return err_set(e, ERR_INVALID,
			"a macvlan network takes the interface that it is made upon: --opt "
			"parent=eth0");
	if (link_index(route_fd, n->bridge) < 0)
		return err_set(
			e, ERR_NOT_FOUND, "there is no interface %s on this host", n->bridge);
	if (!n->net4.family && !n->net6.family)
		return err_set(e, ERR_INVALID,
			"a macvlan network takes --subnet and --gateway of the network that %s is "
			"in",
			n->bridge);
	return 0;
}

static int check_bridge(struct network *n, int route_fd, struct err *e)
{
	if (!n->bridge)
		n->bridge = xasprintf("br-%.12s", n->id);
	if (link_index(route_fd, n->bridge) > 0)
		return err_set(e, ERR_CONFLICT,
			"there is an interface %s on this host already: another name for the "
			"bridge "
			"is needed (--opt com.docker.network.bridge.name=...)",
			n->bridge);
	return 0;
}

static int from_request(const struct engine_network *req, struct network *n, struct err *e)
{
	n->name = xstrdup(req->name);
	n->driver = xstrdup(req->driver && *req->driver ? req->driver : "bridge");
	n->created_ns = time_now_ns();
	n->internal = req->internal;
	n->labels = strv_dup(req->labels);
	n->options = strv_dup(req->options);
	n->id = xmalloc(ENGINE_ID_LEN + 1);
	hash_random_hex(ENGINE_ID_LEN / 2, n->id);
	if (check_name(n->name, e) < 0 || check_driver(n->driver, e) < 0 ||
		each(n, req->subnets, add_subnet, e) < 0 ||
		each(n, req->gateways, add_gateway, e) < 0 ||
		each(n, req->ranges, add_range, e) < 0 || each(n, req->options, set_option, e) < 0)
		return -1;
	strv_foreach (l, req->labels)
		if (**l == '=' || strpbrk(*l, "\n"))
			return err_set(e, ERR_INVALID, "invalid label \"%.200s\"", *l);
	if (!req->ipv4 && n->net4.family)
		return err_set(e, ERR_INVALID, "--ipv4=false and a --subnet of IPv4 contradict");
	if (!req->ipv4 && !req->ipv6 && !n->net6.family)
		return err_set(e, ERR_INVALID, "a network without IPv4 and IPv6 is of no use");
	if ((req->ipv6 || n->net6.family) && !net_has_ipv6())
		return err_set(e, ERR_UNSUPPORTED,
			"this kernel has no IPv6 (or it was switched off at boot): leave --ipv6 "
			"and "
			"its subnets out");
	return 0;
}

static int store(struct engine *en, struct network *n, int route_fd, int flags, struct err *e)
{
	if (db_begin(en->db, 1, e) < 0)
		return -1;
	if (network_choose_subnets(en->db, route_fd, n, flags, e) == 0 &&
		network_store_add(en->db, n, e) == 0 && db_commit(en->db, e) == 0)
		return 0;
	db_rollback(en->db);
	return -1;
}

int engine_network_create(
	struct engine *en, const struct engine_network *req, char out_id[65], struct err *e)
{
	auto_network struct network n = {0}, standard = {0};
	auto_fd int route_fd = -1;
	int macvlan;

	/* The default network has the first subnet, whoever comes first. */
	if (mode_enter(en, e) < 0 || from_request(req, &n, e) < 0 ||
		net_default(en, &standard, e) < 0)
		return -1;
	macvlan = streq(n.driver, "macvlan");
	route_fd = nl_open(NETLINK_ROUTE);
	if (route_fd < 0)
		return err_sys(e, route_fd, "ask the kernel for network interfaces");
	if ((macvlan ? check_macvlan(&n, route_fd, e) : check_bridge(&n, route_fd, e)) < 0 ||
		store(en, &n, route_fd,
			macvlan ? 0
				: (req->ipv4 ? NETWORK_IPV4 : 0) | (req->ipv6 ? NETWORK_IPV6 : 0),
			e) < 0)
		return -1;
	memcpy(out_id, n.id, ENGINE_ID_LEN + 1);
	return 0;
}
