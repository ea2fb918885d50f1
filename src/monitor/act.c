/* act.c: the actions of the monitor's table. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "kernel/cgroup.h"
#include "kernel/ns.h"
#include "monitor/monitor.h"

#define UNDO_MAX (16 << 20)
#define SEND_MAX 100000 /* what a send buffer of the default size takes for sure */

#define NAMES_MAX 8192	 /* a hundred networks */
#define FAIL_MAX_MS 5000 /* a killed process that does not die hangs in the kernel */
#define TEAR_DOWN_MAX_MS 2000
#define TTY_LEFT_MAX 65536 /* more than the kernel keeps of a pty's output (12 KiB) */

void act_none(struct monitor *m, struct monitor_news *n)
{
}

/* Signals are sent by pid, not by pidfd: nobody else can wait for our child, so the number is its
 * own until we have. */
static void kill_child(struct monitor *m, int sig)
{
	if (!m->reaped)
		kill(m->o.pid, sig);
}

void act_console(struct monitor *m, struct monitor_news *n)
{
	if (n->fd < 0)
		return;
	fd_close_ptr(&m->out[0].fd);
	m->out[0].fd = take_fd(&n->fd);
	m->o.terminal = 1;
	m->owed |= OWE_STDIN;
}

void act_warn(struct monitor *m, struct monitor_news *n)
{
	client_warn(m, n->err->text);
}

