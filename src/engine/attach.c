/* attach.c: the client's side of a monitor.
 *
 * How it works: one poll loop with three things in it: frames from the monitor, which are written
 * to stdout and stderr at once; our stdin; and the container's stdin, when there is something for
 * it. Output may block (a pager, a slow disk): then the container blocks as it would without us.
 * Signals must work even so, so they are no part of the loop: the handler itself sends the frame,
 * sets the size of the terminal, or restores it; send, ioctl and tcsetattr may be called in
 * handlers.
 *
 * Without a terminal of the container's, every signal that ends a program goes to the container and
 * we live on. With one, keys travel through the terminal in raw mode, and a signal sent to us ends
 * us as usual, after the terminal's mode is restored; the container goes on. Signals that were
 * ignored when we were started (nohup) stay ignored. Job control (TSTP, TTIN, TTOU) is ours, as is
 * the death by our own faults. */
#define _GNU_SOURCE
#include "engine/attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/ns.h"
#include "kernel/tty.h"

#define INPUT_MAX 65536

/* What the handlers need: one attachment at a time in a process. */
static struct {
	int sock;      /* to forward to, -1: no */
	int master_fd; /* pty to keep at the size of our terminal, -1: none */
	int tty_fd;    /* our terminal, whose mode was changed, -1: none */
	struct termios saved;
} shared = {-1, -1, -1, {0}};

static sigset_t old_mask;

static void all_signals(sigset_t *set)
{
	sigfillset(set);
	/* Faults of our own must be seen at once; job control is the shell's business. */
	static const int keep[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,
		SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD};

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		sigdelset(set, keep[i]);
}

void attach_hold_signals(void)
{
	sigset_t set;

	all_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &old_mask);
}

void attach_release_signals(void)
{
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
}

static void restore_terminal(void)
{
	if (shared.tty_fd >= 0)
		tty_restore(shared.tty_fd, &shared.saved);
	shared.tty_fd = -1;
}

static void on_forward(int sig)
{
	struct {
		struct mon_head head;
		int32_t sig;
	} m = {{MON_SIGNAL, sizeof(int32_t)}, sig};
	int saved = errno;

	if (shared.sock >= 0)
		send(shared.sock, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
	errno = saved;
}

static void on_fatal(int sig)
{
	restore_terminal();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void copy_size(void)
{
	unsigned short rows, columns;

	for (int fd = 0; fd <= 2; fd++)
		if (tty_get_size(fd, &rows, &columns) == 0) {
			tty_set_size(shared.master_fd, rows, columns);
			return;
		}
}

static void on_size(int sig)
{
	int saved = errno;

	(void)sig;
	if (shared.master_fd >= 0)
		copy_size();
	errno = saved;
}

/* Only when it was not ignored. */
static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction old, new = {.sa_handler = handler, .sa_flags = flags};

	sigfillset(&new.sa_mask);
	if (sigaction(sig, &new, &old) == 0 && old.sa_handler == SIG_IGN)
		sigaction(sig, &old, NULL);
}

static void install_handlers(const struct attach *a)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
		SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXCPU, SIGXFSZ, SIGSTKFLT};
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		handle(ending[i], a->tty ? on_fatal : on_forward, SA_RESTART);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		handle(sig, a->tty ? on_fatal : on_forward, SA_RESTART);
	if (!a->tty)
		handle(SIGCONT, on_forward, SA_RESTART);
	for (size_t i = 0; a->tty && i < ARRAY_SIZE(faults); i++)
		handle(faults[i], on_fatal, 0);
	if (a->tty)
		handle(SIGWINCH, on_size, SA_RESTART);
	signal(SIGPIPE, SIG_IGN);
}

/* The monitor learns how our terminal was, so that even SIGKILL of us leaves it sane. */
static void go_raw(const struct attach *a)
{
	struct {
		struct mon_head head;
		struct termios mode;
	} m = {.head = {MON_TERMIOS, sizeof(struct termios)}};
	const int fd = STDIN_FILENO;

	if (!a->tty || !a->interactive || tcgetattr(fd, &m.mode) < 0)
		return;
	ns_send_fds(a->sock, &m, sizeof(m), &fd, 1);
	if (tty_raw(fd, &shared.saved) == 0)
		shared.tty_fd = fd;
}

struct input { /* on its way from our stdin to the container's */
	char *data;
	size_t from, to;
	int ended; /* our stdin is */
};

struct loop {
	struct attach *a;
	struct input in;
	int out_closed[3]; /* by descriptor: nobody reads it any more */
	int started;	   /* until then our stdin is not touched: there may be a second try */
	int done;
};

static void close_input(struct loop *l)
{
	fd_close_ptr(&l->a->stdin_fd);
	l->in.from = l->in.to = 0;
	l->in.ended = 1;
}

