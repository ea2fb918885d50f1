/* main.c: hull-router: the first process: who asks for what, and how long it stays. router.h tells
 * how it works.
 *
 * usage: hull-router --listen-fd N --dir-fd N --pasta PATH [--netns-fd N]
 *	listen-fd  the socket, already listening
 *	dir-fd     the run folder, in which the socket lies
 *	netns-fd   the namespace of a router that was killed, which is to be kept
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kernel/netlink.h"
#include "kernel/ns.h"
#include "router/router.h"

#define LINGER_MS 1000 /* after the last: somebody may be about to start the next */
#define LOOK_MS 1000   /* where monitors have no pidfd */
#define EVENTS 32

struct client {
	struct list all;
	struct source source;
	int waits; /* for pasta: ROUTER_LEASE is not answered yet */
};

static struct {
	int epoll_fd, dir_fd, user_fd, net_fd, control_fd;
	pid_t forwarder;
	struct source listen, signals, interfaces, routes, said;
	struct list clients;
	struct pasta pasta;
	int64_t idle_since_ms; /* 0: not idle */
	int without_pidfd;     /* some lease has none */
} router = {
	.dir_fd = -1,
	.net_fd = -1,
	.listen = {.fd = -1},
	.routes = {.fd = -1},
	.said = {.fd = -1},
	.pasta = {.said_fd = -1},
	.clients = {&router.clients, &router.clients},
};

/* ---- answers ---- */

static void client_close(struct client *c)
{
	close(c->source.fd);
	list_remove(&c->all);
	free(c);
}

static void answer(struct client *c, const struct router_answer *a)
{
	c->waits = 0;
	send(c->source.fd, a, sizeof(*a), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void answer_uplink(struct client *c)
{
	struct router_answer a = {0};

	if (router.pasta.state == PASTA_FAILED) {
		a.trouble = ROUTER_NO_UPLINK;
		str_copy(a.text, sizeof(a.text), router.pasta.said);
	}
	answer(c, &a);
}

/* pasta's state may have changed. */
static void answer_waiting(void)
{
	if (router.pasta.state == PASTA_STARTING)
		return;
	for (struct list *i = router.clients.next; i != &router.clients; i = i->next)
		if (LIST_ITEM(i, struct client, all)->waits)
			answer_uplink(LIST_ITEM(i, struct client, all));
}

/* ---- pasta ---- */

static void on_said(struct source *s, uint32_t events)
{
	pasta_read(&router.pasta);
	if (router.pasta.said_fd < 0)
		router.said.fd = -1;
}

static void start_pasta(void)
{
	if (router.pasta.state == PASTA_FAILED)
		router.pasta.state = PASTA_IDLE;
	pasta_tick(&router.pasta);
	if (router.pasta.said_fd >= 0 && router.said.fd != router.pasta.said_fd) {
		router.said = (struct source){on_said, router.pasta.said_fd};
		source_add(router.epoll_fd, &router.said, EPOLLIN);
	}
}

static void drain(int fd)
{
	char room[8192];

	while (recv(fd, room, sizeof(room), MSG_DONTWAIT) > 0)
		;
}

/* Something about the host's interfaces or routes has changed. */
static void on_interfaces(struct source *s, uint32_t events)
{
	drain(s->fd);
	if (router.pasta.state == PASTA_IDLE && !router.pasta.again_ms)
		start_pasta();
}

static int is_default(const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);

	return h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*r)) &&
	       r->rtm_dst_len == 0 && r->rtm_table == RT_TABLE_MAIN && r->rtm_type == RTN_UNICAST;
}

/* Routes inside: pasta's last step is the default one. */
static void on_routes(struct source *s, uint32_t events)
{
	_Alignas(struct nlmsghdr) char room[8192];
	ssize_t n;

	while ((n = recv(s->fd, room, sizeof(room), MSG_DONTWAIT)) > 0) {
		size_t left = (size_t)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)room; NLMSG_OK(h, left);
			h = NLMSG_NEXT(h, left))
			if (is_default(h))
				pasta_is_up(&router.pasta);
	}
	answer_waiting();
}

/* ---- the forwarder ---- */

static _Noreturn void become_forwarder(int control_fd, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || (router.net_fd >= 0 ? setns(router.net_fd, CLONE_NEWNET)
						       : unshare(CLONE_NEWNET)) < 0)
		_exit(1);
	dup2(control_fd, 3);
	ns_close_from(4, 0);
	fd_set_cloexec(3, 1);
	forward_run(3);
}

static void take_routes(int fd)
{
	if (router.routes.fd >= 0)
		close(router.routes.fd);
	router.routes = (struct source){on_routes, fd};
	if (fd >= 0)
		source_add(router.epoll_fd, &router.routes, EPOLLIN);
}

/* Waits for it: it takes a millisecond. */
static int start_forwarder(void)
{
	const pid_t self = getpid();
	int pair[2], routes = -1;
	size_t n = 1;
	char byte;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	router.forwarder = fork();
	if (router.forwarder == 0)
		become_forwarder(pair[1], self);
	close(pair[1]);
	fd_close_ptr(&router.control_fd);
	router.control_fd = pair[0];
	if (router.forwarder < 0 || ns_recv_fds(pair[0], &byte, 1, &routes, &n) != 1)
		return -EAGAIN;
	take_routes(n ? routes : -1);
	if (router.net_fd < 0)
		router.net_fd = ns_open(router.forwarder, "net");
	leases_tell_all(router.control_fd);
	return router.net_fd < 0 ? router.net_fd : 0;
}

/* ---- clients ---- */

static void on_monitor_end(struct source *s, uint32_t events)
{
	leases_end(LIST_ITEM(s, struct lease, monitor), router.control_fd);
}

