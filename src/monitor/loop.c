/* loop.c: descriptors and the clock become events. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/time.h"
#include "kernel/ns.h"
#include "monitor/monitor.h"

#define BUILD_MAX_MS 60000 /* said in act_slow */
#define PARK_MS 200

/* The sources in the order in which they are looked at: SYNC before OUT, so that STARTED comes
 * before data. */
enum source { SYNC, CLIENT, SIGNALS, OUT, ERR, SOURCES };

void monitor_deadline(struct monitor *m, int ms)
{
	m->deadline_ns = ms < 0 ? 0 : time_mono_ns() + ms * INT64_C(1000000);
}

void monitor_init(struct monitor *m, const struct monitor_options *o)
{
	m->o = *o;
	m->state = ST_BUILDING;
	m->signal_fd = m->tty_fd = -1;
	m->out[0] = (struct monitor_source){.fd = o->out_fd, .left = INT64_MAX};
	m->out[1] = (struct monitor_source){.fd = o->err_fd, .left = INT64_MAX};
	fd_set_nonblock(o->sync_fd, 1);
	if (o->client_fd >= 0)
		fd_set_nonblock(o->client_fd, 1);
	monitor_deadline(m, BUILD_MAX_MS);
}

/* ---- sync ---- */

static void understand(struct monitor *m, uint32_t type, struct monitor_news *news)
{
	switch (type) {
	case SYNC_CONSOLE:
		monitor_step(m, EV_CONSOLE, news);
		break;
	case SYNC_READY:
		monitor_step(m, EV_READY, news);
		break;
	case SYNC_ERROR:
		monitor_step(m, EV_ERROR, news);
		break;
	case SYNC_WARNING:
		monitor_step(m, EV_WARNING, news);
		break;
	default:
		fd_close_ptr(&news->fd);
	}
}

static void read_sync(struct monitor *m)
{
	while (m->o.sync_fd >= 0) {
		struct sync_msg msg;
		int fd = -1;
		size_t n_fds = 1;
		ssize_t n = ns_recv_fds(m->o.sync_fd, &msg, sizeof(msg), &fd, &n_fds);
		struct monitor_news news = {.err = &msg.err, .fd = n_fds ? fd : -1};

		/* RESET: the child went without having read START; its words come next. */
		if (n == -ECONNRESET)
			continue;
		if (n == -EAGAIN)
			return;
		if (n < SYNC_SHORT) {
			fd_close_ptr(&m->o.sync_fd);
			monitor_step(m, EV_SYNC_END, NULL);
			return;
		}
		memset((char *)&msg + n, 0, sizeof(msg) - (size_t)n);
		msg.err.text[ERR_TEXT_MAX - 1] = '\0';
		understand(m, msg.type, &news);
	}
}

/* ---- signals ---- */

static void child_ended(struct monitor *m, int status)
{
	m->reaped = 1;
	m->wait_status = status;
	/* What it said before it died comes before its death. */
	read_sync(m);
	monitor_step(m, EV_CHILD_EXIT, NULL);
}

static void reap(struct monitor *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		if (pid == m->o.pid)
			child_ended(m, status);
	/* Its status went to nobody: SIGCHLD was ignored when it died before we took over. */
	if (pid < 0 && errno == ECHILD && !m->reaped)
		child_ended(m, 255 << 8);
}

static void read_signals(struct monitor *m)
{
	struct signalfd_siginfo info;
	struct monitor_news news = {.fd = -1};

	if (read(m->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		reap(m);
		return;
	}
	news.signal = (int)info.ssi_signo;
	monitor_step(m, EV_TERM, &news);
}

/* ---- output ---- */

/* 1 when there may be more, later. EIO of a pty's master: nobody has the terminal open; somebody
 * may open it again, which no event tells, while poll(2) would return at once for ever. */
static int park(struct monitor *m, struct monitor_source *s)
{
	if (!m->o.terminal || m->reaped || errno != EIO)
		return 0;
	s->parked_ns = time_mono_ns() + PARK_MS * INT64_C(1000000);
	return 1;
}

static void pump(struct monitor *m, int i)
{
	struct monitor_source *s = &m->out[i];
	size_t want = s->left < MON_DATA_MAX ? (size_t)s->left : MON_DATA_MAX;
	ssize_t n;

	if (client_busy(m) || s->fd < 0)
		return;
	n = read(s->fd, m->data, want);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || park(m, s)))
		return;
	if (n <= 0) {
		fd_close_ptr(&s->fd);
		return;
	}
	if (m->reaped)
		s->left -= n;
	if (m->state == ST_CUTTING)
		monitor_deadline(m, QUIET_MS);
	client_send_data(m, i ? MON_STDERR : MON_STDOUT, (size_t)n);
}

