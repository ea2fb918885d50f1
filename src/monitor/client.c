/* client.c: frames to and from the client.
 *
 * How it works: one frame at a time is held until the client takes it, and while one is, nothing is
 * read from the container: a slow client makes the container wait (its pipes fill), nothing is lost
 * and nothing grows. What the monitor itself has to say is not queued either but owed (a bit each)
 * and made when its turn comes. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/ns.h"
#include "monitor/monitor.h"

_Static_assert(
	offsetof(struct monitor, data) == offsetof(struct monitor, frame) + sizeof(struct mon_head),
	"sent as one piece");

int client_busy(const struct monitor *m)
{
	return m->held || m->owed;
}

static void hold(struct monitor *m, enum mon_type type, const void *data, size_t n)
{
	m->frame = (struct mon_head){.type = type, .size = (uint32_t)n};
	if (data)
		memcpy(m->data, data, n);
	m->held = sizeof(m->frame) + n;
}

static void make_owed(struct monitor *m)
{
	struct mon_started started = {.pid = m->o.pid, .started_ns = m->exit.started_ns};
	unsigned first = m->owed & -m->owed;

	m->owed &= ~first;
	switch (first) {
	case OWE_STDIN:
		hold(m, MON_STDIN, NULL, 0);
		break;
	case OWE_STARTED:
		hold(m, MON_STARTED, &started, sizeof(started));
		break;
	case OWE_ERROR:
		hold(m, MON_ERROR, &m->error, sizeof(m->error));
		break;
	case OWE_EXIT:
		hold(m, MON_EXIT, &m->exit, sizeof(m->exit));
		break;
	}
}

void client_flush(struct monitor *m)
{
	while (client_busy(m)) {
		int r = 0;

		if (!m->held)
			make_owed(m);
		if (m->o.client_fd >= 0 && !m->deaf)
			r = ns_send_fds(m->o.client_fd, &m->frame, m->held, &m->out[0].fd,
				m->frame.type == MON_STDIN);
		if (r == -EAGAIN)
			return;
		/* A client that closed may have said something before: client_read forgets it. */
		if (r < 0)
			m->deaf = 1;
		m->held = 0;
	}
}

void client_warn(struct monitor *m, const char *text)
{
	client_flush(m);
	if (client_busy(m))
		return; /* 200 KB of unread warnings: one less */
	hold(m, MON_WARNING, text, strnlen(text, ERR_TEXT_MAX));
	client_flush(m);
}

void client_send_data(struct monitor *m, enum mon_type type, size_t n)
{
	hold(m, type, NULL, n);
	client_flush(m);
}

/* The client cannot do it any more. Who is raw without signals from the keyboard was left so by it;
 * a shell that has taken its terminal back already has them on, and its own idea of the rest. */
static void set_terminal_back(struct monitor *m)
{
	struct termios now;

	if (m->tty_fd >= 0 && tcgetattr(m->tty_fd, &now) == 0 && !(now.c_lflag & (ICANON | ISIG)))
		tcsetattr(m->tty_fd, TCSANOW, &m->tty);
	fd_close_ptr(&m->tty_fd);
}

static void forget(struct monitor *m)
{
	fd_close_ptr(&m->o.client_fd);
	m->owed = 0;
	m->held = 0;
	set_terminal_back(m);
	monitor_step(m, EV_CLIENT_GONE, NULL);
}

union payload {
	int32_t signal;
	struct termios tty;
};

static void understand(struct monitor *m, uint32_t type, const union payload *p, size_t n, int fd)
{
	struct monitor_news news = {.fd = fd};

	if (type == MON_SIGNAL && n == sizeof(p->signal) && p->signal >= 1 && p->signal < NSIG) {
		news.signal = p->signal;
		monitor_step(m, EV_SIGNAL, &news);
	} else if (type == MON_CLOSE && n == sizeof(p->signal)) {
		news.signal = p->signal;
		monitor_step(m, EV_CLOSE, &news);
	} else if (type == MON_TERMIOS && n == sizeof(p->tty) && fd >= 0) {
		news.tty = &p->tty;
		monitor_step(m, EV_TERMIOS, &news);
	} else {
		if (type == MON_CLEAN)
			monitor_step(m, EV_CLEAN, NULL);
		fd_close_ptr(&fd);
	}
}

void client_read(struct monitor *m)
{
	while (m->o.client_fd >= 0 && m->state != ST_ENDED) {
		struct {
			struct mon_head head;
			union payload payload;
		} f;
		int fd = -1;
		size_t n_fds = 1;
		ssize_t n = ns_recv_fds(m->o.client_fd, &f, sizeof(f), &fd, &n_fds);

		/* RESET: it closed with frames of ours unread, what it said before comes next. Too
		 * many descriptors: that frame is lost. */
		if (n == -ECONNRESET || n == -E2BIG || n == -EMFILE)
			continue;
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			forget(m);
		else if ((size_t)n >= sizeof(f.head))
			understand(m, f.head.type, &f.payload, (size_t)n - sizeof(f.head),
				n_fds ? fd : -1);
	}
}
