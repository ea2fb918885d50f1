/* link.c: network interfaces, addresses and routes. */
#define _GNU_SOURCE
#include "kernel/link.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/cidr.h"

#define MAC_LEN 6

static int has_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < IFNAMSIZ;
}

static int take_index(const struct nlmsghdr *h, void *ctx)
{
	if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		*(int *)ctx = ((const struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
	return 1;
}

int link_index(int fd, const char *name)
{
	const struct ifinfomsg i = {.ifi_family = AF_UNSPEC};
	auto_nl struct nl m = NL_EMPTY;
	int index = 0, r;

	if (!has_name(name))
		return -ENODEV;
	nl_start(&m, RTM_GETLINK, 0, &i, sizeof(i));
	nl_put_str(&m, IFLA_IFNAME, name);
	r = nl_dump(fd, &m, take_index, &index);
	return r < 0 ? r : index ? index : -ENODEV;
}

static size_t start_kind(struct nl *m, const char *kind, size_t *out_info)
{
	*out_info = nl_nest(m, IFLA_LINKINFO);
	nl_put_str(m, IFLA_INFO_KIND, kind);
	return nl_nest(m, IFLA_INFO_DATA);
}

int link_bridge_add(int fd, const char *name, const uint8_t mac[6], uint32_t mtu)
{
	const struct ifinfomsg i = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	auto_nl struct nl m = NL_EMPTY;
	size_t info, data;

	if (!has_name(name))
		return -EINVAL;
	nl_start(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &i, sizeof(i));
	nl_put_str(&m, IFLA_IFNAME, name);
	if (mac)
		nl_put(&m, IFLA_ADDRESS, mac, MAC_LEN);
	if (mtu)
		nl_put_u32(&m, IFLA_MTU, mtu);
	data = start_kind(&m, "bridge", &info);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	return nl_talk(fd, &m, NULL);
}

static void put_peer(struct nl *m, const struct link_veth *v)
{
	const struct ifinfomsg i = {.ifi_family = AF_UNSPEC};
	size_t peer = nl_nest(m, VETH_INFO_PEER);

	nl_raw(m, &i, sizeof(i));
	nl_put_str(m, IFLA_IFNAME, v->peer_name);
	nl_put(m, IFLA_ADDRESS, v->peer_mac, MAC_LEN);
	if (v->mtu)
		nl_put_u32(m, IFLA_MTU, v->mtu);
	nl_put_u32(m, IFLA_NET_NS_PID, (uint32_t)v->peer_pid);
	nl_nest_end(m, peer);
}

/* A port that is born with IFF_UP while its peer is down is accepted, a peer that is born up is
 * not (ENOTCONN). */
int link_veth_add(int fd, const struct link_veth *v)
{
	const struct ifinfomsg i = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	auto_nl struct nl m = NL_EMPTY;
	size_t info, data;
	int r, index;

	if (!has_name(v->name) || !has_name(v->peer_name))
		return -EINVAL;
	nl_start(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &i, sizeof(i));
	nl_put_str(&m, IFLA_IFNAME, v->name);
	nl_put_u32(&m, IFLA_MASTER, (uint32_t)v->master);
	if (v->mtu)
		nl_put_u32(&m, IFLA_MTU, v->mtu);
	data = start_kind(&m, "veth", &info);
	put_peer(&m, v);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	r = nl_talk(fd, &m, NULL);
	if (r < 0 || (!v->isolated && !v->hairpin))
		return r;
	index = link_index(fd, v->name);
	return index < 0 ? index : link_set_port(fd, index, v->isolated, v->hairpin);
}

int link_pair_add(int fd, const char *name, const char *peer, const uint8_t mac[6], uint32_t mtu)
{
	const struct ifinfomsg i = {.ifi_family = AF_UNSPEC};
	auto_nl struct nl m = NL_EMPTY;
	size_t info, data, other;

	if (!has_name(name) || !has_name(peer))
		return -EINVAL;
	nl_start(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &i, sizeof(i));
	nl_put_str(&m, IFLA_IFNAME, name);
	nl_put_u32(&m, IFLA_MTU, mtu);
	data = start_kind(&m, "veth", &info);
	other = nl_nest(&m, VETH_INFO_PEER);
	nl_raw(&m, &i, sizeof(i));
	nl_put_str(&m, IFLA_IFNAME, peer);
	nl_put(&m, IFLA_ADDRESS, mac, MAC_LEN);
	nl_put_u32(&m, IFLA_MTU, mtu);
	nl_nest_end(&m, other);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	return nl_talk(fd, &m, NULL);
}

int link_set_port(int fd, int index, int isolated, int hairpin)
{
	const struct ifinfomsg i = {.ifi_family = AF_BRIDGE, .ifi_index = index};
	auto_nl struct nl m = NL_EMPTY;
	size_t port;

	nl_start(&m, RTM_SETLINK, NLM_F_ACK, &i, sizeof(i));
	port = nl_nest(&m, IFLA_PROTINFO);
	nl_put_u8(&m, IFLA_BRPORT_ISOLATED, isolated != 0);
	nl_put_u8(&m, IFLA_BRPORT_MODE, hairpin != 0);
	nl_nest_end(&m, port);
	return nl_talk(fd, &m, NULL);
}

int link_macvlan_add(int fd, int parent, const char *name, const uint8_t mac[6], pid_t pid)
{
	const struct ifinfomsg i = {.ifi_family = AF_UNSPEC};
	auto_nl struct nl m = NL_EMPTY;
	size_t info, data;

	if (!has_name(name))
		return -EINVAL;
	nl_start(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &i, sizeof(i));
	nl_put_str(&m, IFLA_IFNAME, name);
	nl_put(&m, IFLA_ADDRESS, mac, MAC_LEN);
	nl_put_u32(&m, IFLA_LINK, (uint32_t)parent);
	nl_put_u32(&m, IFLA_NET_NS_PID, (uint32_t)pid);
	data = start_kind(&m, "macvlan", &info);
	nl_put_u32(&m, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	nl_nest_end(&m, data);
	nl_nest_end(&m, info);
	return nl_talk(fd, &m, NULL);
}

/* RTM_NEWLINK or RTM_DELLINK of one that is there, with nothing else to say. */
static int tell(int fd, uint16_t type, int index, unsigned int flags)
{
	const struct ifinfomsg i = {.ifi_index = index, .ifi_flags = flags, .ifi_change = flags};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, type, NLM_F_ACK, &i, sizeof(i));
	return nl_talk(fd, &m, NULL);
}

int link_delete(int fd, int index)
{
	return tell(fd, RTM_DELLINK, index, 0);
}

int link_up(int fd, int index)
{
	return tell(fd, RTM_NEWLINK, index, IFF_UP);
}

int link_set_master(int fd, int index, int master)
{
	const struct ifinfomsg i = {.ifi_index = index};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, RTM_NEWLINK, NLM_F_ACK, &i, sizeof(i));
	nl_put_u32(&m, IFLA_MASTER, (uint32_t)master);
	return nl_talk(fd, &m, NULL);
}

static int change_addr(int fd, uint16_t type, uint16_t flags, int index, const struct link_addr *a)
{
	const struct ifaddrmsg i = {
		.ifa_family = (uint8_t)a->family,
		.ifa_prefixlen = a->prefix,
		.ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = (uint32_t)index,
	};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, type, flags | NLM_F_ACK, &i, sizeof(i));
	nl_put(&m, IFA_LOCAL, a->bytes, cidr_len(a->family));
	nl_put(&m, IFA_ADDRESS, a->bytes, cidr_len(a->family));
	return nl_talk(fd, &m, NULL);
}