void act_start(struct monitor *m, struct monitor_news *n)
{
	const struct sync_msg go = {.type = SYNC_START};

	/* A child that is gone shows as end of file. */
	send(m->o.sync_fd, &go, SYNC_SHORT, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void set_error(struct monitor *m, const char *text)
{
	m->error = (struct err){.kind = ERR_SYSTEM, .status = 125};
	str_copy(m->error.text, sizeof(m->error.text), text);
}

static void give_up(struct monitor *m)
{
	kill_child(m, SIGKILL);
	monitor_deadline(m, FAIL_MAX_MS);
}

void act_fail(struct monitor *m, struct monitor_news *n)
{
	m->error = *n->err;
	give_up(m);
}

/* End of file before READY: act_bury will say how it ended. */
void act_lose(struct monitor *m, struct monitor_news *n)
{
	give_up(m);
}

void act_slow(struct monitor *m, struct monitor_news *n)
{
	set_error(m, m->state == ST_BUILDING
			     ? "the container's root file system was not ready within 60 seconds"
			     : "the container's program was not executed within 60 seconds");
	give_up(m);
}

static void warn_write(struct monitor *m, const char *file, int r)
{
	char text[128];

	if (r >= 0)
		return;
	snprintf(text, sizeof(text), "write the container's file \"%s\": %s", file, strerror(-r));
	client_warn(m, text);
}

void act_run(struct monitor *m, struct monitor_news *n)
{
	m->exit.started = 1;
	m->exit.started_ns = time_now_ns();
	monitor_deadline(m, -1);
	/* Before STARTED: who hears of it finds the file. */
	warn_write(m, "state", record_state(m));
	m->owed |= OWE_STARTED;
	for (int sig = 1; m->kept; sig++, m->kept >>= 1)
		if (m->kept & 1)
			kill_child(m, sig);
}

/* Before the program runs, the child is code of ours that would die of a signal, or, being the
 * first of its pid namespace, never see it. */
void act_keep(struct monitor *m, struct monitor_news *n)
{
	if (n->signal == SIGKILL)
		kill_child(m, SIGKILL);
	else
		m->kept |= UINT64_C(1) << (n->signal - 1);
}

void act_kill(struct monitor *m, struct monitor_news *n)
{
	kill_child(m, n->signal);
}

/* Somebody stops all that runs: the machine's end, systemd with the unit in which we are. They kill
 * us a little later, and what we have not recorded by then nobody knows; so the program's time is
 * ours to measure. */
void act_stop(struct monitor *m, struct monitor_news *n)
{
	kill_child(m, n->signal);
	monitor_deadline(m, MON_STOP_MS);
}

void act_overdue(struct monitor *m, struct monitor_news *n)
{
	kill_child(m, SIGKILL);
	monitor_deadline(m, -1);
}

static void record_end(struct monitor *m)
{
	m->exit.finished_ns = time_now_ns();
	m->exit.oom = cgroup_oom_killed(m->o.cgroups);
	warn_write(m, "exit", record_exit(m));
}

/* The program has ended. What it wrote before is in the pipes now, and they say how much that is:
 * who else may hold them open cannot make us wait. A terminal does not say it exactly (some is
 * still on its way through the line discipline), but ends by itself: the death of a session's
 * leader hangs it up. */
void act_reap(struct monitor *m, struct monitor_news *n)
{
	int status = m->wait_status;

	m->exit.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	m->exit.status = m->exit.signal ? 128 + m->exit.signal : WEXITSTATUS(status);
	record_end(m);
	for (int i = 0; i < 2; i++) {
		int bytes = 0;
		if (m->o.terminal || ioctl(m->out[i].fd, FIONREAD, &bytes) < 0)
			bytes = TTY_LEFT_MAX;
		m->out[i].left = bytes;
		m->out[i].parked_ns = 0;
	}
	monitor_deadline(m, QUIET_MS);
}

static void describe_death(struct monitor *m)
{
	static const char what[] = "the container's first process ended before its program ran";

	set_error(m, "");
	if (!m->reaped)
		snprintf(m->error.text, sizeof(m->error.text), "%s: it cannot be killed", what);
	else if (WIFSIGNALED(m->wait_status))
		snprintf(m->error.text, sizeof(m->error.text), "%s: killed by signal %d", what,
			WTERMSIG(m->wait_status));
	else
		snprintf(m->error.text, sizeof(m->error.text), "%s: exit status %d", what,
			WEXITSTATUS(m->wait_status));
}

static void tear_down(struct monitor *m)
{
	/* Of a container with a pid namespace nothing is left when its first process has died. */
	if (cgroup_remove(m->o.cgroups, 0) < 0) {
		cgroup_kill(m->o.cgroups);
		cgroup_remove(m->o.cgroups, TEAR_DOWN_MAX_MS);
	}
	if (m->o.state_fd >= 0)
		unlinkat(m->o.state_fd, "state", 0);
}

/* The bytes of one transaction: up to and with the message that ends it. */
static size_t transaction_size(const char *bytes, size_t size)
{
	for (size_t at = 0; at + NLMSG_HDRLEN <= size;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(bytes + at);
		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > size - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
		if (h->nlmsg_type == NFNL_MSG_BATCH_END)
			return at < size ? at : size;
	}
	return size;
}

/* The published ports of the container, taken out of the kernel's rules by the message that whoever
 * opened them left for this (engine/net.c), each transaction by itself. Before anybody hears of the
 * end: the port is free then. The socket is closed with us: a close waits for an RCU grace period,
 * 10 to 20 ms. */
static void close_ports(struct monitor *m)
{
	int file = m->o.state_fd < 0
			   ? -1
			   : openat(m->o.state_fd, "undo", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	void *bytes;
	int fd, size;

	if (file < 0)
		return;
	if (fstat(file, &st) == 0 && st.st_size > 0 && st.st_size <= UNDO_MAX) {
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
		size = (int)st.st_size * 2;
		if (bytes != MAP_FAILED && fd >= 0) {
			if (st.st_size > SEND_MAX)
				setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
			for (size_t at = 0, n; at < (size_t)st.st_size; at += n) {
				n = transaction_size((char *)bytes + at, (size_t)st.st_size - at);
				send(fd, (char *)bytes + at, n, 0);
			}
		}
		if (bytes != MAP_FAILED)
			munmap(bytes, (size_t)st.st_size);
	}
	close(file);
}

/* The names by which others find the container: files beneath the run folder, named by its id, in
 * folders that whoever wrote them listed for this (engine/net_names.c). */
static void remove_names(struct monitor *m)
{
	int file = m->o.state_fd < 0
			   ? -1
			   : openat(m->o.state_fd, "names", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char list[NAMES_MAX];
	ssize_t n;

	if (file < 0)
		return;
	n = read(file, list, sizeof(list) - 1);
	close(file);
	list[n > 0 ? n : 0] = '\0';
	for (char *line = list, *end; (end = strchr(line, '\n')); line = end + 1) {
		char path[256];
		*end = '\0';
		snprintf(path, sizeof(path), "../../%.160s/%.64s", line, m->o.id);
		unlinkat(m->o.state_fd, path, 0);
	}
}

/* The client hears the end first: its user need not wait for the tear-down. (A message wakes its
 * reader on our own processor, where it would wait for us: it gets its turn now.) */
static void tell_end(struct monitor *m, unsigned owed)
{
	close_ports(m);
	remove_names(m);
	monitor_deadline(m, -1);
	m->owed |= owed;
	client_flush(m);
	if (m->o.client_fd >= 0)
		sched_yield();
	tear_down(m);
}

/* The program never ran. */
void act_bury(struct monitor *m, struct monitor_news *n)
{
	if (!m->error.text[0])
		describe_death(m);
	m->exit.status = m->error.status ? m->error.status : 125;
	record_end(m);
	tell_end(m, OWE_ERROR | OWE_EXIT);
}

/* The client is slow, or a terminal is still open somewhere: what shares the container's cgroup
 * dies with its first process, whether or not it shares its pid namespace. From now on the time
 * that the client takes does not count (loop.c), and silence ends it. */
void act_cut(struct monitor *m, struct monitor_news *n)
{
	cgroup_kill(m->o.cgroups);
	monitor_deadline(m, QUIET_MS);
}

void act_finish(struct monitor *m, struct monitor_news *n)
{
	tell_end(m, OWE_EXIT);
}

void act_clean(struct monitor *m, struct monitor_news *n)
{
	m->clean = 1;
}

/* A pty has one stream, and losing it would be a hang-up. */
void act_close(struct monitor *m, struct monitor_news *n)
{
	if (!m->o.terminal && (n->signal == 1 || n->signal == 2))
		fd_close_ptr(&m->out[n->signal - 1].fd);
}

void act_termios(struct monitor *m, struct monitor_news *n)
{
	fd_close_ptr(&m->tty_fd);
	m->tty_fd = take_fd(&n->fd);
	m->tty = *n->tty;
}

/* End of file tells the client that the tear-down is over. Its own end stays open while it has
 * something to do that would be the monitor's if it died: --rm, its terminal. */
void act_hang_up(struct monitor *m, struct monitor_news *n)
{
	int wait = m->o.client_fd >= 0 && !m->clean && (m->o.cleanup || m->tty_fd >= 0);

	if (m->o.client_fd >= 0)
		shutdown(m->o.client_fd, SHUT_WR);
	monitor_deadline(m, wait ? MON_CLEAN_MS : 0);
}

/* What only --rm needs, when the client cannot do it: hull itself, in place of the monitor. The
 * locks and all other descriptors end before: no monitor is left for this container. */
static void become_cleanup(struct monitor *m)
{
	const char *argv[10];
	sigset_t none;
	int n = 0;

	argv[n++] = m->o.cleanup;
	if (m->o.root) {
		argv[n++] = "--root";
		argv[n++] = m->o.root;
	}
	if (m->o.runroot) {
		argv[n++] = "--runroot";
		argv[n++] = m->o.runroot;
	}
	argv[n++] = "container";
	argv[n++] = "cleanup";
	argv[n++] = m->o.id;
	argv[n] = NULL;
	ns_close_from(3, 0);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(m->o.cleanup, (char *const *)argv);
}

void act_leave(struct monitor *m, struct monitor_news *n)
{
	if (m->o.cleanup && !m->clean)
		become_cleanup(m);
}
