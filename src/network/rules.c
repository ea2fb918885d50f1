/* rules.c: the table `hull` of nftables.
 *
 * How it works: rules are made once and never again; a network or a port is an element.
 *
 *	any, at		a published port (at: with the host's address): the way to the container
 *	any_ports ...	the same keys as sets: a map cannot be asked without using its answer
 *	bridges		the networks' interfaces
 *	pairs		each of them twice: within one network all may talk
 *	sources		subnets whose packets leave under the host's address
 *	internal	bridges of networks that nothing leaves
 *	own		a subnet with its bridge: what a published port sends back to where it
 *			came from must have the host's address, or the answer took the short way
 *
 * Single ports are in hash maps, where an element costs the same whatever their number; ranges with
 * the same number inside are in interval maps; a range that is shifted is one element for each.
 *
 * Policy "firewall": a packet from outside for a published port is not translated in prerouting, so
 * it goes the way of a packet for the host itself, through every input chain of its firewall. What
 * is still there at priority 300 was accepted: a copy of it is sent into the veth pair hp0 -> hp1
 * and is translated when it comes in again by hp1, with the client's own address. The original is
 * dropped unconfirmed; all later packets of the connection are translated at once. */
#define _GNU_SOURCE
#include "network/rules.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/cidr.h"

/* $f: ip, $t: ipv4_addr, $l: the host's loopback network, $c: where copies are sent to */
static const char table[] =
	"table $f hull {}\n"
	"delete table $f hull\n"
	"table $f hull {\n"
	"	map any { type inet_proto . inet_service : $t . inet_service; }\n"
	"	map at { type $t . inet_proto . inet_service : $t . inet_service; }\n"
	"	map any_range { type inet_proto . inet_service : $t; flags interval; }\n"
	"	map at_range { type $t . inet_proto . inet_service : $t; flags interval; }\n"
	"	set any_ports { type inet_proto . inet_service; }\n"
	"	set at_ports { type $t . inet_proto . inet_service; }\n"
	"	set any_ranges { type inet_proto . inet_service; flags interval; }\n"
	"	set at_ranges { type $t . inet_proto . inet_service; flags interval; }\n"
	"	set bridges { type ifname; }\n"
	"	set pairs { type ifname . ifname; }\n"
	"	set internal { type ifname; }\n"
	"	set sources { type $t; flags interval; }\n"
	"	set own { type $t . ifname; flags interval; }\n"
	"	chain publish {\n"
	"		dnat $f to $f daddr . meta l4proto . th dport map @at\n"
	"		dnat $f to $f daddr . meta l4proto . th dport map @at_range\n"
	"		dnat $f to meta l4proto . th dport map @any\n"
	"		dnat $f to meta l4proto . th dport map @any_range\n"
	"	}\n"
	/* Nobody beside the host itself has business with its loopback addresses (CVE-2020-8558).
	 */
	"	chain guard {\n"
	"		type filter hook prerouting priority raw; policy accept;\n"
	"		iifname @bridges $f daddr $l drop\n"
	"		iifname @bridges $f saddr $l drop\n"
	"	}\n"
	"	chain output {\n"
	"		type nat hook output priority -100; policy accept;\n"
	"		oifname \"hp0\" return\n"
	"		fib daddr type local jump publish\n"
	"	}\n"
	"	chain postrouting {\n"
	"		type nat hook postrouting priority srcnat; policy accept;\n"
	"		$f saddr @sources oifname != @bridges masquerade\n"
	"		$f saddr $l oifname @bridges masquerade\n"
	"		$f saddr . oifname @own ct status dnat masquerade\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority filter; policy accept;\n"
	"		iifname != @bridges oifname != @bridges accept\n"
	"		ct state established,related accept\n"
	"		iifname . oifname @pairs accept\n"
	"		iifname @internal drop\n"
	"		oifname @internal drop\n"
	"		oifname @bridges ct status dnat accept\n"
	"		oifname @bridges drop\n"
	"	}\n";

static const char direct[] = "	chain prerouting {\n"
			     "		type nat hook prerouting priority dstnat; policy accept;\n"
			     "		fib daddr type local jump publish\n"
			     "	}\n"
			     "}\n";

static const char firewall[] =
	"	chain prerouting {\n"
	"		type nat hook prerouting priority dstnat; policy accept;\n"
	"		iifname \"hp1\" jump publish\n"
	"		iifname @bridges fib daddr type local jump publish\n"
	"	}\n"
	"	chain copy {\n"
	"		dup to $c device \"hp0\" drop\n"
	"	}\n"
	"	chain input {\n"
	"		type filter hook input priority 300; policy accept;\n"
	"		iifname { \"hp1\", \"lo\" } accept\n"
	"		ct state established,related accept\n"
	"		meta l4proto . th dport @any_ports jump copy\n"
	"		$f daddr . meta l4proto . th dport @at_ports jump copy\n"
	"		meta l4proto . th dport @any_ranges jump copy\n"
	"		$f daddr . meta l4proto . th dport @at_ranges jump copy\n"
	"	}\n"
	"}\n";

static const struct {
	const char *family, *type, *loopback, *copy;
} families[] = {
	{"ip", "ipv4_addr", "127.0.0.0/8", RULES_COPY4},
	{"ip6", "ipv6_addr", "::1", RULES_COPY6},
};

static void expand(struct buf *out, const char *text, size_t family)
{
	for (; *text; text++) {
		if (*text != '$') {
			buf_putc(out, *text);
			continue;
		}
		text++;
		buf_puts(out, *text == 'f'   ? families[family].family
			      : *text == 't' ? families[family].type
			      : *text == 'l' ? families[family].loopback
					     : families[family].copy);
	}
}

