/* main.c: hull-monitor: guardian of one container, parent of its first process. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/ns.h"
#include "monitor/monitor.h"

/* All that the monitor has; pages of it that are never written to cost nothing. */
static struct monitor monitor;

/* What a shell or script left open without CLOEXEC must not live as long as the container: somebody
 * may be waiting for the end of that pipe. */
static void close_strangers(const struct monitor_options *o)
{
	const int named[] = {o->sync_fd, o->client_fd, o->out_fd, o->err_fd, o->state_fd,
		o->record_fd, o->lock_fd, o->users_fd};
	const size_t n_named = sizeof(named) / sizeof(named[0]);
	int highest = 2;

	for (size_t i = 0; i < n_named; i++)
		if (named[i] > highest)
			highest = named[i];
	for (int fd = 3; fd < highest; fd++) {
		size_t i = 0;
		while (i < n_named && named[i] != fd)
			i++;
		if (i == n_named)
			close(fd);
	}
	ns_close_from(highest + 1, 0);
}

/* Away from the terminal, the working directory and the descriptors of whoever started the
 * container. */
static void detach(const struct monitor_options *o)
{
	int null;

	setsid(); /* the keyboard's signals are for the client; fails harmlessly for a group's
		     leader */
	close_strangers(o);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	if (null > 2)
		close(null);
	if (chdir("/") < 0)
		return; /* no reason not to guard the container */
}

/* SIGCHLD and SIGTERM become readable; the rest of what people send to whole groups is not for us.
 */
static int open_signals(void)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
	sigset_t set;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, the kernel would throw the exit status away */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	struct monitor_options o;
	struct err e;

	umask(077);
	if (monitor_options_parse(argc, argv, &o, &e) < 0) {
		dprintf(2, "hull-monitor: %s\n", e.text);
		return 125;
	}
	detach(&o);
	monitor_init(&monitor, &o);
	monitor.signal_fd = open_signals();
	if (monitor.signal_fd < 0)
		return 125; /* the container's first process dies with its parent */
	monitor_loop(&monitor);
	return 0;
}
