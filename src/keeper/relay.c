/* relay.c: queries of a name server, handed to the host's resolvers.
 *
 * How it works: for each of the host's resolvers the name server has one to ask on 127.0.0.1 of its
 * own network namespace; these sockets are ours, while we are in the host's. A datagram leaves by a
 * socket of its own, so its port is a random one and its answer can be nobody else's; a connection
 * is copied by a process of its own. Nothing of a message is looked at. resolv.conf is read again
 * when it has changed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "keeper/keeper.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_MAX 16384
#define PENDING_MAX 128
#define PENDING_NS (10 * INT64_C(1000000000)) /* longer than any resolver tries */
#define MESSAGE_MAX 65536
#define COPIERS_MAX 16
#define COPY_IDLE_MS 30000
#define HEADER 12 /* of a DNS message, RFC 1035 4.1.1 */

struct pending {
	int fd; /* 0: free */
	size_t from;
	struct sockaddr_in client;
	int64_t until_ns;
};

static struct pending pending[PENDING_MAX];
static char message[MESSAGE_MAX];
static char upstreams[KEEP_UPSTREAMS_MAX][KEEP_WORD_MAX];
static size_t n_upstreams;
static unsigned n_copiers;

size_t relay_upstreams(const char *text, char out[KEEP_UPSTREAMS_MAX][KEEP_WORD_MAX])
{
	size_t n = 0;

	while (*text && n < KEEP_UPSTREAMS_MAX) {
		const char *rest = str_after(text, "nameserver");
		size_t len;
		if (rest && (*rest == ' ' || *rest == '\t')) {
			rest += strspn(rest, " \t");
			len = strcspn(rest, " \t\r\n#;");
			if (len && len < KEEP_WORD_MAX) {
				memcpy(out[n], rest, len);
				out[n++][len] = '\0';
			}
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return n;
}

size_t relay_choose(const struct keep_spec *s, char out[KEEP_UPSTREAMS_MAX][KEEP_WORD_MAX])
{
	auto_buf struct buf b = BUF_MAX(RESOLV_MAX);

	if (s->n_upstreams) {
		memcpy(out, s->upstreams, sizeof(s->upstreams));
		return s->n_upstreams;
	}
	return fd_read_file(AT_FDCWD, RESOLV_CONF, &b) == 0 && b.len ? relay_upstreams(b.data, out)
								     : 0;
}

/* Looked at once in a second at most. */
static void refresh(const struct keep_spec *s)
{
	static int64_t looked_ns;
	static struct stat was;
	struct stat now = {0};

	if (looked_ns && time_mono_ns() - looked_ns < INT64_C(1000000000))
		return;
	(void)!stat(RESOLV_CONF, &now);
	if (looked_ns && now.st_ino == was.st_ino && now.st_size == was.st_size &&
		memcmp(&now.st_mtim, &was.st_mtim, sizeof(now.st_mtim)) == 0) {
		looked_ns = time_mono_ns();
		return;
	}
	looked_ns = time_mono_ns();
	was = now;
	n_upstreams = relay_choose(s, upstreams);
}

/* Connected to the resolver that socket i stands for. */
static int open_upstream(size_t i, int type)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	char text[KEEP_WORD_MAX], *scope;
	auto_fd int fd = -1;
	int is4, r;

	if (!n_upstreams)
		return -1;
	str_copy(text, sizeof(text), upstreams[i % n_upstreams]);
	scope = strchr(text, '%');
	if (scope) {
		*scope++ = '\0';
		a6.sin6_scope_id = if_nametoindex(scope);
	}
	is4 = inet_pton(AF_INET, text, &a4.sin_addr) == 1;
	if (!is4 && inet_pton(AF_INET6, text, &a6.sin6_addr) != 1)
		return -1;
	fd = socket(is4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	r = is4 ? connect(fd, (struct sockaddr *)&a4, sizeof(a4))
		: connect(fd, (struct sockaddr *)&a6, sizeof(a6));
	return r < 0 ? -1 : take_fd(&fd);
}

/* ---- datagrams ---- */

static void forget(struct pending *p)
{
	close(p->fd);
	*p = (struct pending){0};
}

/* A free one, or that of the oldest query. */
static struct pending *take_pending(void)
{
	struct pending *oldest = &pending[0];

	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (!pending[i].fd)
			return &pending[i];
		if (pending[i].until_ns < oldest->until_ns)
			oldest = &pending[i];
	}
	forget(oldest);
	return oldest;
}

/* The query itself, marked as an answer that says REFUSED: the asker need not wait. */
static void refuse(int fd, const struct sockaddr_in *client, size_t n)
{
	if (n < HEADER)
		return;
	message[2] = (char)(message[2] | 0x80);
	message[3] = (char)((message[3] & 0xf0) | 5);
	sendto(fd, message, n, 0, (const struct sockaddr *)client, sizeof(*client));
}

static void ask(const struct relay *r, size_t i)
{
	struct sockaddr_in client;
	socklen_t size = sizeof(client);
	ssize_t n = recvfrom(
		r->udp[i], message, sizeof(message), 0, (struct sockaddr *)&client, &size);
	struct pending *p;
	int fd;

	if (n < 0)
		return;
	refresh(r->spec);
	fd = open_upstream(i, SOCK_DGRAM | SOCK_NONBLOCK);
	if (fd < 0 || send(fd, message, (size_t)n, 0) < 0) {
		fd_close_ptr(&fd);
		refuse(r->udp[i], &client, (size_t)n);
		return;
	}
	p = take_pending();
	*p = (struct pending){fd, i, client, time_mono_ns() + PENDING_NS};
}

static void answer(const struct relay *r, struct pending *p)
{
	ssize_t n = recv(p->fd, message, sizeof(message), 0);

	/* Nobody there: the asker's own deadline, or its next resolver, will tell. */
	if (n > 0)
		sendto(r->udp[p->from], message, (size_t)n, 0, (struct sockaddr *)&p->client,
			sizeof(p->client));
	if (n >= 0 || errno != EAGAIN)
		forget(p);
}

/* ---- connections ---- */

static int copy(int from, int to)
{
	ssize_t n = read(from, message, sizeof(message));

	return n <= 0 || fd_write_all(to, message, (size_t)n) < 0 ? -1 : 0;
}

static _Noreturn void copy_connection(int a, int b)
{
	const struct timeval limit = {.tv_sec = COPY_IDLE_MS / 1000};
	struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};

	fd_set_nonblock(a, 0);
	setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (poll(p, 2, COPY_IDLE_MS) > 0)
		if ((p[0].revents && copy(a, b) < 0) || (p[1].revents && copy(b, a) < 0))
			break;
	_exit(0);
}