int link_addr_add(int fd, int index, const struct link_addr *a)
{
	return change_addr(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, a);
}

int link_addr_delete(int fd, int index, const struct link_addr *a)
{
	return change_addr(fd, RTM_DELADDR, 0, index, a);
}

int link_route_default(int fd, int index, const struct link_addr *gateway)
{
	const struct rtmsg r = {
		.rtm_family = (uint8_t)gateway->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &r, sizeof(r));
	nl_put(&m, RTA_GATEWAY, gateway->bytes, cidr_len(gateway->family));
	nl_put_u32(&m, RTA_OIF, (uint32_t)index);
	return nl_talk(fd, &m, NULL);
}

int link_rule_add(int fd, const struct link_rule *rule)
{
	const struct fib_rule_hdr h = {
		.family = (uint8_t)rule->family,
		.action = rule->table	? FR_ACT_TO_TBL
			  : rule->go_to ? FR_ACT_GOTO
					: FR_ACT_NOP,
	};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &h, sizeof(h));
	nl_put_u32(&m, FRA_PRIORITY, rule->preference);
	if (rule->table)
		nl_put_u32(&m, FRA_TABLE, rule->table);
	if (rule->go_to)
		nl_put_u32(&m, FRA_GOTO, rule->go_to);
	if (rule->mark)
		nl_put_u32(&m, FRA_FWMARK, rule->mark);
	if (rule->iif)
		nl_put_str(&m, FRA_IIFNAME, rule->iif);
	if (rule->oif)
		nl_put_str(&m, FRA_OIFNAME, rule->oif);
	return nl_talk(fd, &m, NULL);
}

