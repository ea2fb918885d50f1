/* rules.c: the table `hull` of nftables.
 *
 * How it works: rules are made once and never again; a network or a port is an element.
 *
 *	any, at		a published port (at: with the host's address): the way to the container
 *	judged_...	the same keys as sets (a map cannot be asked without using its answer), of
 *the ports that the host's firewall decides on direct_...	of the ports that are open whatever
 *it says bridges		the networks' interfaces pairs		each of them twice: within
 *one network all may talk sources		subnets whose packets leave under the host's address
 *	internal	bridges of networks that nothing leaves
 *	own		a subnet with its bridge: what a published port sends back to where it
 *			came from must have the host's address, or the answer took the short way
 *
 * Single ports are in hash maps, where an element costs the same whatever their number; ranges with
 * the same number inside are in interval maps; a range that is shifted is one element for each. A
 * port of a loopback address is in no set: nobody outside asks for it.
 *
 * Policy "firewall": a packet from outside for a published port is not translated in prerouting, so
 * it goes the way of a packet for the host itself, through every input chain of its firewall. What
 * is still there at priority 300 was accepted: a copy of it is sent into the veth pair hp0 -> hp1
 * and is translated when it comes in again by hp1, with the client's own address. The original is
 * dropped unconfirmed; all later packets of the connection are translated at once.
 *
 * Where the kernel or the firewall wants packets to come in by the interface that leads back to
 * their source (rp_filter = 1, as ufw sets it; fib rules, as firewalld has for IPv6), it is told
 * that hp1 is one: for packets with a mark, which they have until their route is known (pair.c).
 *
 * ::1 cannot be translated as 127.0.0.1 is: the kernel takes a packet with that address from no
 * interface but lo, and there is no route_localnet. So before anything else sees it, a packet for a
 * published port (sets self, self_range) gets another address of this host as its source (the
 * pair's), and its answer gets ::1 back behind the last hook. What this rewrites blindly must not
 * be the answer of a local server to a client whose own port happens to have a published number:
 * what such clients send is noted in the set answers. */
#define _GNU_SOURCE
#include "network/rules.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/cidr.h"

/* $f: ip, $t: ipv4_addr, $l: the host's loopback network, $c: where copies are sent to, $h: the
 * table, $1 and $2: the pair, $m: its mark */
