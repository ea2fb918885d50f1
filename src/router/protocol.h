/* protocol.h: what hull and hull-router say to each other. The only header of this folder that
 * others may include.
 *
 * hull-router listens on the socket ROUTER_SOCKET in the run folder (SOCK_SEQPACKET): one message,
 * one answer. It stays as long as somebody is connected or a monitor lives whose container it was
 * told of, and a moment longer.
 *
 *	ROUTER_HELLO	answer: ROUTER_FDS descriptors, its user namespace and the network namespace
 *			that it keeps
 *	ROUTER_LEASE	the container `id`, whose monitor is process `monitor`, is to be reached at
 *these ports of the host; replaces what was said of it before. Answered when they are open and the
 *way out is there, or when one of them cannot be had
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define ROUTER_SOCKET "router.socket"
#define ROUTER_LOCK "router.lock"
/* Inside, port 53 (udp) of this address leads to the host's resolver, even one on its loopback. */
#define ROUTER_DNS "169.254.78.1"
/* Of packets that answer a socket of the forwarder's, given by a rule of network/rules.c; the
 * number of the routing table that delivers them, too. */
#define ROUTER_MARK 0x726f7574
#define ROUTER_PORTS_MAX 512 /* ranges for each container */

enum router_type { ROUTER_HELLO = 1, ROUTER_LEASE };
enum { ROUTER_FD_USER, ROUTER_FD_NET, ROUTER_FDS };

struct router_port {
	uint8_t host_family; /* AF_INET, AF_INET6; 0: every address of the host, of the families
				that the container has */
	uint8_t proto;	     /* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t host[16];
	uint16_t host_port, port, n;
};

struct router_request {
	uint32_t type;
	int32_t monitor;
	char id[65];
	uint8_t has4, has6; /* the container's addresses */
	uint8_t addr4[4], addr6[16];
	uint16_t n;
	struct router_port v[ROUTER_PORTS_MAX]; /* n of them are sent */
};

enum router_trouble {
	ROUTER_FINE,
	ROUTER_NO_PORT,	 /* error: errno of bind(2) or socket(2) for port, proto, family */
	ROUTER_NO_UPLINK /* text: what pasta said */
};

struct router_answer {
	uint32_t trouble; /* enum router_trouble */
	int32_t pid;	  /* hull-router's */
	int32_t error;
	uint16_t port;
	uint8_t proto, family;
	char text[256];
};
