/* router.c: networks of ordinary users. router.h and router/router.h tell how it works. */
#define _GNU_SOURCE
#include "engine/router.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/helpers.h"
#include "engine/net_rows.h"
#include "engine/state.h"
#include "kernel/cidr.h"
#include "kernel/ns.h"
#include "router/protocol.h"

#define ANSWER_S 10 /* it waits for pasta, 3 s at most */
#define LOOK_AT_MAX 64

/* ---- one that is there ---- */

static struct sockaddr_un address(const struct engine *en)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	/* The run folder's own path may be longer than the 108 bytes that there are. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" ROUTER_SOCKET, en->runroot_fd);
	return a;
}

static int hear(int fd, struct router_answer *out, int *fds, size_t *n_fds)
{
	ssize_t n = ns_recv_fds(fd, out, sizeof(*out), fds, n_fds);

	return n < 0 ? (int)n : n == sizeof(*out) ? 0 : -ECONNRESET;
}

static int ask_namespaces(struct engine *en, int fd, int *out_user_fd, pid_t *out_pid)
{
	static const uint32_t hello = ROUTER_HELLO;
	struct router_answer a;
	int fds[ROUTER_FDS];
	size_t n = ROUTER_FDS;
	int r = send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) < 0 ? -errno : 0;

	if (r == 0)
		r = hear(fd, &a, fds, &n);
	if (r < 0)
		return r;
	if (n != ROUTER_FDS) {
		while (n > 0)
			close(fds[--n]);
		return -EBADMSG;
	}
	fd_close_ptr(&en->router_net_fd);
	en->router_net_fd = fds[ROUTER_FD_NET];
	*out_user_fd = fds[ROUTER_FD_USER];
	*out_pid = a.pid;
	return 0;
}

int router_hello(struct engine *en, pid_t *out_pid)
{
	const struct timeval patience = {.tv_sec = ANSWER_S};
	const struct sockaddr_un a = address(en);
	auto_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int user_fd = -1, r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -ENOENT;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r = ask_namespaces(en, fd, &user_fd, out_pid);
	if (r < 0)
		return r;
	fd_close_ptr(&en->router_fd);
	en->router_fd = take_fd(&fd);
	return user_fd;
}

int router_lock(struct engine *en, struct err *e)
{
	auto_fd int fd = openat(
		en->runroot_fd, ROUTER_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(e, errno, "lock %s/" ROUTER_LOCK, en->runroot);
	en->router_lock_fd = take_fd(&fd);
	return 0;
}

void router_unlock(struct engine *en)
{
	fd_close_ptr(&en->router_lock_fd);
}

/* ---- one that was killed ---- */

static ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int owner(int net_fd)
{
	int fd = ioctl(net_fd, NS_GET_USERNS);

	if (fd < 0)
		return -errno;
	fd_set_cloexec(fd, 1);
	return fd;
}

/* The namespace that a monitor is in, if it is neither ours nor gone. */
static int orphan_of(struct engine *en, int run_fd)
{
	const pid_t monitor = container_monitor(run_fd);
	auto_fd int own = ns_open(0, "net"), net = monitor > 0 ? ns_open(monitor, "net") : -ESRCH;
	int user;

	if (net < 0 || own < 0 || inode(net) == inode(own))
		return -ENOENT;
	user = owner(net);
	if (user >= 0) {
		fd_close_ptr(&en->router_net_fd);
		en->router_net_fd = take_fd(&net);
	}
	return user;
}