static const char table[] =
	"table $f $h {}\n"
	"delete table $f $h\n"
	"table $f $h {\n"
	"	map any { type inet_proto . inet_service : $t . inet_service; }\n"
	"	map at { type $t . inet_proto . inet_service : $t . inet_service; }\n"
	"	map any_range { type inet_proto . inet_service : $t; flags interval; }\n"
	"	map at_range { type $t . inet_proto . inet_service : $t; flags interval; }\n"
	"	set judged_any { type inet_proto . inet_service; }\n"
	"	set judged_at { type $t . inet_proto . inet_service; }\n"
	"	set judged_any_range { type inet_proto . inet_service; flags interval; }\n"
	"	set judged_at_range { type $t . inet_proto . inet_service; flags interval; }\n"
	"	set direct_any { type inet_proto . inet_service; }\n"
	"	set direct_at { type $t . inet_proto . inet_service; }\n"
	"	set direct_any_range { type inet_proto . inet_service; flags interval; }\n"
	"	set direct_at_range { type $t . inet_proto . inet_service; flags interval; }\n"
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
	/* Nobody beside the host itself has business with its loopback addresses, even where
	 * route_localnet lets them in (CVE-2020-8558), nor with the address of copies. */
	"	chain guard {\n"
	"		type filter hook prerouting priority -310; policy accept;\n"
	"		iifname != \"lo\" $f daddr $l drop\n"
	"		iifname @bridges $f saddr $l drop\n"
	"		$f daddr $c drop\n"
	"		iifname $2 meta mark set $m\n"
	"	}\n"
	"	chain prerouting {\n"
	"		type nat hook prerouting priority dstnat; policy accept;\n"
	"		iifname $2 fib daddr type local jump publish\n"
	"		iifname @bridges fib daddr type local jump publish\n"
	"		fib daddr type local jump direct\n"
	"	}\n"
	"	chain direct {\n"
	"		meta l4proto . th dport @direct_any jump publish\n"
	"		$f daddr . meta l4proto . th dport @direct_at jump publish\n"
	"		meta l4proto . th dport @direct_any_range jump publish\n"
	"		$f daddr . meta l4proto . th dport @direct_at_range jump publish\n"
	"	}\n"
	"	chain unmarking {\n"
	"		type filter hook forward priority -310; policy accept;\n"
	"		iifname $2 meta mark set 0\n"
	"	}\n"
	"	chain copy {\n"
	"		dup to $c device $1 drop\n"
	"	}\n"
	"	chain input {\n"
	"		type filter hook input priority 300; policy accept;\n"
	"		iifname { $2, \"lo\" } accept\n"
	"		ct state established,related accept\n"
	"		meta l4proto . th dport @judged_any jump copy\n"
	"		$f daddr . meta l4proto . th dport @judged_at jump copy\n"
	"		meta l4proto . th dport @judged_any_range jump copy\n"
	"		$f daddr . meta l4proto . th dport @judged_at_range jump copy\n"
	"	}\n"
	"	chain output {\n"
	"		type nat hook output priority -100; policy accept;\n"
	"		oifname $1 return\n"
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
	/* First what stays within a bridge: br_netfilter asks for each port that is flooded. */
	"		iifname . oifname @pairs accept\n"
	"		iifname != @bridges oifname != @bridges accept\n"
	"		ct state established,related accept\n"
	"		iifname @bridges fib saddr . iif oif missing drop\n"
	"		iifname @internal drop\n"
	"		oifname @internal drop\n"
	"		oifname @bridges ct status dnat accept\n"
	"		oifname @bridges drop\n"
	"	}\n"
	"}\n";

/* Family ip6 only. 5d: as long as conntrack remembers a connection. */
static const char loopback6[] =
	"table ip6 $h {\n"
	"	set self { type inet_proto . inet_service; }\n"
	"	set self_range { type inet_proto . inet_service; flags interval; }\n"
	"	set answers {\n"
	"		type inet_proto . inet_service . inet_service; flags dynamic, timeout\n"
	"		size 65535\n"
	"	}\n"
	"	chain self_client {\n"
	"		update @answers { meta l4proto . th dport . th sport timeout 5d }\n"
	"	}\n"
	"	chain self_leave {\n"
	"		ip6 saddr set " RULES_SELF6 "\n"
	"	}\n"
	"	chain self_ports {\n"
	"		meta l4proto . th sport @self jump self_client\n"
	"		meta l4proto . th sport @self_range jump self_client\n"
	"		meta l4proto . th sport . th dport @answers return\n"
	"		meta l4proto . th dport @self goto self_leave\n"
	"		meta l4proto . th dport @self_range goto self_leave\n"
	"	}\n"
	"	chain self_output {\n"
	"		type route hook output priority raw; policy accept;\n"
	"		ip6 saddr ::1 ip6 daddr ::1 jump self_ports\n"
	"	}\n"
	"	chain self_source {\n"
	"		type nat hook postrouting priority srcnat; policy accept;\n"
	"		ip6 saddr " RULES_SELF6 " oifname @bridges masquerade\n"
	"	}\n"
	"	chain self_input {\n"
	"		type filter hook input priority 400; policy accept;\n"
	"		ip6 saddr ::1 ip6 daddr " RULES_SELF6 " ip6 daddr set ::1\n"
	"	}\n"
	"}\n";

/* In an ordinary user's namespace: answers to the forwarder's sockets, which have clients'
 * addresses (router/forward.c), are delivered to them. */
static const char sockets[] =
	"table inet hull_router {}\n"
	"delete table inet hull_router\n"
	"table inet hull_router {\n"
	"	chain sockets {\n"
	"		type filter hook prerouting priority mangle; policy accept;\n"
	"		iifname != \"lo\" meta l4proto { tcp, udp } socket transparent 1 "
	"meta mark set 0x726f7574\n"
	"	}\n"
	"}\n";

