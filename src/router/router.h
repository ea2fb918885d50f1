/* router.h: inside the router's folder only: its two processes and their parts.
 *
 * How it works: hull-router is an ordinary user's connection between two network namespaces. Its
 * first process lives in the host's, where it has no more rights than the user: it opens the
 * published ports there and parents pasta(1), the way out. Its second process, the forwarder, lives
 * in the namespace in which the containers' bridges are (and keeps it): it gets the listening
 * sockets, takes connections from them and continues them to the containers under the client's own
 * address, which a socket there may have (IP_TRANSPARENT), since the user is root there.
 *
 *	clients --> listening socket (host) --> forwarder --> socket with the client's address
 *						(router)      --> bridge --> container
 *	containers --> bridge --> masquerade --> tap of pasta --> pasta's own sockets (host)
 *
 * What containers answer to such an address comes back to the forwarder's socket by a mark (chain
 * `sockets` of network/rules.c), one rule and one local route.
 *
 * When the first process dies the others die with it; the namespace lives on in the monitors, and
 * the next start makes a router for it anew (engine/net_router.c). */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "router/protocol.h"

/* What an epoll event leads to. */
struct source {
	void (*on_event)(struct source *s, uint32_t events);
	int fd;
};
int source_add(int epoll_fd, struct source *s, uint32_t events);

/* A doubly linked list; the head is one itself. */
struct list {
	struct list *next, *prev;
};
void list_init(struct list *head);
void list_add(struct list *head, struct list *item); /* at the end */
void list_remove(struct list *item);
#define LIST_ITEM(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* ---- pasta.c: the way out (first process) ---- */

enum pasta_state {
	PASTA_IDLE,	/* no interface of the host is up, or it is to be started again later */
	PASTA_STARTING, /* there is no default route yet */
	PASTA_UP,
	PASTA_FAILED, /* it never came up; `said` is why */
};
struct pasta {
	enum pasta_state state;
	const char *program;
	int netns_fd;
	pid_t pid;
	int said_fd; /* its standard error, or -1 */
	char said[200];
	int64_t started_ms, again_ms; /* CLOCK_MONOTONIC; again_ms 0: not planned */
	int tries;
};
void pasta_start(struct pasta *p);
void pasta_read(struct pasta *p);	       /* said_fd is readable */
void pasta_ended(struct pasta *p, int status); /* it was reaped */
void pasta_is_up(struct pasta *p);	       /* the default route is there */
void pasta_tick(struct pasta *p);	       /* time has passed, or interfaces changed */
int pasta_timeout_ms(const struct pasta *p);   /* until pasta_tick has something to do, -1 */
int64_t router_now_ms(void);

/* ---- leases.c: which container has which ports (first process) ---- */

struct lease {
	struct list all, sockets;
	char id[65];
	struct source monitor; /* its pidfd, readable when it has ended; -1 on kernels without */
	pid_t monitor_pid;
	uint64_t monitor_ticks; /* start time: with the pid, its identity */
};
extern struct list router_leases;
/* Open what is new in a request, close what it no longer names. On failure *out says which port,
 * and the ports are as before. control_fd leads to the forwarder. on_end: of the monitor's source.
 */
int leases_take(const struct router_request *req, int epoll_fd, int control_fd,
	void (*on_end)(struct source *s, uint32_t events), struct router_answer *out);
void leases_end(struct lease *l, int control_fd);
/* Those whose monitor has no pidfd and is gone. */
void leases_look(int control_fd);
/* All of them once more, for a new forwarder. */
void leases_tell_all(int control_fd);

/* ---- forward.c, forward_tcp.c, forward_udp.c: the second process ---- */

struct forward_target { /* goes with each listening socket */
	uint8_t family, proto;
	uint8_t addr[16]; /* the container's */
	uint16_t port;
};
#define FORWARD_BATCH 60 /* listening sockets in one message: NS_FDS_MAX is 64 */
struct forward_message {
	uint32_t n; /* with descriptors: that many more; without: these end, with their connections
		     */
	struct {
		uint32_t number; /* the first process's, for the end */
		struct forward_target to;
	} v[FORWARD_BATCH];
};
/* control_fd: the first process's end closes when it dies. Sends one byte, with a netlink socket
 * that tells of routes, when it is ready. Never returns. */
_Noreturn void forward_run(int control_fd);

struct listener {
	struct list all; /* first: forward_dead */
	struct source source;
	struct list connections; /* TCP's or UDP's */
	uint32_t number;
	struct forward_target to;
};
extern int forward_epoll_fd;
/* Free it, once all events that were there have been dealt with: more than one may lead to it, and
 * its sources have fd -1 by now. The list item is its first member. */
void forward_dead(struct list *item);
void forward_accept(struct source *listener, uint32_t events);
void forward_tcp_close_all(struct listener *l);
void forward_datagrams(struct source *listener, uint32_t events);
void forward_udp_close_all(struct listener *l);
int forward_udp_tick(void); /* forgets idle flows; ms until the next time, -1 */
/* A socket to l's target, connecting, from the client's address where that can be had. */
int forward_connect(const struct listener *l, const struct sockaddr_storage *client, int type);