static void connected(const struct relay *r, size_t i)
{
	auto_fd int client = accept4(r->tcp[i], NULL, NULL, SOCK_CLOEXEC);
	pid_t pid;

	if (client < 0 || n_copiers >= COPIERS_MAX)
		return;
	refresh(r->spec);
	pid = fork();
	if (pid == 0) {
		int upstream;
		alarm(COPY_IDLE_MS / 1000); /* a connect that hangs */
		upstream = open_upstream(i, SOCK_STREAM);
		if (upstream < 0)
			_exit(1);
		alarm(0);
		copy_connection(client, upstream);
	}
	n_copiers += pid > 0;
}

/* ---- the loop ---- */

static size_t watch(const struct relay *r, struct pollfd *p)
{
	size_t n = 0;

	p[n++] = (struct pollfd){.fd = r->alive_fd};
	for (size_t i = 0; i < r->n; i++) {
		p[n++] = (struct pollfd){.fd = r->udp[i], .events = POLLIN};
		p[n++] = (struct pollfd){.fd = r->tcp[i], .events = POLLIN};
	}
	for (size_t i = 0; i < PENDING_MAX; i++)
		p[n++] = (struct pollfd){
			.fd = pending[i].fd ? pending[i].fd : -1, .events = POLLIN};
	return n;
}

static int wait_ms(void)
{
	int64_t until = 0;

	for (size_t i = 0; i < PENDING_MAX; i++)
		if (pending[i].fd && (!until || pending[i].until_ns < until))
			until = pending[i].until_ns;
	if (!until)
		return -1;
	until = (until - time_mono_ns()) / 1000000 + 1;
	return until < 0 ? 0 : (int)until;
}

/* A signal that came since the last look makes poll end, whenever it came: it is blocked until
 * then. */
static void on_child(int sig)
{
}

static void reap(const struct relay *r)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == r->child)
			_exit(0); /* all of our pid namespace with us */
		n_copiers -= n_copiers > 0;
	}
}

static void dispatch(const struct relay *r, const struct pollfd *p)
{
	const struct pollfd *queries = p + 1, *answers = queries + 2 * r->n;

	if (p->revents)
		_exit(0);
	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (pending[i].fd && answers[i].revents)
			answer(r, &pending[i]);
		if (pending[i].fd && pending[i].until_ns <= time_mono_ns())
			forget(&pending[i]);
	}
	for (size_t i = 0; i < r->n; i++) {
		if (queries[2 * i].revents)
			ask(r, i);
		if (queries[2 * i + 1].revents)
			connected(r, i);
	}
}

_Noreturn void relay_run(const struct relay *r)
{
	const struct sigaction on = {.sa_handler = on_child};
	sigset_t none, child;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	sigaction(SIGCHLD, &on, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		struct pollfd p[1 + 2 * KEEP_UPSTREAMS_MAX + PENDING_MAX];
		const int ms = wait_ms();
		const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
		size_t n = watch(r, p);

		if (ppoll(p, n, ms < 0 ? NULL : &t, &none) < 0)
			memset(p, 0, sizeof(p));
		reap(r);
		dispatch(r, p);
	}
}
