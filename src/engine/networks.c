/* networks.c: hull network ls, inspect, rm, reload: the networks as their users see them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/mode.h"
#include "engine/net_parts.h"
#include "engine/net_rows.h"
#include "engine/networks.h"
#include "engine/router.h"
#include "engine/state.h"
#include "kernel/cidr.h"

/* Those without anything of their own: they are in no database. */
static const struct {
	const char *name, *driver;
} fixed[] = {{"host", "host"}, {"none", "null"}};

int network_is_predefined(const char *name)
{
	return streq(name, NET_DEFAULT) || streq(name, "host") || streq(name, "none");
}

/* ---- JSON ---- */

static void add_config(json_t *list, const struct link_addr *net, const struct link_addr *gateway,
	const struct link_addr *range)
{
	char text[CIDR_TEXT_MAX];
	json_t *o;

	if (!net->family)
		return;
	o = json_object();
	cidr_text(net, text);
	json_object_set_new(o, "Subnet", json_string(text));
	if (range->family) {
		cidr_text(range, text);
		json_object_set_new(o, "IPRange", json_string(text));
	}
	if (gateway->family) {
		cidr_address_text(gateway, text);
		json_object_set_new(o, "Gateway", json_string(text));
	}
	json_array_append_new(list, o);
}

static json_t *words_json(char *const *words)
{
	json_t *o = json_object();

	strv_foreach (w, words) {
		const char *equals = strchr(*w, '=');
		auto_free char *key = equals ? xstrndup(*w, (size_t)(equals - *w)) : xstrdup(*w);
		json_object_set_new(o, key, jsonx_string(equals ? equals + 1 : ""));
	}
	return o;
}

/* Docker's members, in its order. */
static json_t *network_json(const struct network *n, const char *driver)
{
	json_t *o = json_object(), *configs = json_array();
	char created[TIME_TEXT_MAX];

	add_config(configs, &n->net4, &n->gateway4, &n->range4);
	add_config(configs, &n->net6, &n->gateway6, &n->range6);
	time_format(n->created_ns, created);
	jsonx_set_str(o, "Name", n->name);
	jsonx_set_str(o, "Id", n->id);
	jsonx_set_str(o, "Created", created);
	jsonx_set_str(o, "Scope", "local");
	jsonx_set_str(o, "Driver", driver);
	json_object_set_new(o, "EnableIPv4", json_boolean(n->net4.family));
	json_object_set_new(o, "EnableIPv6", json_boolean(n->net6.family));
	json_object_set_new(o, "IPAM",
		json_pack("{s:s, s:o, s:o}", "Driver", "default", "Options", json_object(),
			"Config", configs));
	json_object_set_new(o, "Internal", json_boolean(n->internal));
	json_object_set_new(o, "Attachable", json_false());
	json_object_set_new(o, "Ingress", json_false());
	json_object_set_new(o, "ConfigFrom", json_pack("{s:s}", "Network", ""));
	json_object_set_new(o, "ConfigOnly", json_false());
	json_object_set_new(o, "Containers", json_object());
	json_object_set_new(o, "Options", words_json(n->options));
	json_object_set_new(o, "Labels", words_json(n->labels));
	return o;
}

static json_t *fixed_json(size_t i, int64_t created_ns)
{
	auto_network struct network n = {.name = xstrdup(fixed[i].name), .created_ns = created_ns};

	n.id = xmalloc(HASH_HEX + 1);
	hash_sha256_hex(n.name, strlen(n.name), n.id);
	return network_json(&n, fixed[i].driver);
}

struct members {
	struct engine *en;
	const char *network; /* id */
	json_t *containers;
};

void network_endpoint_id(const char *network, const char *container, char out[65])
{
	auto_free char *both = xasprintf("%s %s", network, container);

	hash_sha256_hex(both, strlen(both), out);
}

static json_t *member_json(
	const struct members *m, const struct container_row *row, const struct place *p)
{
	char mac[CIDR_MAC_MAX], end[HASH_HEX + 1];
	auto_free char *addr4 = cidr_dup(&p->addr4), *addr6 = cidr_dup(&p->addr6);

	cidr_mac_text(p->mac, mac);
	network_endpoint_id(m->network, row->id, end);
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "Name", row->name, "EndpointID", end,
		"MacAddress", mac, "IPv4Address", addr4, "IPv6Address", addr6);
}

/* Those that run, as Docker shows them. */
static int add_member(const char *container, const struct place *p, void *ctx)
{
	const struct members *m = ctx;
	struct container_state s;
	struct container_row row;

	if (container_store_get(m->en->db, container, &row, NULL) != 1)
		return 0;
	container_state_read(m->en, &row, &s);
	if (s.phase == PHASE_RUNNING)
		json_object_set_new(m->containers, container, member_json(m, &row, p));
	container_state_done(&s);
	container_row_done(&row);
	return 0;
}

