/* main.c: hull-keeper: what the containers with a network of one run folder have in common. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "keeper/keeper.h"
#include "kernel/ns.h"

#define LINGER_NS (500 * INT64_C(1000000)) /* the next container may come */

enum source { USERS, CLIENTS, SIGNALS, NFT, INOTIFY, SOURCES };

struct keeper {
	int fds[SOURCES];
	int lock_fd;
	int64_t idle_ns; /* since when nobody is there, 0: somebody is */
	int stop;	 /* SIGTERM */
};

static int parse(int argc, char **argv, struct heal_options *o)
{
	const struct {
		const char *name, **value;
	} known[] = {{"--runroot", &o->runroot}, {"--root", &o->root}, {"--hull", &o->hull},
		{"--table", &o->table}};

	for (int i = 1; i + 1 < argc; i += 2)
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			if (streq(argv[i], known[k].name))
				*known[k].value = argv[i + 1];
	return o->runroot && o->root && o->hull && o->table ? 0 : -1;
}

/* Away from whoever started the first container: its session, its descriptors, its children. */
static int detach(const char *runroot)
{
	int null;

	ns_close_from(3, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (fork() != 0)
		_exit(0);
	setsid();
	umask(077);
	return chdir(runroot);
}

/* 1: we are the keeper. */
static int take_lock(struct keeper *k, int type)
{
	struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET};

	return fcntl(k->lock_fd, F_OFD_SETLK, &lock) == 0;
}

static int open_socket(void)
{
	const struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = KEEPER_SOCKET};
	auto_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(KEEPER_SOCKET);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 128) < 0)
		return -1;
	return take_fd(&fd);
}

static int open_signals(void)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
	sigset_t set;

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Nobody has the fifo open for writing: read(2) says end of file. */
static int has_users(const struct keeper *k)
{
	char byte;

	return read(k->fds[USERS], &byte, 1) != 0;
}

static void read_signals(struct keeper *k)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(k->fds[SIGNALS], &info, sizeof(info)) == sizeof(info))
		k->stop |= info.ssi_signo == SIGTERM;
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		if (!heal_reaped(pid, status))
			programs_reaped(pid);
}

static int wait_ms(const struct keeper *k)
{
	const int64_t times[] = {
		programs_next_ns(), heal_next_ns(), k->idle_ns ? k->idle_ns + LINGER_NS : 0};
	int64_t next = 0, ms;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i] && (!next || times[i] < next))
			next = times[i];
	if (!next)
		return -1;
	ms = (next - time_mono_ns() + 999999) / 1000000;
	return ms < 0 ? 0 : (int)ms;
}

static void dispatch(struct keeper *k, const struct pollfd *p, size_t n)
{
	int fd;

	if (p[USERS].revents & POLLHUP)
		k->idle_ns = time_mono_ns();
	if (p[SIGNALS].revents)
		read_signals(k);
	if (p[NFT].revents)
		heal_read();
	if (p[CLIENTS].revents &&
		(fd = accept4(k->fds[CLIENTS], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		programs_add_client(fd);
	programs_dispatch(p + SOURCES, n - SOURCES);
	programs_due();
	heal_due();
}

/* Until nobody is there any more, and nobody came for a while. */
static void serve(struct keeper *k)
{
	k->idle_ns = time_mono_ns();
	while (!k->stop) {
		struct pollfd p[SOURCES + PROGRAMS_FDS_MAX];
		size_t n = SOURCES;

		for (size_t i = 0; i < SOURCES; i++)
			p[i] = (struct pollfd){.fd = k->fds[i], .events = POLLIN};
		if (k->idle_ns) /* its end would wake us again and again */
			p[USERS].fd = -1;
		n += programs_watch(p + SOURCES, PROGRAMS_FDS_MAX);
		if (poll(p, n, wait_ms(k)) < 0)
			memset(p, 0, sizeof(p));
		dispatch(k, p, n);
		if (k->idle_ns && time_mono_ns() - k->idle_ns >= LINGER_NS) {
			if (!has_users(k))
				return;
			k->idle_ns = 0;
		}
	}
}

static int open_all(struct keeper *k, const struct heal_options *o)
{
	if (mkfifo(KEEPER_USERS, 0600) < 0 && errno != EEXIST)
		return -1;
	k->fds[USERS] = open(KEEPER_USERS, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	k->lock_fd = open(KEEPER_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	k->fds[SIGNALS] = open_signals();
	k->fds[INOTIFY] = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	programs_init(k->fds[INOTIFY]);
	return k->fds[USERS] < 0 || k->lock_fd < 0 || k->fds[SIGNALS] < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct keeper k = {0};
	struct heal_options o = {0};

	if (parse(argc, argv, &o) < 0) {
		dprintf(2, "hull-keeper: --runroot, --root, --hull and --table are needed: hull "
			   "starts this program, people do not\n");
		return 125;
	}
	if (detach(o.runroot) < 0 || open_all(&k, &o) < 0)
		return 125;
	/* Who came while we gave the lock back, and saw it held, is ours as well. */
	while (take_lock(&k, F_WRLCK)) {
		k.fds[NFT] = heal_init(&o);
		k.fds[CLIENTS] = open_socket();
		programs_scan();
		serve(&k);
		programs_end();
		unlink(KEEPER_SOCKET);
		fd_close_ptr(&k.fds[CLIENTS]);
		fd_close_ptr(&k.fds[NFT]);
		take_lock(&k, F_UNLCK);
		if (k.stop || !has_users(&k))
			break;
	}
	return 0;
}
