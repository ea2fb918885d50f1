/* pasta.c: pasta(1), the way out of the router's namespace. Process: hull-router's first, in the
 * host's network namespace.
 *
 * How it works: pasta gives the namespace a tap with addresses of ours, which are not the host's:
 * so the host itself can be reached, and nothing changes when the host's addresses do. It opens
 * sockets of the user's for what comes. All options are those of the version of 2023 and work with
 * later ones. Its mount namespace gets the network namespace as a file at a place where the
 * AppArmor profile of Debian and Ubuntu lets it look (/run/user/UID/netns), visible to nobody else.
 *
 * A pasta that ends is started again, at once, and then ever more slowly. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "router/router.h"

#define TAP "uplink"
#define TUN "/dev/net/tun"
#define LINE_MAX_BYTES 256
#define UP_MAX_MS 3000	  /* it is taken for up after this, whatever it does */
#define STEADY_MS 10000	  /* who has lived so long begins anew */
#define PAUSE_MAX_MS 5000 /* between two starts */

/* ---- which interface of the host it may look like ---- */

/* The name in the first line whose destination is the default one. */
static int default_interface(const char *file, int six, char out[IFNAMSIZ])
{
	FILE *f = fopen(file, "re");
	char line[LINE_MAX_BYTES], name[64], destination[64], length[8];
	int found = 0;

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (six)
			found = sscanf(line, "%63s %7s %*s %*s %*s %*s %*s %*s %*s %63s",
					destination, length, name) == 3 &&
				strspn(destination, "0") == 32 && streq(length, "00") &&
				!streq(name, "lo");
		else
			found = sscanf(line, "%63s %63s", name, destination) == 2 &&
				streq(destination, "00000000");
	}
	if (f)
		fclose(f);
	if (found)
		str_copy(out, IFNAMSIZ, name);
	return found;
}

static int any_interface(char out[IFNAMSIZ])
{
	struct ifaddrs *all;
	int found = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *a = all; a && !found; a = a->ifa_next)
		if (a->ifa_addr && a->ifa_flags & IFF_UP && !(a->ifa_flags & IFF_LOOPBACK) &&
			(a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6)) {
			str_copy(out, IFNAMSIZ, a->ifa_name);
			found = 1;
		}
	freeifaddrs(all);
	return found;
}

/* ---- the process ---- */