void rules_text(struct buf *out, enum rules_policy policy)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		expand(out, table, i);
		expand(out, policy == RULES_DIRECT ? direct : firewall, i);
	}
}

/* ---- elements ---- */

typedef void change_fn(struct nl *m, uint8_t family, const char *table, const struct nft_elem *e);

static struct nft_elem ifname_elem(const char *set, const char *name, int twice)
{
	struct nft_elem e = {.set = set};

	nft_add_ifname(&e.key, name);
	if (twice)
		nft_add_ifname(&e.key, name);
	return e;
}

/* An interval set of one field holds its ends as elements of their own, the second marked. */
static void change_subnet(struct nl *m, change_fn *change, const struct link_addr *net)
{
	const struct link_addr low = cidr_network(net);
	struct link_addr high = low;
	struct nft_elem from = {.set = "sources"}, to = {.set = "sources", .is_end = 1};

	cidr_next(&high);
	nft_add_bytes(&from.key, low.bytes, cidr_len(net->family));
	nft_add_bytes(&to.key, high.bytes, cidr_len(net->family));
	change(m, (uint8_t)net->family, RULES_TABLE, &from);
	change(m, (uint8_t)net->family, RULES_TABLE, &to);
}

static void change_own(
	struct nl *m, change_fn *change, const char *bridge, const struct link_addr *net)
{
	const struct link_addr low = cidr_network(net), high = cidr_last(net);
	struct nft_elem e = {.set = "own"};

	nft_add_bytes(&e.key, low.bytes, cidr_len(net->family));
	nft_add_ifname(&e.key, bridge);
	nft_add_bytes(&e.key_end, high.bytes, cidr_len(net->family));
	nft_add_ifname(&e.key_end, bridge);
	change(m, (uint8_t)net->family, RULES_TABLE, &e);
}

static void change_network(struct nl *m, change_fn *change, const struct network *n)
{
	static const uint8_t both[] = {AF_INET, AF_INET6};
	const struct nft_elem bridge = ifname_elem("bridges", n->bridge, 0);
	const struct nft_elem pair = ifname_elem("pairs", n->bridge, 1);
	const struct nft_elem internal = ifname_elem("internal", n->bridge, 0);

	nft_begin(m);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		change(m, both[i], RULES_TABLE, &bridge);
		change(m, both[i], RULES_TABLE, &pair);
		if (n->internal)
			change(m, both[i], RULES_TABLE, &internal);
	}
	if (!n->internal && n->net4.family)
		change_subnet(m, change, &n->net4);
	if (!n->internal && n->net6.family)
		change_subnet(m, change, &n->net6);
	if (n->net4.family)
		change_own(m, change, n->bridge, &n->net4);
	if (n->net6.family)
		change_own(m, change, n->bridge, &n->net6);
	nft_end(m);
}

void rules_add_network(struct nl *m, const struct network *n)
{
	change_network(m, nft_elem_add, n);
}

void rules_remove_network(struct nl *m, const struct network *n)
{
	change_network(m, nft_elem_delete, n);
}

static void add_key(struct nft_value *key, const struct publish *p, int at, uint16_t port)
{
	if (at)
		nft_add_bytes(key, p->host.bytes, cidr_len(p->host.family));
	nft_add_u8(key, p->proto);
	nft_add_port(key, port);
}

/* One element, or as many as the range has ports, in map and set. */
static void change_port(
	struct nl *m, change_fn *change, const struct publish *p, const struct link_addr *to)
{
	const int at = p->host.family && !cidr_is_any(&p->host);
	const uint8_t family = (uint8_t)to->family;

	if (p->n > 1 && p->host_port == p->port) {
		struct nft_elem map = {.set = at ? "at_range" : "any_range"};
		struct nft_elem set = {.set = at ? "at_ranges" : "any_ranges"};
		add_key(&map.key, p, at, p->host_port);
		add_key(&map.key_end, p, at, (uint16_t)(p->host_port + p->n - 1));
		set.key = map.key;
		set.key_end = map.key_end;
		nft_add_bytes(&map.data, to->bytes, cidr_len(family));
		change(m, family, RULES_TABLE, &map);
		change(m, family, RULES_TABLE, &set);
		return;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		struct nft_elem map = {.set = at ? "at" : "any"};
		struct nft_elem set = {.set = at ? "at_ports" : "any_ports"};
		add_key(&map.key, p, at, (uint16_t)(p->host_port + i));
		set.key = map.key;
		nft_add_bytes(&map.data, to->bytes, cidr_len(family));
		nft_add_port(&map.data, (uint16_t)(p->port + i));
		change(m, family, RULES_TABLE, &map);
		change(m, family, RULES_TABLE, &set);
	}
}

static int change_ports(struct nl *m, change_fn *change, const struct publish_list *ports,
	const struct link_addr *addr4, const struct link_addr *addr6)
{
	const struct link_addr *const addrs[] = {addr4, addr6};
	int some = 0;

	for (size_t i = 0; i < ports->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(addrs); k++) {
			const struct publish *p = &ports->v[i];
			if (!addrs[k]->family ||
				(p->host.family && p->host.family != addrs[k]->family))
				continue;
			if (!some++)
				nft_begin(m);
			change_port(m, change, p, addrs[k]);
		}
	if (some)
		nft_end(m);
	return some > 0;
}

int rules_add_ports(struct nl *m, const struct publish_list *ports, const struct link_addr *addr4,
	const struct link_addr *addr6)
{
	return change_ports(m, nft_elem_add, ports, addr4, addr6);
}

int rules_remove_ports(struct nl *m, const struct publish_list *ports,
	const struct link_addr *addr4, const struct link_addr *addr6)
{
	return change_ports(m, nft_elem_delete, ports, addr4, addr6);
}
