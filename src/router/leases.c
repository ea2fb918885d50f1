/* leases.c: published ports of the host, opened and handed to the forwarder. Process: the first, in
 * the host's network namespace. It keeps the sockets, so that a forwarder that is killed loses
 * connections but no port. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/ns.h"
#include "router/router.h"

#define BACKLOG 4096

struct list router_leases = {&router_leases, &router_leases};

struct port_socket {
	struct list in_lease;
	int fd;
	uint32_t number;
	uint8_t host[16];
	uint16_t host_port;
	struct forward_target to;
	int wanted; /* by the request that is being taken */
};

/* ---- one socket ---- */

static int set_options(int fd, const struct port_socket *p)
{
	const int one = 1, six = p->to.family == AF_INET6;

	if (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -errno;
	if (p->to.proto == IPPROTO_TCP)
		return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ? -errno : 0;
	return setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVPKTINFO : IP_PKTINFO,
		       &one, sizeof(one)) < 0
		       ? -errno
		       : 0;
}

static int bind_to(int fd, const struct port_socket *p)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(p->host_port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(p->host_port)};
	int r;

	memcpy(&v4.sin_addr, p->host, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, p->host, sizeof(v6.sin6_addr));
	r = p->to.family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
				    : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	return r < 0 ? -errno : 0;
}

static int open_socket(struct port_socket *p)
{
	const int tcp = p->to.proto == IPPROTO_TCP;
	auto_fd int fd = socket(
		p->to.family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : set_options(fd, p);

	if (r == 0)
		r = bind_to(fd, p);
	if (r == 0 && tcp && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		p->fd = take_fd(&fd);
	return r;
}

static void close_socket(struct port_socket *p)
{
	fd_close_ptr(&p->fd);
	list_remove(&p->in_lease);
	free(p);
}

/* ---- what the forwarder hears ---- */

static void flush(int control_fd, struct forward_message *m, const int *fds)
{
	if (m->n)
		ns_send_fds(control_fd, m, sizeof(*m), fds, fds ? m->n : 0);
	m->n = 0;
}

/* Those of the list whose `wanted` is this. */
static void tell(int control_fd, const struct list *sockets, int wanted, int end)
{
	struct forward_message m = {0};
	int fds[FORWARD_BATCH];

	for (const struct list *i = sockets->next; i != sockets; i = i->next) {
		const struct port_socket *p = LIST_ITEM(i, struct port_socket, in_lease);
		if (p->wanted != wanted)
			continue;
		fds[m.n] = p->fd;
		m.v[m.n].number = p->number;
		m.v[m.n++].to = p->to;
		if (m.n == FORWARD_BATCH)
			flush(control_fd, &m, end ? NULL : fds);
	}
	flush(control_fd, &m, end ? NULL : fds);
}

void leases_tell_all(int control_fd)
{
	for (struct list *i = router_leases.next; i != &router_leases; i = i->next)
		tell(control_fd, &LIST_ITEM(i, struct lease, all)->sockets, 1, 0);
}

/* ---- a lease ---- */

static struct lease *find_lease(const char *id)
{
	for (struct list *i = router_leases.next; i != &router_leases; i = i->next)
		if (streq(LIST_ITEM(i, struct lease, all)->id, id))
			return LIST_ITEM(i, struct lease, all);
	return NULL;
}

static struct lease *new_lease(const struct router_request *req, int epoll_fd,
	void (*on_end)(struct source *s, uint32_t events))
{
	struct lease *l = xcalloc(1, sizeof(*l));

	str_copy(l->id, sizeof(l->id), req->id);
	list_init(&l->sockets);
	l->monitor_pid = req->monitor;
	l->monitor = (struct source){on_end, ns_pidfd(req->monitor)};
	(void)!ns_start_time(req->monitor, &l->monitor_ticks);
	if (l->monitor.fd >= 0)
		source_add(epoll_fd, &l->monitor, EPOLLIN);
	list_add(&router_leases, &l->all);
	return l;
}

void leases_end(struct lease *l, int control_fd)
{
	tell(control_fd, &l->sockets, 1, 1);
	while (l->sockets.next != &l->sockets)
		close_socket(LIST_ITEM(l->sockets.next, struct port_socket, in_lease));
	if (l->monitor.fd >= 0)
		close(l->monitor.fd);
	list_remove(&l->all);
	free(l);
}

void leases_look(int control_fd)
{
	struct list *next;

	for (struct list *i = router_leases.next; i != &router_leases; i = next) {
		struct lease *l = LIST_ITEM(i, struct lease, all);
		uint64_t ticks = 0;
		next = i->next;
		if (l->monitor.fd < 0 &&
			(ns_start_time(l->monitor_pid, &ticks) < 0 || ticks != l->monitor_ticks))
			leases_end(l, control_fd);
	}
}

/* Is it open already? Then it is wanted still. */
static int keep(struct lease *l, const struct port_socket *p)
{
	for (struct list *i = l->sockets.next; i != &l->sockets; i = i->next) {
		struct port_socket *old = LIST_ITEM(i, struct port_socket, in_lease);
		if (old->host_port != p->host_port || memcmp(old->host, p->host, 16) != 0 ||
			memcmp(&old->to, &p->to, sizeof(p->to)) != 0)
			continue;
		old->wanted = 1;
		return 1;
	}
	return 0;
}

/* A machine without IPv6: the other family is enough, where none was named. */
static int may_be_missing(const struct router_port *rp, const struct port_socket *p, int error)
{
	return !rp->host_family && p->to.family == AF_INET6 &&
	       (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL);
}

static int want(struct lease *l, struct list *fresh, const struct router_port *rp,
	const struct port_socket *wanted, struct router_answer *out)
{
	static uint32_t numbers;
	struct port_socket *p;
	int r;

	if (keep(l, wanted))
		return 0;
	p = xcalloc(1, sizeof(*p));
	*p = *wanted;
	p->number = ++numbers;
	p->wanted = 2; /* new */
	list_add(fresh, &p->in_lease);
	r = open_socket(p);
	if (r == 0)
		return 0;
	close_socket(p);
	if (may_be_missing(rp, wanted, r))
		return 0;
	*out = (struct router_answer){
		.trouble = ROUTER_NO_PORT,
		.error = -r,
		.port = wanted->host_port,
		.proto = wanted->to.proto,
		.family = wanted->to.family,
	};
	return -1;
}

static int want_range(struct lease *l, struct list *fresh, const struct router_request *req,
	const struct router_port *rp, struct router_answer *out)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};

	for (uint32_t k = 0; k < rp->n; k++)
		for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
			const int six = families[f] == AF_INET6;
			struct port_socket p = {.fd = -1};
			if ((rp->host_family && rp->host_family != families[f]) ||
				!(six ? req->has6 : req->has4))
				continue;
			memcpy(p.host, rp->host, sizeof(p.host));
			p.host_port = (uint16_t)(rp->host_port + k);
			p.to.family = families[f];
			p.to.proto = rp->proto;
			p.to.port = (uint16_t)(rp->port + k);
			memcpy(p.to.addr, six ? req->addr6 : req->addr4, six ? 16 : 4);
			if (want(l, fresh, rp, &p, out) < 0)
				return -1;
		}
	return 0;
}

