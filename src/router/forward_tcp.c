/* forward_tcp.c: connections, continued. Process: the forwarder.
 *
 * How it works: a connection is two sockets and, for each direction, a pipe through which splice(2)
 * moves pages without a copy. Both sockets are watched for edges only, so every event pumps both
 * directions until nothing moves. An end of one side is handed on as such (half-closed connections
 * work), a failure as a reset. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "router/router.h"

#define PIPE_BYTES 65536
#define ROUNDS 64 /* then others have their turn */

struct tcp {
	struct list in_listener; /* first: forward_dead */
	struct source side[2];	 /* 0: the client's, 1: the container's */
	int pipe[2][2];		 /* [from side][read end, write end] */
	size_t held[2];
	int ended[2], told[2]; /* nothing more comes from side; the other side knows it */
};

static void tcp_close(struct tcp *c, int reset)
{
	const struct linger now = {.l_onoff = 1};

	for (int i = 0; i < 2; i++) {
		if (c->side[i].fd < 0)
			continue;
		if (reset)
			setsockopt(c->side[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(c->side[i].fd);
		c->side[i].fd = -1;
		close(c->pipe[i][0]);
		close(c->pipe[i][1]);
	}
	forward_dead(&c->in_listener);
}

/* 1: something moved, 0: nothing, -1: the connection is broken. */
static int pump(struct tcp *c, int from)
{
	const int source = c->side[from].fd, target = c->side[!from].fd;
	const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
	int moved = 0;
	ssize_t n;

	if (!c->ended[from] && c->held[from] < PIPE_BYTES) {
		n = splice(source, NULL, c->pipe[from][1], NULL, PIPE_BYTES - c->held[from], flags);
		if (n > 0)
			c->held[from] += (size_t)n;
		else if (n == 0)
			c->ended[from] = 1;
		else if (errno != EAGAIN && errno != EINTR)
			return -1;
		moved = n >= 0;
	}
	if (c->held[from]) {
		n = splice(c->pipe[from][0], NULL, target, NULL, c->held[from], flags);
		if (n > 0)
			c->held[from] -= (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
			return -1;
		moved |= n > 0;
	}
	if (c->ended[from] && !c->held[from] && !c->told[from]) {
		if (shutdown(target, SHUT_WR) == 0)
			c->told[from] = 1;
		else if (errno != ENOTCONN)
			return -1;
	}
	return moved;
}

static void pump_both(struct tcp *c)
{
	int moved = 1;

	for (int round = 0; moved && round < ROUNDS; round++) {
		int a = pump(c, 0), b = a < 0 ? -1 : pump(c, 1);
		if (b < 0) {
			tcp_close(c, 1);
			return;
		}
		moved = a | b;
	}
	if (c->told[0] && c->told[1]) {
		tcp_close(c, 0);
	} else if (moved) { /* setting it again brings the event again, if there is one */
		struct epoll_event ev = {
			.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &c->side[0]};
		epoll_ctl(forward_epoll_fd, EPOLL_CTL_MOD, c->side[0].fd, &ev);
		ev.data.ptr = &c->side[1];
		epoll_ctl(forward_epoll_fd, EPOLL_CTL_MOD, c->side[1].fd, &ev);
	}
}

/* An error that nothing is left to be read or written for (a refused connection). */
static int is_broken(const struct source *s, uint32_t events)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return events & EPOLLERR && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	       error != 0;
}

static void on_side(struct tcp *c, struct source *s, uint32_t events)
{
	if (is_broken(s, events))
		tcp_close(c, 1);
	else
		pump_both(c);
}

static void on_client(struct source *s, uint32_t events)
{
	on_side(LIST_ITEM(s, struct tcp, side[0]), s, events);
}

static void on_container(struct source *s, uint32_t events)
{
	on_side(LIST_ITEM(s, struct tcp, side[1]), s, events);
}

/* Takes over both sockets. */
static void tcp_open(struct listener *l, int client, int container)
{
	struct tcp *c = xcalloc(1, sizeof(*c));
	const int one = 1;

	c->side[0] = (struct source){on_client, client};
	c->side[1] = (struct source){on_container, container};
	list_add(&l->connections, &c->in_listener);
	if (pipe2(c->pipe[0], O_CLOEXEC | O_NONBLOCK) < 0) {
		c->pipe[0][0] = c->pipe[0][1] = c->pipe[1][0] = c->pipe[1][1] = -1;
		tcp_close(c, 1);
		return;
	}
	if (pipe2(c->pipe[1], O_CLOEXEC | O_NONBLOCK) < 0) {
		c->pipe[1][0] = c->pipe[1][1] = -1;
		tcp_close(c, 1);
		return;
	}
	for (int i = 0; i < 2; i++) {
		setsockopt(c->side[i].fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
		setsockopt(c->side[i].fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
		source_add(forward_epoll_fd, &c->side[i], EPOLLIN | EPOLLOUT | EPOLLET);
	}
}

static void refuse(int client)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(client);
}

/* No descriptor is free: the client at the head of the queue must not wait for ever, and we not
 * turn in circles. */
static void accept_in_need(int listen_fd)
{
	static int spare = -1;

	if (spare < 0)
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (spare >= 0) {
		int fd;
		close(spare);
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			refuse(fd);
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

void forward_accept(struct source *s, uint32_t events)
{
	struct listener *l = LIST_ITEM(s, struct listener, source);

	for (int round = 0; round < ROUNDS; round++) {
		struct sockaddr_storage client;
		socklen_t len = sizeof(client);
		int container, fd = accept4(s->fd, (struct sockaddr *)&client, &len,
				       SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				accept_in_need(s->fd);
			if (errno == EAGAIN || errno == EMFILE || errno == ENFILE)
				return;
			continue;
		}
		container = forward_connect(l, &client, SOCK_STREAM);
		if (container < 0)
			refuse(fd);
		else
			tcp_open(l, fd, container);
	}
}

void forward_tcp_close_all(struct listener *l)
{
	while (l->connections.next != &l->connections)
		tcp_close(LIST_ITEM(l->connections.next, struct tcp, in_listener), 1);
}
