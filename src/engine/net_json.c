/* net_json.c: a container's networks and ports as inspect and ps show them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/net.h"
#include "engine/networks.h"
#include "kernel/cidr.h"

struct ends {
	struct engine *en;
	const char *id;	    /* the container's */
	json_t *networks;   /* by name */
	const json_t *base; /* Docker's members of an endpoint, all empty */
};

static void set_addr(json_t *o, const char *key, const char *prefix_key, const struct link_addr *a)
{
	char text[CIDR_TEXT_MAX];

	if (!a->family)
		return;
	cidr_address_text(a, text);
	json_object_set_new(o, key, json_string(text));
	if (prefix_key)
		json_object_set_new(o, prefix_key, json_integer(a->prefix));
}

static int add_end(const char *network, const struct place *p, void *ctx)
{
	struct ends *x = ctx;
	auto_network struct network n = {0};
	json_t *o;
	char mac[CIDR_MAC_MAX], end[ENGINE_ID_LEN + 1];

	if (network_store_find(x->en->db, network, &n, NULL) < 0)
		return 0;
	o = json_deep_copy(x->base);
	cidr_mac_text(p->mac, mac);
	set_addr(o, "IPAddress", "IPPrefixLen", &p->addr4);
	set_addr(o, "GlobalIPv6Address", "GlobalIPv6PrefixLen", &p->addr6);
	if (!n.internal) {
		set_addr(o, "Gateway", NULL, &n.gateway4);
		set_addr(o, "IPv6Gateway", NULL, &n.gateway6);
	}
	json_object_set_new(o, "MacAddress", json_string(mac));
	json_object_set_new(o, "NetworkID", json_string(n.id));
	network_endpoint_id(n.id, x->id, end);
	json_object_set_new(o, "EndpointID", json_string(end));
	if (p->aliases)
		json_object_set_new(o, "Aliases", jsonx_from_strv(p->aliases));
	json_object_set_new(x->networks, n.name, o);
	return 0;
}

int net_json_networks(struct engine *en, const char *id, const json_t *base, json_t *networks)
{
	struct ends x = {en, id, networks, base};

	return network_store_places(en->db, id, add_end, &x, NULL);
}

static void add_binding(json_t *list, const char *ip, unsigned int port)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp", ip, "HostPort", text));
}

json_t *net_json_of_ports(const struct publish_list *l)
{
	json_t *o = json_object();

	for (size_t i = 0; i < l->n; i++)
		for (unsigned int k = 0; k < l->v[i].n; k++) {
			const struct publish *p = &l->v[i];
			char key[32], ip[CIDR_TEXT_MAX] = "";
			json_t *list;
			snprintf(key, sizeof(key), "%u/%s", p->port + k,
				publish_proto_name(p->proto));
			list = json_object_get(o, key);
			if (!list) {
				list = json_array();
				json_object_set_new(o, key, list);
			}
			if (p->host.family)
				cidr_address_text(&p->host, ip);
			add_binding(list, *ip ? ip : "0.0.0.0", p->host_port + k);
			if (!*ip)
				add_binding(list, "::", p->host_port + k);
		}
	return o;
}

json_t *net_json_ports(struct engine *en, const char *id)
{
	struct publish_list l = {0};
	json_t *o;

	(void)!network_store_published(en->db, id, &l, NULL);
	o = net_json_of_ports(&l);
	free(l.v);
	return o;
}

static void put_range(char *out, size_t size, unsigned int first, unsigned int n)
{
	if (n > 1)
		snprintf(out, size, "%u-%u", first, first + n - 1);
	else
		snprintf(out, size, "%u", first);
}

static void put_port(struct buf *b, const char *ip, const struct publish *p)
{
	char host[16], inside[16];

	put_range(host, sizeof(host), p->host_port, p->n);
	put_range(inside, sizeof(inside), p->port, p->n);
	buf_printf(b, strchr(ip, ':') ? "%s[%s]:%s->%s/%s" : "%s%s:%s->%s/%s", b->len ? ", " : "",
		ip, host, inside, publish_proto_name(p->proto));
}

char *net_ports_text(struct engine *en, const char *id)
{
	auto_buf struct buf b = BUF_MAX(65536);
	struct publish_list l = {0};

	if (network_store_published(en->db, id, &l, NULL) < 0)
		return xstrdup("");
	for (size_t i = 0; i < l.n; i++) {
		char ip[CIDR_TEXT_MAX];
		if (l.v[i].host.family) {
			cidr_address_text(&l.v[i].host, ip);
			put_port(&b, ip, &l.v[i]);
		} else {
			put_port(&b, "0.0.0.0", &l.v[i]);
			put_port(&b, "::", &l.v[i]);
		}
	}
	free(l.v);
	return b.len ? buf_steal(&b) : xstrdup("");
}
