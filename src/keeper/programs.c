/* programs.c: programs that the keeper keeps, as protocol.h's folders ask for them. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "keeper/keeper.h"

#define MS INT64_C(1000000)
#define LINGER_NS (500 * MS) /* the next container may come */
#define SHORT_LIFE_NS (5000 * MS)
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 30000
#define CLIENTS_MAX 256

struct program {
	char key[KEEPER_KEY_LEN + 1];
	struct keep_spec spec;
	struct keep_child child;
	int64_t started_ns, retry_ns; /* 0: it runs, or nobody wants it */
	unsigned failures;	      /* in a row */
	struct program *next;
};

struct client {
	int fd; /* 0: free */
	char key[KEEPER_KEY_LEN + 1];
};

/* What is to be known of a kind of program. */
static const struct kind {
	const char *name;
	int (*start)(
		const struct keep_spec *s, const char *key, struct keep_child *out, struct err *e);
	int (*ready)(const char *said);
} kinds[] = {{"dns", keep_dns_start, keep_dns_ready}};

static struct program *programs;
static struct client clients[CLIENTS_MAX];
static int inotify_fd = -1;
static int64_t scan_ns;

void programs_init(int fd)
{
	inotify_fd = fd;
}

static const struct kind *kind_of(const struct program *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, p->spec.kind))
			return &kinds[i];
	return NULL;
}

static int is_key(const char *name)
{
	return strlen(name) == KEEPER_KEY_LEN && strspn(name, "0123456789abcdef") == KEEPER_KEY_LEN;
}

static struct program *find(const char *key)
{
	struct program *p = programs;

	while (p && !streq(p->key, key))
		p = p->next;
	return p;
}

/* ---- users ---- */

/* Its monitor lives, or whoever is starting it. */
static int container_lives(const char *id)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[128];
	auto_fd int fd = -1;

	snprintf(path, sizeof(path), "containers/%s/lock", id);
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Files of containers that live; those of others are removed. */
static size_t count_users(const char *base, const char *key)
{
	char path[128];
	struct dirent *d;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", base, key);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		if (is_key(d->d_name)) {
			if (container_lives(d->d_name))
				n++;
			else
				unlinkat(dirfd(dir), d->d_name, 0);
		}
	if (dir)
		closedir(dir);
	return n;
}

/* Whoever comes at this moment finds no folder, or that its specification is gone: it tries again.
 */
static void remove_folders(const char *key, const struct keep_spec *s)
{
	char path[128];

	snprintf(path, sizeof(path), KEEPER_PROGRAMS "/%s/" KEEPER_SPEC, key);
	unlink(path);
	snprintf(path, sizeof(path), KEEPER_PROGRAMS "/%s", key);
	rmdir(path);
	for (size_t i = 0; s && i < s->n_hosts; i++) {
		count_users(KEEPER_NAMES, s->hosts[i]);
		snprintf(path, sizeof(path), KEEPER_NAMES "/%s", s->hosts[i]);
		rmdir(path);
	}
}

/* ---- answers ---- */

static void answer(const char *key, const struct err *e)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].fd && streq(clients[i].key, key)) {
			send(clients[i].fd, e, sizeof(*e), MSG_NOSIGNAL | MSG_DONTWAIT);
			close(clients[i].fd);
			clients[i] = (struct client){0};
		}
}

static void answer_ready(const char *key)
{
	const struct err none = {.kind = ERR_NONE};

	answer(key, &none);
}

