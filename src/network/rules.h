/* rules.h: the table `hull` of nftables, one in family ip and one in ip6: its text, and the
 * elements that networks and published ports are in it. Pure: the text is nft(8)'s, the elements
 * are messages of kernel/nft.h. docs in ARCHITECTURE.md, "Network". */
#pragma once

#include "base/buf.h"
#include "kernel/nft.h"
#include "network/idents.h"
#include "network/publish.h"
#include "network/store.h"

/* Addresses of the pair that copies of first packets go through. */
#define RULES_HERE4 "169.254.77.1/30"
#define RULES_COPY4 "169.254.77.2"
#define RULES_SELF6 "fd77:6875:6c6c::1" /* what ::1 is on its way to a container */
#define RULES_HERE6 RULES_SELF6 "/64"
#define RULES_COPY6 "fd77:6875:6c6c::2"

/* Both tables, without elements; what was there is replaced in the same transaction. */
void rules_text(struct buf *out, const struct network_idents *id);

/* What the host ends of containers' cables are called, with a container's id behind it. */
#define RULES_CABLE "hv"
/* A third one, of family bridge, about frames: whoever has a cable is not the gateway of its
 * network (rules_bridge.c). Apart, because not every kernel has that family. */
void rules_bridge_text(struct buf *out, const struct network_idents *id);
/* The network's gateways into it, or out of it. */
void rules_add_gateways(struct nl *m, const struct network_idents *id, const struct network *n);
void rules_remove_gateways(struct nl *m, const struct network_idents *id, const struct network *n);

/* What a network of driver bridge adds: its interface, its subnets. Into both families' tables, in
 * one transaction of m (nft_begin and nft_end included). */
void rules_add_network(struct nl *m, const struct network_idents *id, const struct network *n);
void rules_remove_network(struct nl *m, const struct network_idents *id, const struct network *n);

/* The same for a container's ports; addr4 and addr6 are its addresses (family 0: none). 0 when
 * there was nothing to put into m. */
int rules_add_ports(struct nl *m, const struct network_idents *id, const struct publish_list *ports,
	const struct link_addr *addr4, const struct link_addr *addr6);
int rules_remove_ports(struct nl *m, const struct network_idents *id,
	const struct publish_list *ports, const struct link_addr *addr4,
	const struct link_addr *addr6);