static int make_place(const char *top, const char *file)
{
	char path[64];
	int fd;

	if (mount("tmpfs", top, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") < 0)
		return -errno;
	str_copy(path, sizeof(path), file);
	for (char *p = path + strlen(top) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* A file that is the namespace, for this process and its children only. */
static const char *show_namespace(int netns_fd)
{
	static const char *const places[][2] = {
		{"/run/user", "/run/user/0/netns/hull"}, {"/tmp", "/tmp/netns/hull"}};
	char from[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", netns_fd);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (make_place(places[i][0], places[i][1]) == 0 &&
			mount(from, places[i][1], NULL, MS_BIND, NULL) == 0)
			return places[i][1];
	return NULL;
}

static _Noreturn void become_pasta(
	const struct pasta *p, const char *interface, int said_fd, pid_t parent)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const env[] = {path, NULL};
	const char *place;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	dup2(said_fd, STDERR_FILENO);
	place = show_namespace(p->netns_fd);
	if (!place) {
		dprintf(STDERR_FILENO, "cannot show it the network namespace: %s\n",
			strerror(errno));
		_exit(1);
	}
	const char *const argv[] = {"pasta", "--foreground", "--quiet", "--config-net",
		"--ns-ifname", TAP, "--interface", interface, "--address", "169.254.78.2",
		"--netmask", "255.255.255.252", "--gateway", "169.254.78.1", "--address",
		"fd77:6875:6c6d::2", "--gateway", "fd77:6875:6c6d::1", "--no-map-gw",
		"--dns-forward", ROUTER_DNS, "--tcp-ports", "none", "--udp-ports", "none",
		"--tcp-ns", "none", "--udp-ns", "none", "--netns-only", "--netns", place, NULL};
	execve(p->program, (char *const *)argv, env);
	dprintf(STDERR_FILENO, "%s: %s\n", p->program, strerror(errno));
	_exit(127);
}

static void plan_again(struct pasta *p)
{
	int pause = p->tries > 8 ? PAUSE_MAX_MS : 20 << p->tries;

	p->tries++;
	p->again_ms = router_now_ms() + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

/* pasta itself only says that it failed. */
static int has_tun(struct pasta *p)
{
	auto_fd int fd = open(TUN, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return 1;
	snprintf(p->said, sizeof(p->said), TUN ": %s (%s)", strerror(errno),
		errno == EACCES ? "root opens it to users: chmod 666 " TUN
				: "root loads the module: modprobe tun");
	p->state = PASTA_FAILED;
	return 0;
}

void pasta_start(struct pasta *p)
{
	char interface[IFNAMSIZ];
	const pid_t self = getpid();
	auto_fd int in = -1, out = -1;

	p->again_ms = 0;
	p->state = PASTA_IDLE;
	/* Without any, this version of pasta ends; the events of interfaces bring us here again. */
	if (!default_interface("/proc/net/route", 0, interface) &&
		!default_interface("/proc/net/ipv6_route", 1, interface) &&
		!any_interface(interface))
		return;
	p->said[0] = '\0';
	if (!has_tun(p))
		return;
	if (fd_pipe(&in, &out) < 0 || (p->pid = fork()) < 0) {
		p->pid = 0;
		plan_again(p);
		return;
	}
	if (p->pid == 0)
		become_pasta(p, interface, out, self);
	fd_set_nonblock(in, 1);
	p->said_fd = take_fd(&in);
	p->started_ms = router_now_ms();
	p->state = PASTA_STARTING;
}

/* One line, without what it says of its log. */
static void keep_line(struct pasta *p, char *line)
{
	size_t have = strlen(p->said);

	if (!*line || str_after(line, "Failed to send") || str_after(line, "No external routable"))
		return;
	snprintf(p->said + have, sizeof(p->said) - have, "%s%s", have ? "; " : "", line);
}

void pasta_read(struct pasta *p)
{
	char text[4096], *rest = text, *line;
	ssize_t n = read(p->said_fd, text, sizeof(text) - 1);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		fd_close_ptr(&p->said_fd);
		return;
	}
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")))
		keep_line(p, line);
}

void pasta_ended(struct pasta *p, int status)
{
	const int never_up = p->state == PASTA_STARTING;

	while (p->said_fd >= 0) { /* what it said last */
		const size_t before = strlen(p->said);
		pasta_read(p);
		if (p->said_fd >= 0 && strlen(p->said) == before)
			fd_close_ptr(&p->said_fd);
	}
	p->pid = 0;
	if (never_up && p->tries == 0) {
		if (!p->said[0])
			snprintf(p->said, sizeof(p->said), "it ended with status %d", status);
		p->state = PASTA_FAILED;
		return;
	}
	if (router_now_ms() - p->started_ms > STEADY_MS)
		p->tries = 1;
	p->state = PASTA_IDLE;
	plan_again(p);
}

void pasta_is_up(struct pasta *p)
{
	if (p->state == PASTA_STARTING) {
		p->state = PASTA_UP;
		p->tries = p->tries ? p->tries : 1; /* from now on it is started again */
	}
}

void pasta_tick(struct pasta *p)
{
	const int64_t now = router_now_ms();

	if (p->state == PASTA_STARTING && now - p->started_ms >= UP_MAX_MS)
		pasta_is_up(p);
	if (p->state == PASTA_IDLE && (!p->again_ms || now >= p->again_ms))
		pasta_start(p);
}

int pasta_timeout_ms(const struct pasta *p)
{
	int64_t at = p->state == PASTA_STARTING		     ? p->started_ms + UP_MAX_MS
		     : p->state == PASTA_IDLE && p->again_ms ? p->again_ms
							     : 0;

	if (!at)
		return -1;
	at -= router_now_ms();
	return at < 0 ? 0 : (int)at + 1;
}
