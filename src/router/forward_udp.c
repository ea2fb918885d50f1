/* forward_udp.c: datagrams. Process: the forwarder.
 *
 * How it works: the first datagram of a client makes a flow: a socket with the client's address
 * that is connected to the container; what comes back on it goes out by the listening socket, from
 * the address of the host that the client had asked. Flows end when nothing has come or gone for a
 * while; when there are too many, the one that has been idle for longest. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "router/router.h"

#define FLOWS_MAX 4096
#define BUCKETS 1024
#define ROUNDS 64
#define IDLE_MS 30000	       /* nothing was ever answered */
#define IDLE_TALKING_MS 180000 /* as the kernel's connection tracking does */

/* The host's address that a datagram came to. */
struct local {
	int family;
	union {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
	};
};

struct flow {
	struct list in_listener; /* first: forward_dead */
	struct list by_age;
	struct source source; /* towards the container */
	struct listener *listener;
	struct sockaddr_storage client;
	socklen_t client_len;
	struct local local;
	struct flow *next; /* in its bucket */
	int64_t last_ms;
	int answered;
};

static struct flow *buckets[BUCKETS];
static struct list ages = {&ages, &ages}; /* the longest idle first */
static size_t n_flows;
static uint8_t datagram[65536];

static size_t bucket(const struct listener *l, const struct sockaddr_storage *client)
{
	const uint8_t *p = (const uint8_t *)client;
	uint32_t h = 2166136261U ^ (uint32_t)l->source.fd;

	/* Port and address; of IPv6 the flow label between them is 0. */
	for (size_t i = offsetof(struct sockaddr_in, sin_port); i < 24; i++)
		h = (h ^ p[i]) * 16777619U;
	return h % BUCKETS;
}

static void flow_close(struct flow *f)
{
	struct flow **at = &buckets[bucket(f->listener, &f->client)];

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	close(f->source.fd);
	f->source.fd = -1;
	list_remove(&f->by_age);
	forward_dead(&f->in_listener);
	n_flows--;
}

static void touch(struct flow *f)
{
	f->last_ms = router_now_ms();
	list_remove(&f->by_age);
	list_add(&ages, &f->by_age);
}

static void fill_control(struct msghdr *m, const struct local *local)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (local->family == AF_INET) {
		struct in_pktinfo info = {.ipi_spec_dst = local->v4.ipi_spec_dst};
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_addr = local->v6.ipi6_addr};
		if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			info.ipi6_ifindex = local->v6.ipi6_ifindex;
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	m->msg_controllen = CMSG_SPACE(
		local->family == AF_INET ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo));
}

static void answer(struct flow *f, size_t len)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct iovec iov = {datagram, len};
	struct msghdr m = {
		.msg_name = &f->client,
		.msg_namelen = f->client_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	fill_control(&m, &f->local);
	sendmsg(f->listener->source.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* From the container. An error is the kernel's word that nobody listens there: there is no way to
 * pass it on. */
static void on_flow(struct source *s, uint32_t events)
{
	struct flow *f = LIST_ITEM(s, struct flow, source);

	for (int round = 0; round < ROUNDS; round++) {
		ssize_t n = recv(s->fd, datagram, sizeof(datagram), MSG_DONTWAIT);
		if (n < 0)
			break;
		f->answered = 1;
		answer(f, (size_t)n);
	}
	touch(f);
}

static int same_local(const struct local *a, const struct local *b)
{
	if (a->family != b->family)
		return 0;
	return a->family == AF_INET
		       ? a->v4.ipi_spec_dst.s_addr == b->v4.ipi_spec_dst.s_addr
		       : memcmp(&a->v6.ipi6_addr, &b->v6.ipi6_addr, sizeof(a->v6.ipi6_addr)) == 0;
}

static struct flow *find_flow(struct listener *l, const struct sockaddr_storage *client,
	socklen_t len, const struct local *local)
{
	const size_t b = bucket(l, client);
	struct flow *f = buckets[b];
	int fd;

	for (; f; f = f->next)
		if (f->listener == l && f->client_len == len &&
			memcmp(&f->client, client, len) == 0 && same_local(&f->local, local))
			return f;
	if (n_flows >= FLOWS_MAX)
		flow_close(LIST_ITEM(ages.next, struct flow, by_age));
	fd = forward_connect(l, client, SOCK_DGRAM);
	if (fd < 0)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->source = (struct source){on_flow, fd};
	f->listener = l;
	f->client = *client;
	f->client_len = len;
	f->local = *local;
	f->next = buckets[b];
	buckets[b] = f;
	list_add(&l->connections, &f->in_listener);
	list_add(&ages, &f->by_age);
	n_flows++;
	source_add(forward_epoll_fd, &f->source, EPOLLIN);
	return f;
}

static void take_local(struct msghdr *m, struct local *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			out->family = AF_INET;
			memcpy(&out->v4, CMSG_DATA(c), sizeof(out->v4));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			out->family = AF_INET6;
			memcpy(&out->v6, CMSG_DATA(c), sizeof(out->v6));
		}
}

void forward_datagrams(struct source *s, uint32_t events)
{
	struct listener *l = LIST_ITEM(s, struct listener, source);

	for (int round = 0; round < ROUNDS; round++) {
		_Alignas(struct cmsghdr) char control[256];
		struct sockaddr_storage client = {0};
		struct local local = {0};
		struct iovec iov = {datagram, sizeof(datagram)};
		struct msghdr m = {
			.msg_name = &client,
			.msg_namelen = sizeof(client),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT);
		struct flow *f;
		if (n < 0)
			return;
		take_local(&m, &local);
		if (!local.family || !(f = find_flow(l, &client, m.msg_namelen, &local)))
			continue;
		touch(f);
		send(f->source.fd, datagram, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

void forward_udp_close_all(struct listener *l)
{
	while (l->connections.next != &l->connections)
		flow_close(LIST_ITEM(l->connections.next, struct flow, in_listener));
}

static int64_t ends_ms(const struct flow *f)
{
	return f->last_ms + (f->answered ? IDLE_TALKING_MS : IDLE_MS);
}

/* Looked at as a whole only now and then: at most FLOWS_MAX in IDLE_MS / 2. */
int forward_udp_tick(void)
{
	static int64_t again_ms;
	const int64_t now = router_now_ms();
	struct list *next;

	if (!n_flows)
		return -1;
	if (now >= again_ms) {
		for (struct list *i = ages.next; i != &ages; i = next) {
			struct flow *f = LIST_ITEM(i, struct flow, by_age);
			next = i->next;
			if (ends_ms(f) <= now)
				flow_close(f);
		}
		again_ms = now + IDLE_MS / 2;
	}
	return (int)(again_ms - now) + 1;
}
