// SPDX-License-Identifier: Apache-2.0
/* A container's cable, as the floor programs plug it: what rtnetlink and nftables have to do, and
 * nothing else. Addresses of both families in subnets that the bridge of the benchmark has. */
#define _GNU_SOURCE
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
	_Alignas(8) char bytes[4096];
	size_t len, head;
	int acks;
};

static void start(struct message *m, int type, int flags, const void *header, size_t size)
{
	struct nlmsghdr h = {.nlmsg_len = (unsigned int)NLMSG_LENGTH(size),
		.nlmsg_type = (unsigned short)type,
		.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags)};

	m->head = m->len;
	memcpy(m->bytes + m->len, &h, sizeof(h));
	memcpy(m->bytes + m->len + NLMSG_HDRLEN, header, size);
	m->len += NLMSG_ALIGN(NLMSG_LENGTH(size));
	m->acks += (flags & NLM_F_ACK) != 0;
}

static void grow(struct message *m, size_t size)
{
	m->len += NLMSG_ALIGN(size);
	((struct nlmsghdr *)(void *)(m->bytes + m->head))->nlmsg_len = (unsigned int)(m->len -
										      m->head);
}

static void put(struct message *m, int type, const void *data, size_t size)
{
	struct nlattr a = {(unsigned short)(NLA_HDRLEN + size), (unsigned short)type};

	memcpy(m->bytes + m->len, &a, sizeof(a));
	memcpy(m->bytes + m->len + NLA_HDRLEN, data, size);
	grow(m, NLA_HDRLEN + size);
}

static size_t nest(struct message *m, int type)
{
	size_t at = m->len;

	put(m, type | NLA_F_NESTED, "", 0);
	return at;
}

static void nest_end(struct message *m, size_t at)
{
	((struct nlattr *)(void *)(m->bytes + at))->nla_len = (unsigned short)(m->len - at);
}

static void talk(int fd, struct message *m)
{
	_Alignas(8) char answer[8192];

	must(send(fd, m->bytes, m->len, 0));
	while (m->acks > 0) {
		int n = (int)must(recv(fd, answer, sizeof(answer), 0));
		for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, (unsigned int)n);
			h = NLMSG_NEXT(h, n)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);
			if (h->nlmsg_type == NLMSG_ERROR && e->error) {
				errno = -e->error;
				die("netlink");
			}
			m->acks--;
		}
	}
	memset(m, 0, sizeof(*m));
}

static int open_netlink(int protocol)
{
	return must(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

void floor_cable_plug(const char *bridge, pid_t pid)
{
	const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, none = {0};
	unsigned int master = if_nametoindex(bridge);
	struct message m = {0};
	size_t info, data, peer;
	int fd = open_netlink(NETLINK_ROUTE);
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "hv%d", pid);
	start(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &up, sizeof(up));
	put(&m, IFLA_IFNAME, name, strlen(name) + 1);
	put(&m, IFLA_MASTER, &master, sizeof(master));
	info = nest(&m, IFLA_LINKINFO);
	put(&m, IFLA_INFO_KIND, "veth", 5);
	data = nest(&m, IFLA_INFO_DATA);
	peer = nest(&m, VETH_INFO_PEER);
	memcpy(m.bytes + m.len, &none, sizeof(none));
	grow(&m, sizeof(none));
	put(&m, IFLA_IFNAME, "eth0", 5);
	put(&m, IFLA_NET_NS_PID, &pid, sizeof(pid));
	nest_end(&m, peer);
	nest_end(&m, data);
	nest_end(&m, info);
	talk(fd, &m);
	close(fd);
}

static void add_address(int fd, unsigned int index, int family, const char *text, int prefix)
{
	const struct ifaddrmsg i = {.ifa_family = (unsigned char)family,
		.ifa_prefixlen = (unsigned char)prefix,
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = index};
	size_t len = family == AF_INET ? 4 : 16;
	struct message m = {0};
	char bytes[16];

	inet_pton(family, text, bytes);
	start(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &i, sizeof(i));
	put(&m, IFA_LOCAL, bytes, len);
	put(&m, IFA_ADDRESS, bytes, len);
	talk(fd, &m);
}

static void add_route(int fd, unsigned int index, int family, const char *gateway)
{
	const struct rtmsg r = {.rtm_family = (unsigned char)family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_type = RTN_UNICAST};
	struct message m = {0};
	char bytes[16];

	inet_pton(family, gateway, bytes);
	start(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &r, sizeof(r));
	put(&m, RTA_GATEWAY, bytes, family == AF_INET ? 4 : 16);
	put(&m, RTA_OIF, &index, sizeof(index));
	talk(fd, &m);
}

void floor_cable_configure(void)
{
	unsigned int index = if_nametoindex("eth0");
	const struct ifinfomsg up = {
		.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct message m = {0};
	int fd = open_netlink(NETLINK_ROUTE);

	add_address(fd, index, AF_INET, "10.99.0.9", 16);
	add_address(fd, index, AF_INET6, "fd99::9", 64);
	start(&m, RTM_NEWLINK, NLM_F_ACK, &up, sizeof(up));
	talk(fd, &m);
	add_route(fd, index, AF_INET, "10.99.0.1");
	add_route(fd, index, AF_INET6, "fd99::1");
	close(fd);
}

/* One element in each of two sets of each family, as a published port is. */
static void add_elements(struct message *m, int type)
{
	static const char *const sets[] = {"any", "judged_any"};
	static const char key[8] = {IPPROTO_TCP, 0, 0, 0, 0x1f, (char)0x99, 0, 0};
	struct nfgenmsg g = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};

	start(m, NFNL_MSG_BATCH_BEGIN, 0, &g, sizeof(g));
	g.res_id = 0;
	for (int i = 0; i < 4; i++) {
		size_t list, one, value;
		char to[20] = {0};
		int v4 = i < 2, last = i == 3;

		g.nfgen_family = v4 ? AF_INET : AF_INET6;
		start(m, NFNL_SUBSYS_NFTABLES << 8 | type,
			(type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE | NLM_F_EXCL : 0) |
				(last ? NLM_F_ACK : 0),
			&g, sizeof(g));
		put(m, NFTA_SET_ELEM_LIST_TABLE, "bench", 6);
		put(m, NFTA_SET_ELEM_LIST_SET, sets[i % 2], strlen(sets[i % 2]) + 1);
		list = nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
		one = nest(m, NFTA_LIST_ELEM);
		value = nest(m, NFTA_SET_ELEM_KEY);
		put(m, NFTA_DATA_VALUE, key, sizeof(key));
		nest_end(m, value);
		if (i % 2 == 0 && type == NFT_MSG_NEWSETELEM) {
			inet_pton(v4 ? AF_INET : AF_INET6, v4 ? "10.99.0.9" : "fd99::9", to);
			value = nest(m, NFTA_SET_ELEM_DATA);
			put(m, NFTA_DATA_VALUE, to, v4 ? 8 : 20);
			nest_end(m, value);
		}
		nest_end(m, one);
		nest_end(m, list);
	}
	g = (struct nfgenmsg){.res_id = htons(NFNL_SUBSYS_NFTABLES)};
	start(m, NFNL_MSG_BATCH_END, 0, &g, sizeof(g));
}

void floor_port(int open)
{
	int fd = open_netlink(NETLINK_NETFILTER);
	struct message m = {0};

	add_elements(&m, open ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM);
	talk(fd, &m);
	if (open)
		close(fd); /* of a delete it would wait for RCU: the end of the process does it */
}