static int output_ended(const struct monitor *m)
{
	for (int i = 0; i < 2; i++)
		if (m->out[i].fd >= 0 && m->out[i].left > 0)
			return 0;
	return 1;
}

/* ---- the loop ---- */

/* How long poll(2) may sleep. */
static int wait_ms(const struct monitor *m)
{
	int64_t until = m->state == ST_CUTTING && client_busy(m) ? 0 : m->deadline_ns;
	int64_t ms;

	for (int i = 0; i < 2; i++)
		if (m->out[i].parked_ns && (!until || m->out[i].parked_ns < until))
			until = m->out[i].parked_ns;
	if (!until)
		return -1;
	ms = (until - time_mono_ns() + 999999) / 1000000;
	return ms < 0 ? 0 : (int)ms;
}

/* Output before the program runs stays where it is until it does; while the client does not take
 * what is held, only deaths and its own words are of interest. (A descriptor with no events would
 * still wake poll by its end.) */
static int pump_fd(struct monitor *m, struct monitor_source *s)
{
	int runs = m->state == ST_RUNNING || m->state == ST_DRAINING || m->state == ST_CUTTING;

	if (s->parked_ns && time_mono_ns() >= s->parked_ns)
		s->parked_ns = 0;
	return runs && !client_busy(m) && !s->parked_ns && s->left > 0 ? s->fd : -1;
}

static void watch(struct monitor *m, struct pollfd p[SOURCES])
{
	p[SYNC] = (struct pollfd){.fd = m->o.sync_fd, .events = POLLIN};
	p[CLIENT] = (struct pollfd){.fd = m->o.client_fd, .events = POLLIN};
	if (client_busy(m))
		p[CLIENT].events |= POLLOUT;
	p[SIGNALS] = (struct pollfd){.fd = m->signal_fd, .events = POLLIN};
	for (int i = 0; i < 2; i++)
		p[OUT + i] = (struct pollfd){.fd = pump_fd(m, &m->out[i]), .events = POLLIN};
}

static void dispatch(struct monitor *m, const struct pollfd p[SOURCES])
{
	if (p[SYNC].revents)
		read_sync(m);
	if (p[CLIENT].revents)
		client_read(m);
	if (p[SIGNALS].revents)
		read_signals(m);
	client_flush(m);
	for (int i = 0; i < 2; i++)
		if (p[OUT + i].revents)
			pump(m, i);
}

/* What no descriptor tells: the clock, and that there is nothing more to read or to send. */
static void settle(struct monitor *m)
{
	if (m->deadline_ns && time_mono_ns() >= m->deadline_ns)
		monitor_step(m, EV_TIMEOUT, NULL);
	if (!client_busy(m) && output_ended(m))
		monitor_step(m, EV_OUTPUT_END, NULL);
	if (!client_busy(m))
		monitor_step(m, EV_SENT, NULL);
}

void monitor_loop(struct monitor *m)
{
	reap(m); /* it may have died before SIGCHLD was blocked */
	for (settle(m); m->state != ST_ENDED; settle(m)) {
		struct pollfd p[SOURCES];
		int busy = client_busy(m);

		watch(m, p);
		if (poll(p, SOURCES, wait_ms(m)) < 0)
			memset(p, 0, sizeof(p)); /* EINTR, ENOMEM */
		dispatch(m, p);
		if (busy && m->state == ST_CUTTING)
			monitor_deadline(m, QUIET_MS); /* the client's time does not count */
	}
}
