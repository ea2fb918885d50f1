/* listeners.h: who waits for packets at the ports of this network namespace. Quiet: >= 0 or -errno.
 * Source: sock_diag(7). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "kernel/link.h"

#define LISTENER_NAME_MAX 16

struct listener {
	struct link_addr addr; /* all zeros: every one of its family, and with `both` of IPv4 too */
	int both;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port;
	uint32_t inode;
};
struct listeners {
	struct listener *v;
	size_t n;
};
void listeners_done(struct listeners *l);
#define auto_listeners __attribute__((cleanup(listeners_done)))

/* Adds the sockets of one protocol that listen (TCP) or are bound and not connected (UDP); asked of
 * the kernel in one dump for each family, whatever the number of ports that somebody cares for. */
int listeners_add(struct listeners *l, uint8_t proto);
/* Does it have one of the ports [port, port + n) of addr (family 0: of any)? */
int listener_has(const struct listener *l, uint8_t proto, const struct link_addr *addr,
	uint16_t port, uint32_t n);
/* A process that has the socket open, with its name; -ESRCH when none can be seen. Reads the
 * descriptors of all processes: for a message. */
int listener_owner(const struct listener *l, pid_t *out_pid, char out_name[LISTENER_NAME_MAX]);
