/* link.h: network interfaces, addresses and routes (rtnetlink). Every function takes a socket of
 * nl_open(NETLINK_ROUTE), which belongs to the network namespace it was made in, and acts there.
 * Quiet: >= 0 or -errno. Source: rtnetlink(7). */
#pragma once

#include <net/if.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/netlink.h"

/* An IPv4 or IPv6 address with the length of its network's prefix, in network order. */
struct link_addr {
	int family; /* AF_INET, AF_INET6; 0: none */
	uint8_t bytes[16];
	uint8_t prefix;
};

/* The index, or -ENODEV. */
int link_index(int fd, const char *name);
/* A bridge that is up; mac may be NULL, mtu 0: the kernel's. -EEXIST when the name is taken. */
int link_bridge_add(int fd, const char *name, const uint8_t mac[6], uint32_t mtu);

struct link_veth {
	const char *name; /* here, a port of the bridge `master` (index), up */
	int master;
	int isolated; /* the port talks to no other isolated port */
	int hairpin;  /* frames may go back to where they came from (a container that asks itself by
			 the host's address, where br_netfilter is on) */
	const char *peer_name; /* the other end, down, in the namespace of process peer_pid */
	pid_t peer_pid;
	uint8_t peer_mac[6];
	uint32_t mtu; /* 0: the kernel's */
};
/* One call makes both ends, the peer where it belongs and with its name: nothing is ever to be
 * renamed or moved. */
int link_veth_add(int fd, const struct link_veth *v);
/* A pair of which both ends are here, down; mac is the second one's. */
int link_pair_add(int fd, const char *name, const char *peer, const uint8_t mac[6], uint32_t mtu);
int link_set_port(int fd, int index, int isolated, int hairpin);
/* A macvlan upon `parent` (index, in bridge mode) in the namespace of process pid, down. */
int link_macvlan_add(int fd, int parent, const char *name, const uint8_t mac[6], pid_t pid);
int link_delete(int fd, int index);
int link_up(int fd, int index);
#define LINK_LOOPBACK 1 /* index of `lo` in every network namespace */
/* A port of the bridge `master`, 0: of none. */
int link_set_master(int fd, int index, int master);

/* -EEXIST when it is there. No duplicate address detection: who assigns knows. */
int link_addr_add(int fd, int index, const struct link_addr *a);
int link_addr_delete(int fd, int index, const struct link_addr *a);
/* The default route of the gateway's family. */
int link_route_default(int fd, int index, const struct link_addr *gateway);
/* A rule of policy routing: what matches is looked up in `table`, or goes on at the rule of
 * preference `go_to`, or, with neither, on. -EEXIST when it is there. */
struct link_rule {
	int family;
	uint32_t preference, table, go_to;
	uint32_t mark;	       /* 0: any */
	const char *iif, *oif; /* NULL: any */
};
int link_rule_add(int fd, const struct link_rule *r);
/* Everything goes over the interface, in that table. */
int link_route_all(int fd, int family, int index, uint32_t table);
/* Every address is this host's own, in that table. */
int link_route_local(int fd, int family, uint32_t table);
/* A permanent neighbour. */
int link_neighbour_add(int fd, int index, const struct link_addr *a, const uint8_t mac[6]);
/* each(destination, ctx) for every route of the main table that is no default route. */
int link_routes(int fd, void (*each)(const struct link_addr *to, void *ctx), void *ctx);