static void close_unwanted(struct list *sockets)
{
	struct list *next;

	for (struct list *i = sockets->next; i != sockets; i = next) {
		struct port_socket *p = LIST_ITEM(i, struct port_socket, in_lease);
		next = i->next;
		if (!p->wanted)
			close_socket(p);
	}
}

static void set_wanted(struct list *sockets, int wanted)
{
	for (struct list *i = sockets->next; i != sockets; i = i->next)
		LIST_ITEM(i, struct port_socket, in_lease)->wanted = wanted;
}

int leases_take(const struct router_request *req, int epoll_fd, int control_fd,
	void (*on_end)(struct source *s, uint32_t events), struct router_answer *out)
{
	struct lease *l = find_lease(req->id);
	struct list fresh = {&fresh, &fresh};
	const int is_new = !l;
	int r = 0;

	if (is_new)
		l = new_lease(req, epoll_fd, on_end);
	set_wanted(&l->sockets, 0);
	for (size_t i = 0; r == 0 && i < req->n; i++)
		r = want_range(l, &fresh, req, &req->v[i], out);
	if (r < 0) {
		while (fresh.next != &fresh)
			close_socket(LIST_ITEM(fresh.next, struct port_socket, in_lease));
		set_wanted(&l->sockets, 1);
		if (is_new)
			leases_end(l, control_fd);
		return -1;
	}
	tell(control_fd, &l->sockets, 0, 1);
	close_unwanted(&l->sockets);
	tell(control_fd, &fresh, 2, 0);
	while (fresh.next != &fresh) {
		struct list *i = fresh.next;
		list_remove(i);
		list_add(&l->sockets, i);
	}
	set_wanted(&l->sockets, 1);
	return 0;
}