int link_route_all(int fd, int family, int index, uint32_t table)
{
	const struct rtmsg r = {
		.rtm_family = (uint8_t)family,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &r, sizeof(r));
	nl_put_u32(&m, RTA_TABLE, table);
	nl_put_u32(&m, RTA_OIF, (uint32_t)index);
	return nl_talk(fd, &m, NULL);
}

int link_route_local(int fd, int family, uint32_t table)
{
	const struct rtmsg r = {
		.rtm_family = (uint8_t)family,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &r, sizeof(r));
	nl_put_u32(&m, RTA_TABLE, table);
	nl_put_u32(&m, RTA_OIF, LINK_LOOPBACK);
	return nl_talk(fd, &m, NULL);
}

int link_neighbour_add(int fd, int index, const struct link_addr *a, const uint8_t mac[6])
{
	const struct ndmsg n = {
		.ndm_family = (uint8_t)a->family,
		.ndm_ifindex = index,
		.ndm_state = NUD_PERMANENT,
	};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, &n, sizeof(n));
	nl_put(&m, NDA_DST, a->bytes, cidr_len(a->family));
	nl_put(&m, NDA_LLADDR, mac, MAC_LEN);
	return nl_talk(fd, &m, NULL);
}

struct route_visit {
	void (*each)(const struct link_addr *to, void *ctx);
	void *ctx;
};

static int visit_route(const struct nlmsghdr *h, void *ctx)
{
	const struct route_visit *v = ctx;
	const struct rtmsg *r = NLMSG_DATA(h);
	struct link_addr to;
	const void *dst;
	size_t len;

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*r)) ||
		r->rtm_table != RT_TABLE_MAIN || r->rtm_dst_len == 0 ||
		(r->rtm_family != AF_INET && r->rtm_family != AF_INET6))
		return 0;
	dst = nl_attr(h, sizeof(*r), RTA_DST, &len);
	if (!dst || len != cidr_len(r->rtm_family))
		return 0;
	to = (struct link_addr){.family = r->rtm_family, .prefix = r->rtm_dst_len};
	memcpy(to.bytes, dst, len);
	v->each(&to, v->ctx);
	return 0;
}

int link_routes(int fd, void (*each)(const struct link_addr *to, void *ctx), void *ctx)
{
	const struct rtmsg r = {.rtm_family = AF_UNSPEC};
	struct route_visit v = {each, ctx};
	auto_nl struct nl m = NL_EMPTY;

	nl_start(&m, RTM_GETROUTE, NLM_F_DUMP, &r, sizeof(r));
	return nl_dump(fd, &m, visit_route, &v);
}