static const struct {
	const char *family, *type, *loopback, *copy;
} families[] = {
	{"ip", "ipv4_addr", "127.0.0.0/8", RULES_COPY4},
	{"ip6", "ipv6_addr", "::1", RULES_COPY6},
};

static void expand(struct buf *out, char word, size_t family, const struct network_idents *id)
{
	switch (word) {
	case 'f':
		return buf_puts(out, families[family].family);
	case 't':
		return buf_puts(out, families[family].type);
	case 'l':
		return buf_puts(out, families[family].loopback);
	case 'c':
		return buf_puts(out, families[family].copy);
	case 'h':
		return buf_puts(out, id->table);
	case 'm':
		return (void)buf_printf(out, "0x%x", id->mark);
	default:
		return (void)buf_printf(out, "\"%s\"", word == '1' ? id->from : id->to);
	}
}

static void add_text(
	struct buf *out, const char *text, size_t family, const struct network_idents *id)
{
	for (; *text; text++)
		if (*text == '$')
			expand(out, *++text, family, id);
		else
			buf_putc(out, *text);
}

void rules_text(struct buf *out, const struct network_idents *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		add_text(out, table, i, id);
	add_text(out, loopback6, 1, id);
	if (id->router)
		buf_puts(out, sockets);
}

/* ---- elements ---- */

/* Additions, or removals, of elements of one table, into m. */
struct change {
	struct nl *m;
	void (*elem)(struct nl *m, uint8_t family, const char *table, const struct nft_elem *e);
	const char *table;
};

static void change(const struct change *c, int family, const struct nft_elem *e)
{
	c->elem(c->m, (uint8_t)family, c->table, e);
}

static struct nft_elem ifname_elem(const char *set, const char *name, int twice)
{
	struct nft_elem e = {.set = set};

	nft_add_ifname(&e.key, name);
	if (twice)
		nft_add_ifname(&e.key, name);
	return e;
}

/* An interval set of one field holds its ends as elements of their own, the second marked. */
static void change_subnet(const struct change *c, const struct link_addr *net)
{
	const struct link_addr low = cidr_network(net);
	struct link_addr high = low;
	struct nft_elem from = {.set = "sources"}, to = {.set = "sources", .is_end = 1};

	cidr_next(&high);
	nft_add_bytes(&from.key, low.bytes, cidr_len(net->family));
	nft_add_bytes(&to.key, high.bytes, cidr_len(net->family));
	change(c, net->family, &from);
	change(c, net->family, &to);
}

static void change_own(const struct change *c, const char *bridge, const struct link_addr *net)
{
	const struct link_addr low = cidr_network(net), high = cidr_last(net);
	struct nft_elem e = {.set = "own"};

	nft_add_bytes(&e.key, low.bytes, cidr_len(net->family));
	nft_add_ifname(&e.key, bridge);
	nft_add_bytes(&e.key_end, high.bytes, cidr_len(net->family));
	nft_add_ifname(&e.key_end, bridge);
	change(c, net->family, &e);
}

static void change_network(const struct change *c, const struct network *n)
{
	static const int both[] = {AF_INET, AF_INET6};
	const struct nft_elem bridge = ifname_elem("bridges", n->bridge, 0);
	const struct nft_elem pair = ifname_elem("pairs", n->bridge, 1);
	const struct nft_elem internal = ifname_elem("internal", n->bridge, 0);

	nft_begin(c->m);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		change(c, both[i], &bridge);
		change(c, both[i], &pair);
		if (n->internal)
			change(c, both[i], &internal);
	}
	if (!n->internal && n->net4.family)
		change_subnet(c, &n->net4);
	if (!n->internal && n->net6.family)
		change_subnet(c, &n->net6);
	if (n->net4.family)
		change_own(c, n->bridge, &n->net4);
	if (n->net6.family)
		change_own(c, n->bridge, &n->net6);
	nft_end(c->m);
}

