/* dns.c: a network's name server: dnsmasq in a network namespace of its own.
 *
 * How it works, by process:
 *
 *	keeper			process 1				process 2
 *	------			---------				---------
 *	clone ----------------> (new net, pid, ipc, uts)
 *	plugs the cable
 *	go --------------------> addresses, sockets of the relay
 *				fork -------------------------------->	(new mount) sees the hosts
 *				back into the host's network,		files, as its user
 *				as its user: relay (relay.c)		exec dnsmasq
 *	"started" <-----------------------------------------------------
 *
 * There is no default route in its namespace: it reaches the containers of its network, and, where
 * names of the world are wanted, the relay, which hands queries to the host's own resolvers. So
 * resolvers on the host's loopback serve containers, no rule of the host's firewall for forwarding
 * is in the way, and from a network without a relay nothing leaves. Both are an unprivileged user
 * without capabilities, and die with the keeper. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "keeper/keeper.h"
#include "kernel/cidr.h"
#include "kernel/ns.h"
#include "kernel/signals.h"

#define PROGRAM "dnsmasq"
#define CABLE_INSIDE "eth0"
#define LOOPBACK 1	/* its index in every network namespace */
#define RELAY_PORT 1053 /* and the next ones, on 127.0.0.1 of the server's namespace */
#define USER "dnsmasq"	/* Debian's package makes it */
#define NOBODY 65534
#define HOSTS_IN "/run"
#define FDS_MAX 1024

int keep_dns_ready(const char *said)
{
	return strstr(said, ": started, version") != NULL;
}

static char *find_program(void)
{
	static const char more[] = ":/usr/local/sbin:/usr/sbin:/sbin";
	const char *path = getenv("PATH");
	auto_free char *all = xasprintf("%s%s", path ? path : "/usr/bin:/bin", more);

	for (char *save, *dir = strtok_r(all, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		char *file = xasprintf("%s/" PROGRAM, dir);
		if (access(file, X_OK) == 0)
			return file;
		free(file);
	}
	return NULL;
}

/* ---- process 2 ---- */

static void say(const char *what)
{
	fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(errno));
}

/* Nothing of the host's /run can be seen but the names. They lie in a folder that is closed to all
 * but root. A descriptor that was opened in another mount namespace could not be bound. */
static int show_hosts(const struct keep_spec *s)
{
	int fds[KEEP_HOSTS_MAX];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	for (size_t i = 0; i < s->n_hosts; i++) {
		char path[128];
		snprintf(path, sizeof(path), KEEPER_NAMES "/%s", s->hosts[i]);
		fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0)
			return -1;
	}
	if (mount("none", HOSTS_IN, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") < 0)
		return -1;
	for (size_t i = 0; i < s->n_hosts; i++) {
		char from[64], to[64];
		snprintf(from, sizeof(from), "/proc/self/fd/%d", fds[i]);
		snprintf(to, sizeof(to), HOSTS_IN "/%zu", i);
		if (mkdir(to, 0755) < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0 ||
			mount(NULL, to, NULL,
				MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
				NULL) < 0)
			return -1;
	}
	return 0;
}

static int drop_privileges(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static char **arguments(const struct keep_spec *s, size_t n_upstreams, int may_bind)
{
	static const char *const fixed[] = {PROGRAM, "--keep-in-foreground",
		"--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--bind-interfaces",
		"--pid-file=", "--log-facility=-", "--domain-needed", "--cache-size=1000"};
	char **argv = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(&argv, fixed[i]);
	if (!may_bind)
		strv_add(&argv, "--user=" USER);
	for (size_t i = 0; i < s->n_addrs; i++) {
		const struct link_addr net = cidr_network(&s->addrs[i]);
		char text[CIDR_TEXT_MAX];
		cidr_address_text(&s->addrs[i], text);
		strv_addf(&argv, "--listen-address=%s", text);
		/* Who is not there is not asked for elsewhere. */
		cidr_text(&net, text);
		strv_addf(&argv, "--rev-server=%s", text);
	}
	for (size_t i = 0; i < s->n_hosts; i++)
		strv_addf(&argv, "--hostsdir=" HOSTS_IN "/%zu", i);
	for (size_t i = 0; i < n_upstreams; i++)
		strv_addf(&argv, "--server=127.0.0.1#%zu", RELAY_PORT + i);
	return argv;
}

struct scene {
	const struct keep_spec *spec;
	const char *program;
	uid_t uid;
	gid_t gid;
	int host_net, alive_fd, said_fd;
	int may_bind; /* port 53, without a capability */
};

static _Noreturn void run_server(const struct scene *c, size_t n_upstreams)
{
	const struct rlimit fds = {FDS_MAX, FDS_MAX};
	char **argv = arguments(c->spec, n_upstreams, c->may_bind);

	sigset_t none;

	sigemptyset(&none);
	signals_reset_all();
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(c->said_fd, 2);
	setrlimit(RLIMIT_NOFILE, &fds);
	if (show_hosts(c->spec) < 0)
		say("show it the names");
	else if (c->may_bind && drop_privileges(c->uid, c->gid) < 0)
		say("become an ordinary user");
	else if (execv(c->program, argv) < 0)
		say(c->program);
	_exit(127);
}

/* ---- process 1 ---- */

static int set_up_network(struct scene *c)
{
	auto_fd int route_fd = nl_open(NETLINK_ROUTE);
	int index = route_fd < 0 ? route_fd : link_index(route_fd, CABLE_INSIDE);
	int r = index < 0 ? index : link_up(route_fd, LOOPBACK);

	fd_write_value(AT_FDCWD, "/proc/sys/net/ipv6/conf/" CABLE_INSIDE "/accept_ra", "0");
	/* Since 4.11; before, the server starts as root and changes its user itself. */
	c->may_bind = fd_write_value(
			      AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0") == 0;
	if (r >= 0)
		r = link_up(route_fd, index);
	for (size_t i = 0; r >= 0 && i < c->spec->n_addrs; i++)
		r = link_addr_add(route_fd, index, &c->spec->addrs[i]);
	return r;
}

static int open_relay_socket(int type, size_t i)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)(RELAY_PORT + i)),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	auto_fd int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	if (type == SOCK_STREAM && listen(fd, 16) < 0)
		return -1;
	return take_fd(&fd);
}