static void read_input(struct loop *l)
{
	struct input *in = &l->in;
	ssize_t n;

	if (!in->data)
		in->data = xmalloc(INPUT_MAX);
	n = read(STDIN_FILENO, in->data, INPUT_MAX);
	if (n > 0) {
		in->from = 0;
		in->to = (size_t)n;
		return;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	in->ended = 1;
	/* A pipe's end is its close; a terminal's other end stays as it is. */
	if (!l->a->tty)
		close_input(l);
}

static void write_input(struct loop *l)
{
	struct input *in = &l->in;
	int fd = l->a->tty ? shared.master_fd : l->a->stdin_fd;
	ssize_t n = write(fd, in->data + in->from, in->to - in->from);

	if (n >= 0) {
		in->from += (size_t)n;
		return;
	}
	if (errno != EAGAIN && errno != EINTR)
		close_input(l); /* nobody in there reads any more */
}

/* Nobody reads that stream any more: the program is to learn it by its next write. */
static void close_output(struct loop *l, int fd)
{
	struct {
		struct mon_head head;
		int32_t fd;
	} m = {{MON_CLOSE, sizeof(int32_t)}, fd};

	if (errno != EPIPE)
		engine_warn(l->a->en, "cannot write to %s: %s",
			fd == 1 ? "standard output" : "standard error", strerror(errno));
	l->out_closed[fd] = 1;
	send(l->a->sock, &m, sizeof(m), MSG_NOSIGNAL);
}

/* In full, whatever kind of thing it is. */
static void write_output(struct loop *l, int fd, const char *data, size_t len)
{
	while (len && !l->out_closed[fd]) {
		ssize_t n = write(fd, data, len);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) { /* somebody who shares it set O_NONBLOCK */
			struct pollfd p = {.fd = fd, .events = POLLOUT};
			poll(&p, 1, -1);
		} else if (errno != EINTR) {
			close_output(l, fd);
		}
	}
}

static void take_master(struct loop *l, int fd)
{
	fd_close_ptr(&shared.master_fd);
	shared.master_fd = fd;
	/* The monitor reads the same open file; it waits by poll, too. */
	fd_set_nonblock(fd, 1);
	copy_size();
	if (!l->a->interactive)
		l->in.ended = 1;
}

static void take_frame(struct loop *l, const struct mon_head *h, const char *data, int fd)
{
	struct attach *a = l->a;

	switch (h->type) {
	case MON_STDOUT:
	case MON_STDERR:
		write_output(l, h->type == MON_STDOUT ? 1 : 2, data, h->size);
		break;
	case MON_WARNING:
		engine_warn(a->en, "%.*s", (int)h->size, data);
		break;
	case MON_ERROR:
		if (h->size == sizeof(a->error))
			memcpy(&a->error, data, sizeof(a->error));
		a->failed = 1;
		break;
	case MON_STDIN:
		if (fd >= 0) {
			take_master(l, fd);
			return;
		}
		break;
	case MON_STARTED:
		l->started = 1;
		l->done = a->detach;
		break;
	case MON_EXIT:
		if (h->size == sizeof(a->exit))
			memcpy(&a->exit, data, sizeof(a->exit));
		l->done = 1;
		break;
	default:
		break;
	}
	fd_close_ptr(&fd);
}

static void read_frame(struct loop *l)
{
	struct {
		struct mon_head head;
		char data[MON_DATA_MAX];
	} m;
	int fd = -1;
	size_t n_fds = 1;
	ssize_t n = ns_recv_fds(l->a->sock, &m, sizeof(m), &fd, &n_fds);

	if (n == -EINTR || n == -EAGAIN || n == -ECONNRESET) /* protocol.h: call again */
		return;
	if (n < (ssize_t)sizeof(m.head) || m.head.size > (size_t)n - sizeof(m.head)) {
		l->a->lost = 1;
		l->done = 1;
		fd_close_ptr(&fd);
		return;
	}
	take_frame(l, &m.head, m.data, n_fds ? fd : -1);
}

static void loop_once(struct loop *l)
{
	const struct attach *a = l->a;
	int target = a->tty ? shared.master_fd : a->stdin_fd;
	int full = l->in.to > l->in.from;
	struct pollfd p[3] = {
		{.fd = a->sock, .events = POLLIN},
		/* Not before there is a place for it. */
		{.fd = a->interactive && l->started && !l->in.ended && !full && target >= 0
				? STDIN_FILENO
				: -1,
			.events = POLLIN},
		/* Without data: only to learn that nobody reads any more. */
		{.fd = full || !a->tty ? target : -1, .events = full ? POLLOUT : 0},
	};

	if (poll(p, 3, -1) < 0)
		return;
	if (p[2].revents) {
		if (full && p[2].revents & POLLOUT)
			write_input(l);
		else
			close_input(l);
	}
	if (p[1].revents)
		read_input(l);
	if (p[0].revents)
		read_frame(l);
}

void attach_run(struct attach *a)
{
	struct loop l = {.a = a};
	sigset_t set;

	shared.sock = a->sock;
	if (a->stdin_fd >= 0)
		fd_set_nonblock(a->stdin_fd, 1);
	if (!a->detach) {
		go_raw(a);
		install_handlers(a);
		attach_release_signals();
	}
	while (!l.done)
		loop_once(&l);
	all_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	shared.sock = -1;
	restore_terminal();
	fd_close_ptr(&shared.master_fd);
	fd_close_ptr(&a->stdin_fd);
	free(l.in.data);
}

void attach_wait_end(struct attach *a)
{
	char byte;
	ssize_t n;

	do
		n = recv(a->sock, &byte, 1, 0);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == ECONNRESET)));
}

void attach_say_clean(struct attach *a)
{
	const struct mon_head m = {MON_CLEAN, 0};

	send(a->sock, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}