int router_orphan(struct engine *en)
{
	int fd = openat(en->runroot_fd, ENGINE_CONTAINERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	int r = -ENOENT;

	if (!d) {
		fd_close_ptr(&fd);
		return r;
	}
	for (int i = 0; r < 0 && i < LOOK_AT_MAX && (de = readdir(d));) {
		auto_fd int run = -1;
		if (strlen(de->d_name) != ENGINE_ID_LEN)
			continue;
		run = openat(dirfd(d), de->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = run < 0 ? -ENOENT : orphan_of(en, run);
		i++;
	}
	closedir(d);
	return r;
}

/* ---- a new one ---- */

int router_needed(const struct engine *en)
{
	auto_fd int net = -1, own = -1, user = -1;

	if (!en->nested)
		return 0;
	net = ns_open(0, "net");
	own = ns_open(0, "user");
	user = net < 0 ? -1 : owner(net); /* EPERM: of a namespace above ours */
	return user < 0 || own < 0 || inode(user) != inode(own);
}

static char *find_pasta(void)
{
	const char *path = getenv("PATH");
	auto_strv char **dirs = strv_split(path ? path : "/usr/bin:/bin", ":");

	strv_foreach (d, dirs) {
		char *file = xasprintf("%s/pasta", *d);
		if (**d == '/' && access(file, X_OK) == 0)
			return file;
		free(file);
	}
	return NULL;
}

static int listen_there(struct engine *en, struct err *e)
{
	const struct sockaddr_un a = address(en);
	auto_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	unlinkat(en->runroot_fd, ROUTER_SOCKET, 0); /* of one that was killed */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 128) < 0)
		return err_sys(e, errno, "make the socket %s/" ROUTER_SOCKET, en->runroot);
	return take_fd(&fd);
}

static _Noreturn void become_router(
	struct engine *en, const char *program, const char *pasta, int listen_fd)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char **argv = NULL;

	/* Not our child: nobody here waits for it. */
	if (fork() != 0)
		_exit(0);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (chdir("/") < 0)
		_exit(1);
	ns_close_from(3, 1);
	fd_set_cloexec(listen_fd, 0);
	fd_set_cloexec(en->runroot_fd, 0);
	strv_add(&argv, "hull-router");
	strv_add(&argv, "--listen-fd");
	strv_addf(&argv, "%d", listen_fd);
	strv_add(&argv, "--dir-fd");
	strv_addf(&argv, "%d", en->runroot_fd);
	strv_add(&argv, "--pasta");
	strv_add(&argv, pasta);
	if (en->router_net_fd >= 0) {
		fd_set_cloexec(en->router_net_fd, 0);
		strv_add(&argv, "--netns-fd");
		strv_addf(&argv, "%d", en->router_net_fd);
	}
	execv(program, argv);
	_exit(127);
}