static void take_lease(struct client *c, const struct router_request *req)
{
	struct router_answer a = {0};

	if (leases_take(req, router.epoll_fd, router.control_fd, on_monitor_end, &a) < 0) {
		answer(c, &a);
		return;
	}
	if (router.pasta.state == PASTA_FAILED)
		start_pasta();
	c->waits = 1;
	answer_waiting();
}

static void take_request(struct client *c, struct router_request *req, size_t len)
{
	static const size_t head = offsetof(struct router_request, v);
	const int fds[ROUTER_FDS] = {router.user_fd, router.net_fd};
	const struct router_answer fine = {.pid = getpid()};

	if (len >= sizeof(req->type) && req->type == ROUTER_HELLO) {
		ns_send_fds(c->source.fd, &fine, sizeof(fine), fds, ROUTER_FDS);
	} else if (len >= head && req->type == ROUTER_LEASE && req->n <= ROUTER_PORTS_MAX &&
		   len == head + req->n * sizeof(req->v[0])) {
		req->id[sizeof(req->id) - 1] = '\0';
		take_lease(c, req);
	}
}

static void on_client(struct source *s, uint32_t events)
{
	static struct router_request req;
	struct client *c = LIST_ITEM(s, struct client, source);
	ssize_t n = recv(s->fd, &req, sizeof(req), MSG_DONTWAIT);

	if (n > 0)
		take_request(c, &req, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		client_close(c);
}

static void on_listen(struct source *s, uint32_t events)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	struct client *c;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != geteuid()) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->source = (struct source){on_client, fd};
	list_add(&router.clients, &c->all);
	source_add(router.epoll_fd, &c->source, EPOLLIN);
}

/* ---- life ---- */

static void on_signals(struct source *s, uint32_t events)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTERM)
			exit(0);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == router.pasta.pid) {
			router.said.fd = -1;
			pasta_ended(&router.pasta, status);
			answer_waiting();
		} else if (pid == router.forwarder && start_forwarder() < 0) {
			exit(1);
		}
	}
}

static int is_idle(void)
{
	return router.clients.next == &router.clients && router_leases.next == &router_leases;
}

/* Nobody starts or finds a router while we hold the lock; who came before is in the socket's queue.
 */
static void leave_if_alone(void)
{
	auto_fd int lock = openat(
		router.dir_fd, ROUTER_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return;
	on_listen(&router.listen, EPOLLIN);
	if (!is_idle())
		return;
	unlinkat(router.dir_fd, ROUTER_SOCKET, 0);
	exit(0);
}

static int sooner(int a, int64_t b)
{
	if (b < 0)
		b = 0;
	return a < 0 || b < a ? (int)b : a;
}

static int timeout_ms(void)
{
	const int64_t now = router_now_ms();
	int t = pasta_timeout_ms(&router.pasta);

	if (!is_idle())
		router.idle_since_ms = 0;
	else if (!router.idle_since_ms)
		router.idle_since_ms = now;
	if (router.idle_since_ms) {
		const int64_t left = router.idle_since_ms + LINGER_MS - now;
		t = sooner(t, left > 0 ? left : 50 /* the lock is somebody's */);
	}
	return router_leases.next != &router_leases ? sooner(t, LOOK_MS * 60) : t;
}

static void on_time(void)
{
	start_pasta();
	answer_waiting();
	leases_look(router.control_fd);
	if (router.idle_since_ms && is_idle() &&
		router_now_ms() - router.idle_since_ms >= LINGER_MS)
		leave_if_alone();
}

static _Noreturn void loop(void)
{
	struct epoll_event ev[EVENTS];

	for (;;) {
		/* One at a time: what one event ends, another may lead to. */
		int n = epoll_wait(router.epoll_fd, ev, 1, timeout_ms());
		if (n > 0) {
			struct source *s = ev[0].data.ptr;
			s->on_event(s, ev[0].events);
		}
		on_time();
	}
}

/* ---- beginning ---- */

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_interfaces(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			     RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fd_close_ptr(&fd);
	return fd;
}

static void watch(struct source *s, void (*on_event)(struct source *, uint32_t), int fd)
{
	*s = (struct source){on_event, fd};
	if (fd >= 0)
		source_add(router.epoll_fd, s, EPOLLIN);
}

static int take_options(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		uint32_t value = 0;
		const int number = parse_u32(argv[i + 1], &value) < 0 ? -1 : (int)value;

		if (streq(argv[i], "--listen-fd"))
			router.listen.fd = number;
		else if (streq(argv[i], "--dir-fd"))
			router.dir_fd = number;
		else if (streq(argv[i], "--netns-fd"))
			router.net_fd = number;
		else if (streq(argv[i], "--pasta"))
			router.pasta.program = argv[i + 1];
		else
			return -1;
	}
	return router.listen.fd < 3 || router.dir_fd < 3 || !router.pasta.program ? -1 : 0;
}

/* Every published port is two descriptors here and two in the forwarder. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	umask(077);
	if (take_options(argc, argv) < 0) {
		dprintf(2, "hull-router: is started by hull run\n");
		return 125;
	}
	setsid();
	raise_limit();
	fd_set_cloexec(router.listen.fd, 1);
	fd_set_nonblock(router.listen.fd, 1);
	fd_set_cloexec(router.dir_fd, 1);
	if (router.net_fd >= 0)
		fd_set_cloexec(router.net_fd, 1);
	router.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	router.control_fd = -1;
	router.user_fd = ns_open(0, "user");
	watch(&router.signals, on_signals, open_signals());
	if (router.user_fd < 0 || start_forwarder() < 0)
		return 125;
	router.pasta.netns_fd = router.net_fd;
	watch(&router.interfaces, on_interfaces, open_interfaces());
	watch(&router.listen, on_listen, router.listen.fd);
	loop();
}
