/* pair.c: the pair of interfaces that copies of first packets go through (rules.c). */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "kernel/cidr.h"
#include "network/up_parts.h"

/* A copy has the size of what came in, be it by an interface of 9000 bytes. */
#define PAIR_MTU 65535
/* Before all rules of others; ours match nobody else's packets. */
#define FIRST_RULE 2

/* Without IPv6 in the kernel, or with it disabled. */
static int has_no_ipv6(int r)
{
	return r == -EOPNOTSUPP || r == -EAFNOSUPPORT || r == -EACCES;
}

static int give_addresses(struct network_host *h, int from, const uint8_t mac[6])
{
	static const char *const heres[] = {RULES_HERE4, RULES_HERE6};
	static const char *const copies[] = {RULES_COPY4, RULES_COPY6};

	for (size_t i = 0; i < ARRAY_SIZE(heres); i++) {
		struct link_addr here, copy;
		int r;
		cidr_parse(heres[i], &here);
		cidr_parse_address(copies[i], &copy);
		r = link_addr_add(h->route_fd, from, &here);
		if (here.family == AF_INET6 && has_no_ipv6(r))
			continue;
		if (r >= 0)
			r = link_neighbour_add(h->route_fd, from, &copy, mac);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whoever asks whether a packet came in by the interface that leads back to its source asks with
 * the packet's mark, and is answered from a table in which every way leads over the pair. Where the
 * packet itself is to go is asked with that mark as well, but also with the interface: that
 * question passes by. No packet is ever sent by that table. */
static int answer_for_sources(struct network_host *h, int to, int family)
{
	const struct link_rule rules[] = {
		{family, FIRST_RULE, .iif = h->id.to, .go_to = FIRST_RULE + 2},
		{family, FIRST_RULE + 1, .mark = h->id.mark, .table = h->id.mark},
		{family, FIRST_RULE + 2, .table = 0},
	};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		r = link_rule_add(h->route_fd, &rules[i]);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	r = link_route_all(h->route_fd, family, to, h->id.mark);
	return r == -EEXIST ? 0 : r;
}

static int set_up(struct network_host *h, const uint8_t mac[6], struct err *e)
{
	int from = link_index(h->route_fd, h->id.from), to = link_index(h->route_fd, h->id.to), r;

	if (from < 0 || to < 0)
		return err_sys(e, ENODEV, "find the interfaces %s and %s", h->id.from, h->id.to);
	if (network_setting(e, "0", "ipv4/conf/%s/rp_filter", h->id.to) < 0 ||
		network_setting(e, "1", "ipv4/conf/%s/src_valid_mark", h->id.to) < 0 ||
		network_setting(e, "1", "ipv4/conf/%s/accept_local", h->id.to) < 0 ||
		network_setting(e, "0", "ipv6/conf/%s/accept_ra", h->id.from) < 0 ||
		network_setting(e, "0", "ipv6/conf/%s/accept_ra", h->id.to) < 0)
		return -1;
	link_up(h->route_fd, to);
	link_up(h->route_fd, from);
	r = give_addresses(h, from, mac);
	if (r >= 0)
		r = answer_for_sources(h, to, AF_INET);
	if (r >= 0) {
		r = answer_for_sources(h, to, AF_INET6);
		r = has_no_ipv6(r) ? 0 : r;
	}
	return r < 0 ? err_sys(e, r, "set the interface %s up", h->id.from) : 0;
}

int network_pair_make(struct network_host *h, struct err *e)
{
	static const uint8_t mac[6] = {0x02, 0x68, 0x75, 0x6c, 0x6c, 0x01};
	int index = link_index(h->route_fd, h->id.from), r;

	if (index > 0)
		return 0;
	r = link_pair_add(h->route_fd, h->id.from, h->id.to, mac, PAIR_MTU);
	if (r < 0)
		return err_sys(e, r, "make the interfaces %s and %s", h->id.from, h->id.to);
	r = set_up(h, mac, e);
	index = r < 0 ? link_index(h->route_fd, h->id.from) : -1;
	if (index > 0)
		link_delete(h->route_fd, index);
	return r;
}
