/* rules_bridge.c: the table of family bridge: what a container must not say to its neighbours.
 *
 * How it works: containers may send any frame (CAP_NET_RAW is among Docker's defaults). Who claims
 * to be the gateway, in ARP, neighbour discovery or as a sender, would read what the others send to
 * the world; who advertises a router would be theirs in IPv6 (CVE-2020-13401 was the host's turn).
 * Both are dropped where they come out of the cable. Frames of the host's other bridges leave the
 * chain at its first rule. */
#define _GNU_SOURCE
#include <linux/netfilter.h>

#include "kernel/cidr.h"
#include "network/rules.h"

void rules_bridge_text(struct buf *out, const struct network_idents *id)
{
	buf_printf(out,
		"table bridge %1$s {}\n"
		"delete table bridge %1$s\n"
		"table bridge %1$s {\n"
		"	set gateways4 { type ipv4_addr; }\n"
		"	set gateways6 { type ipv6_addr; }\n"
		"	set targets6 { typeof @th,64,128; }\n" /* nft 1.0 has no word for them */
		"	chain guard {\n"
		"		type filter hook prerouting priority -300; policy accept;\n"
		"		iifname != \"" RULES_CABLE "*\" accept\n"
		"		arp saddr ip @gateways4 drop\n"
		"		ip saddr @gateways4 drop\n"
		"		ip6 saddr @gateways6 drop\n"
		"		icmpv6 type { nd-router-advert, nd-redirect } drop\n"
		"		icmpv6 type nd-neighbor-advert @th,64,128 @targets6 drop\n"
		"	}\n"
		"}\n",
		id->table);
}

typedef void change_fn(struct nl *m, uint8_t family, const char *table, const struct nft_elem *e);

static void change(struct nl *m, change_fn *elem, const char *table, const struct network *n)
{
	static const struct {
		const char *set;
		int family;
	} sets[] = {{"gateways4", AF_INET}, {"gateways6", AF_INET6}, {"targets6", AF_INET6}};

	nft_begin(m);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		const struct link_addr *a = sets[i].family == AF_INET ? &n->gateway4 : &n->gateway6;
		struct nft_elem e = {.set = sets[i].set};
		if (!a->family)
			continue;
		nft_add_bytes(&e.key, a->bytes, cidr_len(a->family));
		elem(m, NFPROTO_BRIDGE, table, &e);
	}
	nft_end(m);
}

void rules_add_gateways(struct nl *m, const struct network_idents *id, const struct network *n)
{
	change(m, nft_elem_add, id->table, n);
}

void rules_remove_gateways(struct nl *m, const struct network_idents *id, const struct network *n)
{
	change(m, nft_elem_delete, id->table, n);
}
