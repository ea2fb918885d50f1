/* forward.c: the forwarder: listening sockets come and go, their events are dealt out. Process: the
 * second, in the namespace of the bridges. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/link.h"
#include "kernel/ns.h"
#include "router/router.h"

#define EVENTS 64
#define RULE_PREFERENCE 32000 /* before the main table */

int forward_epoll_fd = -1;

static struct list listeners = {&listeners, &listeners};

/* ---- what ends ---- */

static struct list dead = {&dead, &dead};

void forward_dead(struct list *item)
{
	list_remove(item);
	list_add(&dead, item);
}

static void bury(void)
{
	while (dead.next != &dead) {
		struct list *i = dead.next;
		list_remove(i);
		free(i);
	}
}

/* ---- sockets towards containers ---- */

/* Neither the host's loopback nor an address that means something on one link only exists here. */
static int can_be_had(const struct sockaddr_storage *a)
{
	const struct in_addr *v4 = &((const struct sockaddr_in *)a)->sin_addr;
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)a)->sin6_addr;

	if (a->ss_family == AF_INET)
		return ntohl(v4->s_addr) >> 24 != 127 && ntohl(v4->s_addr) >> 24 != 0;
	return !IN6_IS_ADDR_LOOPBACK(v6) && !IN6_IS_ADDR_LINKLOCAL(v6) &&
	       !IN6_IS_ADDR_UNSPECIFIED(v6);
}

static void take_address(int fd, const struct sockaddr_storage *client)
{
	const int six = client->ss_family == AF_INET6, one = 1;
	const socklen_t len = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	struct sockaddr_storage any_port = *client;

	setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TRANSPARENT : IP_TRANSPARENT,
		&one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)client, len) == 0)
		return;
	/* The same client talks to another container from the same port. */
	if (six)
		((struct sockaddr_in6 *)&any_port)->sin6_port = 0;
	else
		((struct sockaddr_in *)&any_port)->sin_port = 0;
	(void)!bind(fd, (const struct sockaddr *)&any_port, len);
}

int forward_connect(const struct listener *l, const struct sockaddr_storage *client, int type)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(l->to.port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(l->to.port)};
	const int six = l->to.family == AF_INET6;
	int fd = socket(l->to.family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	if (can_be_had(client))
		take_address(fd, client);
	memcpy(&v4.sin_addr, l->to.addr, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, l->to.addr, sizeof(v6.sin6_addr));
	r = connect(fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		six ? sizeof(v6) : sizeof(v4));
	if (r == 0 || errno == EINPROGRESS)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* ---- what the first process says ---- */

static void end_listener(uint32_t number)
{
	for (struct list *i = listeners.next; i != &listeners; i = i->next) {
		struct listener *l = LIST_ITEM(i, struct listener, all);
		if (l->number != number)
			continue;
		if (l->to.proto == IPPROTO_TCP)
			forward_tcp_close_all(l);
		else
			forward_udp_close_all(l);
		close(l->source.fd);
		l->source.fd = -1;
		forward_dead(&l->all);
		return;
	}
}

static void add_listener(uint32_t number, int fd, const struct forward_target *to)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->number = number;
	l->to = *to;
	l->source.fd = fd;
	l->source.on_event = to->proto == IPPROTO_TCP ? forward_accept : forward_datagrams;
	list_init(&l->connections);
	list_add(&listeners, &l->all);
	fd_set_nonblock(fd, 1);
	source_add(forward_epoll_fd, &l->source, EPOLLIN);
}

static void on_control(struct source *s, uint32_t events)
{
	static struct forward_message m;
	int fds[NS_FDS_MAX];
	size_t n = NS_FDS_MAX;
	ssize_t got = ns_recv_fds(s->fd, &m, sizeof(m), fds, &n);

	if (got == 0)
		_exit(0);
	if (got != sizeof(m) || m.n > FORWARD_BATCH)
		m.n = 0;
	for (size_t i = 0; i < m.n && n == 0; i++)
		end_listener(m.v[i].number);
	for (size_t i = 0; i < n; i++)
		if (i < m.n)
			add_listener(m.v[i].number, fds[i], &m.v[i].to);
		else
			close(fds[i]);
}

/* ---- the namespace ---- */

/* The loopback up; answers to sockets with foreign addresses are for this host, as the mark says.
 */
static void prepare(void)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	auto_fd int fd = nl_open(NETLINK_ROUTE);

	/* Nobody else gives addresses here: IPv6 works at once, not after a second. */
	fd_write_value(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	if (fd >= 0)
		link_up(fd, LINK_LOOPBACK);
	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(families); i++) {
		const struct link_rule r = {.family = families[i],
			.preference = RULE_PREFERENCE,
			.table = ROUTER_MARK,
			.mark = ROUTER_MARK};
		link_rule_add(fd, &r);
		link_route_local(fd, families[i], ROUTER_MARK);
	}
}

static int open_route_events(void)
{
	struct sockaddr_nl a = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fd_close_ptr(&fd);
	return fd;
}

static void tell_ready(int control_fd)
{
	auto_fd int events = open_route_events();

	if (ns_send_fds(control_fd, "", 1, &events, events >= 0) < 0)
		_exit(1);
}

_Noreturn void forward_run(int control_fd)
{
	struct epoll_event ev[EVENTS];
	struct source control = {on_control, control_fd};

	signal(SIGPIPE, SIG_IGN);
	forward_epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	prepare();
	tell_ready(control_fd);
	source_add(forward_epoll_fd, &control, EPOLLIN);
	for (;;) {
		int n = epoll_wait(forward_epoll_fd, ev, EVENTS, forward_udp_tick());
		int told = 0;

		for (int i = 0; i < n; i++) {
			struct source *s = ev[i].data.ptr;
			if (s == &control)
				told = 1;
			else if (s->fd >= 0) /* else an event before this one ended it */
				s->on_event(s, ev[i].events);
		}
		/* Last: it ends what other events lead to. */
		if (told)
			on_control(&control, EPOLLIN);
		bury();
	}
}