static int spawn(struct engine *en, struct err *e)
{
	auto_free char *program = helpers_find("hull-router", e), *pasta = find_pasta();
	auto_fd int listen_fd = -1, user_fd = -1;
	pid_t pid;
	int status;

	if (!program)
		return -1;
	if (!pasta)
		return err_set(e, ERR_UNSUPPORTED,
			"networks of ordinary users take the program pasta: install the package "
			"passt, "
			"or use --network=none or --network=host");
	listen_fd = listen_there(en, e);
	if (listen_fd < 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_router(en, program, pasta, listen_fd);
	if (pid < 0)
		return err_sys(e, errno, "fork");
	ns_wait(pid, -1, -1, &status);
	fd_close_ptr(&listen_fd);
	user_fd = router_hello(en, &pid);
	return user_fd < 0 ? err_sys(e, user_fd, "start %s", program) : 0;
}

int router_start(struct engine *en, struct err *e)
{
	if (en->router_fd >= 0)
		return 0;
	en->router_is_new = en->router_net_fd >= 0;
	return spawn(en, e);
}

int router_enter(struct engine *en, struct err *e)
{
	int r;

	if (en->router_net_fd < 0 || en->idents.router)
		return 0;
	r = ns_join(en->router_net_fd, CLONE_NEWNET);
	if (r < 0)
		return err_sys(e, r, "enter the network namespace of this user's networks");
	en->idents.router = 1;
	return 0;
}

/* ---- ports ---- */

int router_check_ports(const struct publish_list *ports, struct err *e)
{
	if (ports->n > ROUTER_PORTS_MAX)
		return err_set(e, ERR_INVALID, "a container can have %d published ranges of ports",
			ROUTER_PORTS_MAX);
	for (size_t i = 0; i < ports->n; i++)
		if (ports->v[i].proto != IPPROTO_TCP && ports->v[i].proto != IPPROTO_UDP)
			return err_set(e, ERR_UNSUPPORTED,
				"port %u/%s: an ordinary user can publish tcp and udp only: run "
				"hull "
				"as root for others",
				ports->v[i].host_port, publish_proto_name(ports->v[i].proto));
	return 0;
}

int router_publish(int router_fd, const char *id, pid_t monitor, const struct publish_list *ports,
	const struct link_addr *addr4, const struct link_addr *addr6, struct err *e)
{
	struct router_request req = {
		.type = ROUTER_LEASE,
		.monitor = monitor,
		.has4 = addr4->family == AF_INET,
		.has6 = addr6->family == AF_INET6,
	};
	size_t len = offsetof(struct router_request, v);

	if (router_fd < 0)
		return 0;
	str_copy(req.id, sizeof(req.id), id);
	memcpy(req.addr4, addr4->bytes, sizeof(req.addr4));
	memcpy(req.addr6, addr6->bytes, sizeof(req.addr6));
	for (size_t i = 0; i < ports->n && i < ROUTER_PORTS_MAX; i++) {
		const struct publish *p = &ports->v[i];
		struct router_port *rp = &req.v[req.n++];
		rp->host_family = (uint8_t)p->host.family;
		rp->proto = p->proto;
		memcpy(rp->host, p->host.bytes, sizeof(rp->host));
		rp->host_port = p->host_port;
		rp->port = p->port;
		rp->n = p->n;
	}
	len += req.n * sizeof(req.v[0]);
	if (send(router_fd, &req, len, MSG_NOSIGNAL) < 0)
		return err_sys(e, errno, "ask hull-router for the container's ports");
	return 0;
}

static int no_port(const struct router_answer *a, struct err *e)
{
	const char *proto = publish_proto_name(a->proto);

	if (a->error == EADDRINUSE)
		return err_set(e, ERR_CONFLICT,
			"port %u/%s of the host is in use by another program: publish another one "
			"(ss -lnp shows who has it)",
			a->port, proto);
	if (a->error == EACCES && a->port < 1024)
		return err_set(e, ERR_DENIED,
			"ordinary users may not publish port %u/%s: take one from 1024 on, or have "
			"an administrator run: sysctl net.ipv4.ip_unprivileged_port_start=%u",
			a->port, proto, a->port);
	if (a->error == EADDRNOTAVAIL)
		return err_set(e, ERR_INVALID,
			"port %u/%s cannot be published: the address it is to have is none of this "
			"host's",
			a->port, proto);
	if (a->error == EMFILE || a->error == ENFILE)
		return err_set(e, ERR_DENIED,
			"port %u/%s cannot be published: each takes up to two descriptors, and "
			"this "
			"user may have no more open (ulimit -Hn)",
			a->port, proto);
	return err_sys(e, a->error, "publish port %u/%s", a->port, proto);
}

int router_published(int router_fd, struct err *e)
{
	struct router_answer a = {0};
	size_t n = 0;
	int r;

	if (router_fd < 0)
		return 0;
	r = hear(router_fd, &a, NULL, &n);
	if (r < 0)
		return err_sys(e, r, "ask hull-router for the container's ports");
	a.text[sizeof(a.text) - 1] = '\0';
	if (a.trouble == ROUTER_NO_PORT)
		return no_port(&a, e);
	if (a.trouble == ROUTER_NO_UPLINK)
		return err_set(e, ERR_SYSTEM,
			"pasta, which networks of ordinary users take, does not run: %s", a.text);
	return 0;
}

int router_publish_all(struct engine *en, struct err *e)
{
	if (!en->router_is_new)
		return 0;
	en->router_is_new = 0;
	return net_publish_running(en, e);
}