/* The last line of what it said is why. */
static void answer_said(const struct program *p)
{
	struct err e;
	char text[sizeof(p->child.said)], *line;

	str_copy(text, sizeof(text), p->child.said);
	while (*text && text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	line = strrchr(text, '\n');
	err_set(&e, ERR_SYSTEM, "the name server of network %s does not start: %s", p->spec.name,
		line	? line + 1
		: *text ? text
			: "it ended without a word");
	answer(p->key, &e);
}

/* ---- life ---- */

static int start(struct program *p, struct err *e)
{
	const struct kind *k = kind_of(p);

	p->retry_ns = 0;
	p->started_ns = time_mono_ns();
	p->child = KEEP_CHILD_NONE;
	if (!k)
		return err_set(e, ERR_UNSUPPORTED,
			"hull-keeper knows no programs of kind \"%s\": install hull again",
			p->spec.kind);
	return k->start(&p->spec, p->key, &p->child, e);
}

static void start_again_later(struct program *p)
{
	unsigned ms = RETRY_MIN_MS << (p->failures < 9 ? p->failures : 9);

	p->failures++;
	p->retry_ns = time_mono_ns() + (ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS) * MS;
}

static void stop(struct program *p)
{
	fd_close_ptr(&p->child.said_fd);
	fd_close_ptr(&p->child.alive_fd);
	if (!p->child.pid)
		return;
	kill(p->child.pid, SIGKILL);
	while (waitpid(p->child.pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	p->child = KEEP_CHILD_NONE;
}

static int load_spec(const char *key, struct keep_spec *out)
{
	auto_buf struct buf b = BUF_MAX(KEEPER_SPEC_MAX);
	char path[128];
	int r;

	snprintf(path, sizeof(path), KEEPER_PROGRAMS "/%s/" KEEPER_SPEC, key);
	r = fd_read_file(AT_FDCWD, path, &b);
	return r < 0 ? r : keep_spec_parse(b.len ? b.data : (char[]){""}, out);
}

static struct program *add(const char *key, struct err *e)
{
	struct program *p = xcalloc(1, sizeof(*p));
	char path[128];
	int r = load_spec(key, &p->spec);

	if (r < 0) {
		free(p);
		err_set(e, r == -ENOENT ? ERR_NOT_FOUND : ERR_INVALID,
			"hull-keeper cannot read what it is to keep: " KEEPER_PROGRAMS
			"/%s/" KEEPER_SPEC,
			key);
		return NULL;
	}
	snprintf(path, sizeof(path), KEEPER_PROGRAMS "/%s", key);
	inotify_add_watch(inotify_fd, path, IN_DELETE | IN_ONLYDIR);
	str_copy(p->key, sizeof(p->key), key);
	p->next = programs;
	programs = p;
	return p;
}

static void remove_program(struct program *p)
{
	struct program **at = &programs;

	stop(p);
	remove_folders(p->key, &p->spec);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
}

void programs_scan(void)
{
	DIR *dir = opendir(KEEPER_PROGRAMS);
	struct dirent *d;

	scan_ns = 0;
	while (dir && (d = readdir(dir))) {
		struct program *p = is_key(d->d_name) ? find(d->d_name) : NULL;
		struct keep_spec s;
		struct err e;
		if (!is_key(d->d_name))
			continue;
		if (count_users(KEEPER_PROGRAMS, d->d_name) == 0) {
			if (p)
				remove_program(p);
			else
				remove_folders(
					d->d_name, load_spec(d->d_name, &s) == 0 ? &s : NULL);
		} else if (!p) {
			p = add(d->d_name, &e);
			if (p && start(p, &e) < 0)
				start_again_later(p);
		}
	}
	if (dir)
		closedir(dir);
}

/* ---- what comes ---- */

void programs_add_client(int fd)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (!clients[i].fd) {
			clients[i].fd = fd;
			return;
		}
	close(fd);
}

static void serve(const char *key)
{
	struct program *p = find(key);
	struct keep_spec now;
	struct err e;

	/* Its folder was removed and made anew: it may be another one. */
	if (p && load_spec(key, &now) == 0 && memcmp(&now, &p->spec, sizeof(now)) != 0) {
		stop(p);
		p->spec = now;
	}
	if (!p)
		p = add(key, &e);
	if (!p) {
		answer(key, &e);
		return;
	}
	if (p->child.pid && p->child.ready)
		answer_ready(key);
	else if (!p->child.pid && start(p, &e) < 0) {
		answer(key, &e);
		start_again_later(p);
	}
}

static void read_client(struct client *c)
{
	ssize_t n = recv(c->fd, c->key, KEEPER_KEY_LEN, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	c->key[n > 0 ? n : 0] = '\0';
	if (n > 0 && is_key(c->key)) {
		char key[KEEPER_KEY_LEN + 1];
		memcpy(key, c->key, sizeof(key));
		serve(key);
		return;
	}
	close(c->fd);
	*c = (struct client){0};
}

static void read_child(struct program *p)
{
	struct keep_child *c = &p->child;
	ssize_t n = read(c->said_fd, c->said + c->n_said, sizeof(c->said) - 1 - c->n_said);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		c->n_said += (size_t)n;
		c->said[c->n_said] = '\0';
		c->ready = kind_of(p)->ready(c->said);
		if (c->ready)
			answer_ready(p->key);
		else if (c->n_said < sizeof(c->said) - 1)
			return;
	}
	if (!c->ready)
		answer_said(p);
	fd_close_ptr(&c->said_fd);
}

size_t programs_watch(struct pollfd *p, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < CLIENTS_MAX && n < max; i++)
		if (clients[i].fd)
			p[n++] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
	for (struct program *q = programs; q && n < max; q = q->next)
		if (q->child.said_fd >= 0)
			p[n++] = (struct pollfd){.fd = q->child.said_fd, .events = POLLIN};
	return n;
}

static void dispatch_one(int fd)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].fd == fd) {
			read_client(&clients[i]);
			return;
		}
	for (struct program *q = programs; q; q = q->next)
		if (q->child.said_fd == fd) {
			read_child(q);
			return;
		}
}

/* Files of users that went: after a while, since the next one may come. */
static void read_inotify(void)
{
	char events[4096];
	ssize_t n = read(inotify_fd, events, sizeof(events));

	if (n > 0 && !scan_ns)
		scan_ns = time_mono_ns() + LINGER_NS;
}

void programs_dispatch(const struct pollfd *p, size_t n)
{
	read_inotify();
	for (size_t i = 0; i < n; i++)
		if (p[i].revents)
			dispatch_one(p[i].fd);
}

int programs_reaped(pid_t pid)
{
	for (struct program *p = programs; p; p = p->next) {
		if (p->child.pid != pid)
			continue;
		if (p->child.said_fd >= 0)
			read_child(p);
		if (!p->child.ready)
			answer_said(p);
		fd_close_ptr(&p->child.said_fd);
		fd_close_ptr(&p->child.alive_fd);
		p->child = KEEP_CHILD_NONE;
		if (time_mono_ns() - p->started_ns > SHORT_LIFE_NS)
			p->failures = 0;
		start_again_later(p);
		return 1;
	}
	return 0;
}

int64_t programs_next_ns(void)
{
	int64_t next = scan_ns;

	for (struct program *p = programs; p; p = p->next)
		if (p->retry_ns && (!next || p->retry_ns < next))
			next = p->retry_ns;
	return next;
}

void programs_due(void)
{
	const int64_t now = time_mono_ns();
	struct err e;

	if (scan_ns && scan_ns <= now)
		programs_scan();
	for (struct program *p = programs; p; p = p->next)
		if (p->retry_ns && p->retry_ns <= now && start(p, &e) < 0)
			start_again_later(p);
}

void programs_end(void)
{
	while (programs)
		remove_program(programs);
	programs_scan();
}