void rules_add_network(struct nl *m, const struct network_idents *id, const struct network *n)
{
	change_network(&(struct change){m, nft_elem_add, id->table}, n);
}

void rules_remove_network(struct nl *m, const struct network_idents *id, const struct network *n)
{
	change_network(&(struct change){m, nft_elem_delete, id->table}, n);
}

static int is_loopback(const struct link_addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->family == AF_INET    ? a->bytes[0] == 127
	       : a->family == AF_INET6 ? memcmp(a->bytes, one, sizeof(one)) == 0
				       : 0;
}

static void add_key(struct nft_value *key, const struct publish *p, int at, uint16_t port)
{
	if (at)
		nft_add_bytes(key, p->host.bytes, cidr_len(p->host.family));
	nft_add_u8(key, p->proto);
	nft_add_port(key, port);
}

/* A port of every address of the host, or of ::1: the key without the address. */
static void change_self(const struct change *c, const struct publish *p, uint16_t port, uint16_t n)
{
	struct nft_elem set = {.set = n > 1 ? "self_range" : "self"};

	if (p->host.family && !cidr_is_any(&p->host) && !is_loopback(&p->host))
		return;
	add_key(&set.key, p, 0, port);
	if (n > 1)
		add_key(&set.key_end, p, 0, (uint16_t)(port + n - 1));
	change(c, AF_INET6, &set);
}

/* The element of the map, and the key alone in the set of its policy. */
static void change_both(
	const struct change *c, const struct publish *p, int family, const struct nft_elem *map)
{
	static const struct {
		const char *map, *judged, *direct;
	} sets[] = {
		{"any", "judged_any", "direct_any"},
		{"at", "judged_at", "direct_at"},
		{"any_range", "judged_any_range", "direct_any_range"},
		{"at_range", "judged_at_range", "direct_at_range"},
	};
	struct nft_elem set = {.key = map->key, .key_end = map->key_end};

	change(c, family, map);
	if (is_loopback(&p->host))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (streq(sets[i].map, map->set))
			set.set = p->direct ? sets[i].direct : sets[i].judged;
	change(c, family, &set);
}

/* One element, or as many as the range has ports. */
static void change_port(const struct change *c, const struct publish *p, const struct link_addr *to)
{
	const int at = p->host.family && !cidr_is_any(&p->host);

	if (p->n > 1 && p->host_port == p->port) {
		struct nft_elem map = {.set = at ? "at_range" : "any_range"};
		add_key(&map.key, p, at, p->host_port);
		add_key(&map.key_end, p, at, (uint16_t)(p->host_port + p->n - 1));
		nft_add_bytes(&map.data, to->bytes, cidr_len(to->family));
		if (to->family == AF_INET6)
			change_self(c, p, p->host_port, p->n);
		return change_both(c, p, to->family, &map);
	}
	for (uint32_t i = 0; i < p->n; i++) {
		struct nft_elem map = {.set = at ? "at" : "any"};
		add_key(&map.key, p, at, (uint16_t)(p->host_port + i));
		nft_add_bytes(&map.data, to->bytes, cidr_len(to->family));
		nft_add_port(&map.data, (uint16_t)(p->port + i));
		if (to->family == AF_INET6)
			change_self(c, p, (uint16_t)(p->host_port + i), 1);
		change_both(c, p, to->family, &map);
	}
}

static int change_ports(const struct change *c, const struct publish_list *ports,
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
				nft_begin(c->m);
			change_port(c, p, addrs[k]);
		}
	if (some)
		nft_end(c->m);
	return some > 0;
}

int rules_add_ports(struct nl *m, const struct network_idents *id, const struct publish_list *ports,
	const struct link_addr *addr4, const struct link_addr *addr6)
{
	return change_ports(&(struct change){m, nft_elem_add, id->table}, ports, addr4, addr6);
}

int rules_remove_ports(struct nl *m, const struct network_idents *id,
	const struct publish_list *ports, const struct link_addr *addr4,
	const struct link_addr *addr6)
{
	return change_ports(&(struct change){m, nft_elem_delete, id->table}, ports, addr4, addr6);
}