static int add_members(struct engine *en, json_t *o, struct err *e)
{
	struct members m = {en, jsonx_str(o, "Id", ""), jsonx_obj(o, "Containers")};

	return network_store_members(en->db, m.network, add_member, &m, e);
}

/* ---- list, inspect ---- */

static int add_network(const struct network *n, void *list)
{
	json_array_append_new(list, network_json(n, n->driver));
	return 0;
}

/* It is there from the first look on; when it was made, or -1. */
static int64_t have_default(struct engine *en, struct err *e)
{
	auto_network struct network n = {0};

	return net_default(en, &n, e) < 0 ? -1 : n.created_ns;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(jsonx_str(*(json_t *const *)a, "Name", ""),
		jsonx_str(*(json_t *const *)b, "Name", ""));
}

static json_t *sorted(const json_t *list)
{
	size_t n = json_array_size(list);
	auto_free json_t **v = xcalloc(n + 1, sizeof(*v));
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(list, i);
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append(out, v[i]);
	return out;
}

json_t *engine_network_list(struct engine *en, int with_containers, struct err *e)
{
	auto_json json_t *list = json_array();
	int64_t created_ns = mode_enter(en, e) < 0 ? -1 : have_default(en, e);
	json_t *o;
	size_t i;

	if (created_ns < 0 || network_store_each(en->db, add_network, list, e) < 0)
		return NULL;
	if (with_containers)
		json_array_foreach (list, i, o)
			if (add_members(en, o, e) < 0)
				return NULL;
	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		json_array_append_new(list, fixed_json(i, created_ns));
	return sorted(list);
}

json_t *engine_network_inspect(struct engine *en, const char *name, struct err *e)
{
	auto_network struct network n = {0};
	int64_t created_ns = mode_enter(en, e) < 0 ? -1 : have_default(en, e);
	json_t *o;

	if (created_ns < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (streq(name, fixed[i].name))
			return fixed_json(i, created_ns);
	if (net_find_network(en, name, &n, e) < 0)
		return NULL;
	o = network_json(&n, n.driver);
	if (add_members(en, o, e) == 0)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- rm ---- */

struct in_use {
	struct engine *en;
	const struct network *network;
	struct err *e;
};

/* One that is being started is locked as well. */
static int refuse_when_running(const char *container, const struct place *p, void *ctx)
{
	const struct in_use *u = ctx;
	auto_fd int run = engine_container_folder(u->en->runroot_fd, container);
	struct container_row row;

	(void)p;
	if (run < 0 || !container_is_locked(run) ||
		container_store_get(u->en->db, container, &row, NULL) != 1)
		return 0;
	err_set(u->e, ERR_CONFLICT,
		"error while removing network: network %s has active endpoints (name:\"%s\" "
		"id:\"%.12s\"): disconnect or remove the container first",
		u->network->name, row.name, row.id);
	container_row_done(&row);
	return -1;
}

static int bring_down(struct engine *en, const struct network *n, struct err *e)
{
	struct network_host h;
	int r;

	if (!streq(n->driver, "bridge"))
		return 0;
	if (router_enter(en, e) < 0)
		return -1;
	r = network_host_open(&h, en->runroot_fd, &en->idents, e);
	if (r == 0)
		r = network_down(&h, n, e);
	network_host_close(&h);
	return r;
}

/* Within a transaction: nobody gets a place meanwhile. */
static int remove_network(struct engine *en, const char *name, struct err *e)
{
	auto_network struct network n = {0};
	struct in_use u = {en, &n, e};

	if (network_store_find(en->db, name, &n, e) < 0)
		return -1;
	if (network_is_predefined(n.name))
		return err_set(e, ERR_CONFLICT, "%s is a pre-defined network and cannot be removed",
			n.name);
	if (network_store_members(en->db, n.id, refuse_when_running, &u, e) < 0 ||
		network_store_remove(en->db, n.id, e) < 0)
		return -1;
	return bring_down(en, &n, e);
}

int engine_network_remove(struct engine *en, const char *name, struct err *e)
{
	if (mode_enter(en, e) < 0)
		return -1;
	if (network_is_predefined(name))
		return err_set(
			e, ERR_CONFLICT, "%s is a pre-defined network and cannot be removed", name);
	if (db_begin(en->db, 1, e) < 0)
		return -1;
	if (remove_network(en, name, e) == 0 && db_commit(en->db, e) == 0)
		return 0;
	db_rollback(en->db);
	return -1;
}

int engine_network_reload(struct engine *en, struct err *e)
{
	struct network_host h;
	int r;

	if (mode_enter(en, e) < 0 || router_enter(en, e) < 0)
		return -1;
	r = network_host_open(&h, en->runroot_fd, &en->idents, e);
	if (r == 0)
		r = network_reload(&h, net_fill, en, e);
	network_host_close(&h);
	return r;
}
