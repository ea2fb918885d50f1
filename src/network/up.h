/* up.h: networks made real in the kernel: the table of rules, bridges, the host's settings.
 * Process: hull, in the host's network namespace. Speaking. */
#pragma once

#include "network/rules.h"
#include "network/store.h"

struct network_host {
	int route_fd, nft_fd;
	int lock_dir_fd; /* the run folder: "network.lock" in it is held while something is made */
	struct network_idents id;
};
#define NETWORK_HOST_NONE ((struct network_host){.route_fd = -1, .nft_fd = -1, .lock_dir_fd = -1})

/* Sockets; lock_dir_fd is borrowed. */
int network_host_open(
	struct network_host *h, int lock_dir_fd, const struct network_idents *id, struct err *e);
void network_host_close(struct network_host *h);

/* Make sure that n's bridge and the table are there, as far as they are not: two questions to the
 * kernel when they are. fill(ctx, h, e) is called after the table was made anew: it has to put in
 * the elements of every network that is up and of every port of a running container. The bridge's
 * index. */
int network_up(struct network_host *h, const struct network *n,
	int (*fill)(void *ctx, struct network_host *h, struct err *e), void *ctx, struct err *e);
/* The table anew, whatever is there, and fill. */
int network_reload(struct network_host *h,
	int (*fill)(void *ctx, struct network_host *h, struct err *e), void *ctx, struct err *e);
/* The bridge and its elements go. */
int network_down(struct network_host *h, const struct network *n, struct err *e);
/* For fill: the elements of a network whose bridge is there. */
int network_elements(struct network_host *h, const struct network *n, struct err *e);

/* pool.c: n's subnets, where they are not given, from our pools: clashing with no route of the host
 * and no other network. A given one that clashes is an error; that of a macvlan is the parent's
 * network, so it may. Gateways, where not given, are the first address. */
enum network_subnets {
	NETWORK_WIDE = 1, /* a /16, else a /20 */
	NETWORK_IPV4 = 2, /* one of this family is wanted */
	NETWORK_IPV6 = 4,
};
int network_choose_subnets(
	struct db *db, int route_fd, struct network *n, int flags, struct err *e);