static int open_relay(const struct scene *c, struct relay *r)
{
	char upstreams[KEEP_UPSTREAMS_MAX][KEEP_WORD_MAX];

	*r = (struct relay){.spec = c->spec, .alive_fd = c->alive_fd};
	if (!c->spec->forward)
		return 0;
	/* One at least: there may be some later. */
	r->n = relay_choose(c->spec, upstreams);
	if (r->n == 0)
		r->n = 1;
	for (size_t i = 0; i < r->n; i++) {
		r->udp[i] = open_relay_socket(SOCK_DGRAM, i);
		r->tcp[i] = open_relay_socket(SOCK_STREAM, i);
		if (r->udp[i] < 0 || r->tcp[i] < 0)
			return -1;
	}
	return 0;
}

static _Noreturn void run_first(struct scene *c)
{
	struct relay relay;
	char go;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(c->alive_fd, &go, 1) != 1)
		_exit(1);
	r = set_up_network(c);
	if (r < 0) {
		errno = -r;
		dup2(c->said_fd, 2);
		say("set up its interface");
		_exit(1);
	}
	if (open_relay(c, &relay) < 0)
		_exit(1);
	relay.child = fork();
	if (relay.child == 0)
		run_server(c, relay.n);
	close(c->said_fd);
	if (relay.child < 0 || ns_join(c->host_net, CLONE_NEWNET) < 0 ||
		drop_privileges(c->uid, c->gid) < 0)
		_exit(1);
	prctl(PR_SET_NAME, "hull-relay");
	/* Gone with the change of users; alive_fd tells what was missed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	relay_run(&relay);
}

/* ---- the keeper ---- */

static void find_user(struct scene *c)
{
	const struct passwd *p = getpwnam(USER);

	c->uid = p && p->pw_uid ? p->pw_uid : NOBODY;
	c->gid = p && p->pw_gid ? p->pw_gid : NOBODY;
}

/* All of the keeper's but these: it holds the ends by which others know that it lives. */
static void close_others(struct scene *c)
{
	int *const keep[] = {&c->host_net, &c->alive_fd, &c->said_fd};
	int next = 3;

	/* Upwards first, so that none is overwritten on its way down. */
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		*keep[i] = fcntl(*keep[i], F_DUPFD_CLOEXEC, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		*keep[i] = dup3(*keep[i], next++, O_CLOEXEC);
	ns_close_from(next, 0);
}

static int plug(const struct keep_spec *s, const char *key, pid_t pid, struct err *e)
{
	auto_fd int fd = nl_open(NETLINK_ROUTE);
	char cable[IFNAMSIZ];
	struct link_veth v = {
		.name = cable,
		.peer_name = CABLE_INSIDE,
		.peer_pid = pid,
		.mtu = s->mtu,
	};
	int r = fd;

	/* Two of one network follow on each other while the first one's is being taken apart. */
	snprintf(cable, sizeof(cable), "hd%.7s%05u", key, (unsigned)pid % 100000);
	if (s->n_addrs)
		cidr_mac(&s->addrs[0], v.peer_mac);
	if (r >= 0)
		r = v.master = link_index(fd, s->bridge);
	if (r >= 0)
		r = link_veth_add(fd, &v);
	return r < 0 ? err_sys(e, r, "plug the name server into the network %s", s->name) : 0;
}

int keep_dns_start(
	const struct keep_spec *s, const char *key, struct keep_child *out, struct err *e)
{
	auto_free char *program = find_program();
	auto_fd int host_net = ns_open(0, "net"), alive = -1, alive_end = -1, said = -1,
		    said_end = -1, pidfd = -1;
	struct scene scene = {.spec = s, .program = program};
	pid_t pid;

	if (!program)
		return err_set(e, ERR_UNSUPPORTED,
			"names in network %s take the program " PROGRAM
			": install the package dnsmasq-base",
			s->name);
	if (host_net < 0 || fd_pipe(&alive_end, &alive) < 0 || fd_pipe(&said, &said_end) < 0)
		return err_sys(e, errno, "start the name server of network %s", s->name);
	find_user(&scene);
	pid = ns_clone(CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, -1, &pidfd);
	if (pid == 0) {
		scene.host_net = host_net;
		scene.alive_fd = alive_end;
		scene.said_fd = said_end;
		close_others(&scene);
		run_first(&scene);
	}
	if (pid < 0)
		return err_sys(e, pid, "start the name server of network %s", s->name);
	*out = (struct keep_child){.pid = pid, .alive_fd = take_fd(&alive)};
	out->said_fd = take_fd(&said);
	fd_set_nonblock(out->said_fd, 1);
	if (plug(s, key, pid, e) < 0 || write(out->alive_fd, "g", 1) != 1) {
		fd_close_ptr(&out->alive_fd);
		fd_close_ptr(&out->said_fd);
		kill(pid, SIGKILL);
		return -1;
	}
	return 0;
}
