/* listeners.c: who waits for packets at the ports of this network namespace. */
#define _GNU_SOURCE
#include "kernel/listeners.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cidr.h"

/* Of the kernel's net/tcp_states.h; UDP uses the same numbers. */
#define STATE_CLOSE 7
#define STATE_LISTEN 10

void listeners_done(struct listeners *l)
{
	free(l->v);
	*l = (struct listeners){0};
}

struct visit {
	struct listeners *l;
	uint8_t proto;
};

static int add(const struct nlmsghdr *h, void *ctx)
{
	const struct visit *v = ctx;
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct listener one = {.proto = v->proto};
	const uint8_t *v6only;
	size_t len;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return 0;
	one.addr.family = m->idiag_family;
	one.addr.prefix = (uint8_t)(cidr_len(m->idiag_family) * 8);
	memcpy(one.addr.bytes, m->id.idiag_src, cidr_len(m->idiag_family));
	one.port = ntohs(m->id.idiag_sport);
	one.inode = m->idiag_inode;
	v6only = nl_attr(h, sizeof(*m), INET_DIAG_SKV6ONLY, &len);
	one.both = m->idiag_family == AF_INET6 && !(v6only && len && *v6only);
	v->l->v = xreallocarray(v->l->v, v->l->n + 1, sizeof(one));
	v->l->v[v->l->n++] = one;
	return 0;
}

int listeners_add(struct listeners *l, uint8_t proto)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	auto_fd int fd = nl_open(NETLINK_SOCK_DIAG);

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct inet_diag_req_v2 q = {
			.sdiag_family = families[i],
			.sdiag_protocol = proto,
			.idiag_states = 1u << (proto == IPPROTO_UDP ? STATE_CLOSE : STATE_LISTEN),
		};
		struct visit v = {l, proto};
		auto_nl struct nl m = NL_EMPTY;
		int r;
		nl_start(&m, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q));
		r = nl_dump(fd, &m, add, &v);
		/* -ENOENT: a kernel that cannot tell of this protocol, or has not this family */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int listener_has(const struct listener *l, uint8_t proto, const struct link_addr *addr,
	uint16_t port, uint32_t n)
{
	if (l->proto != proto || l->port < port || l->port >= port + n)
		return 0;
	if (!addr->family)
		return 1;
	if (l->addr.family != addr->family)
		return l->both && addr->family == AF_INET && cidr_is_any(&l->addr);
	return cidr_is_any(&l->addr) || cidr_is_any(addr) ||
	       memcmp(l->addr.bytes, addr->bytes, cidr_len(addr->family)) == 0;
}

static int has_socket(const char *pid, const char *socket)
{
	auto_free char *path = xasprintf("/proc/%s/fd", pid);
	DIR *d = opendir(path);
	struct dirent *e;
	int found = 0;

	while (d && !found && (e = readdir(d))) {
		char target[64];
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = streq(target, socket);
	}
	if (d)
		closedir(d);
	return found;
}

static void read_name(const char *pid, char out[LISTENER_NAME_MAX])
{
	auto_free char *path = xasprintf("/proc/%s/comm", pid);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, LISTENER_NAME_MAX - 1);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int listener_owner(const struct listener *l, pid_t *out_pid, char out_name[LISTENER_NAME_MAX])
{
	auto_free char *socket = xasprintf("socket:[%u]", l->inode);
	DIR *d = opendir("/proc");
	struct dirent *e;
	int r = -ESRCH;

	while (d && r < 0 && (e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !has_socket(e->d_name, socket))
			continue;
		*out_pid = (pid_t)atol(e->d_name);
		read_name(e->d_name, out_name);
		r = 0;
	}
	if (d)
		closedir(d);
	return r;
}
