/* up.c: networks made real in the kernel.
 *
 * How it works: a start asks the kernel twice (is the bridge there, is the table there) and makes
 * what is missing under a lock, so that two starts do not make it twice. A bridge stays until its
 * network is removed; the table until somebody flushes it or the machine stops. */
#define _GNU_SOURCE
#include "network/up.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cidr.h"
#include "kernel/program.h"
#include "network/up_parts.h"

#define TEXT_MAX 65536

int network_host_open(
	struct network_host *h, int lock_dir_fd, const struct network_idents *id, struct err *e)
{
	*h = NETWORK_HOST_NONE;
	h->lock_dir_fd = lock_dir_fd;
	h->id = *id;
	h->route_fd = nl_open(NETLINK_ROUTE);
	if (h->route_fd < 0)
		return err_sys(e, h->route_fd, "ask the kernel for network interfaces");
	h->nft_fd = nl_open(NETLINK_NETFILTER);
	if (h->nft_fd < 0)
		return err_sys(e, h->nft_fd, "ask the kernel for nftables");
	return 0;
}

void network_host_close(struct network_host *h)
{
	fd_close_ptr(&h->route_fd);
	fd_close_ptr(&h->nft_fd);
}

/* ---- settings of the host ---- */

int network_setting(struct err *e, const char *value, const char *fmt, const char *interface)
{
	auto_free char *name = xasprintf(fmt, interface), *path = NULL;
	int r;

	path = xasprintf("/proc/sys/net/%s", name);
	r = fd_write_value(AT_FDCWD, path, value);
	/* A kernel without IPv6 has nothing to set there. */
	if (r == -ENOENT && str_after(name, "ipv6/"))
		return 0;
	return r < 0 ? err_sys(e, r, "set %s to %s", name, value) : 0;
}

static int is_set(const char *path, char value)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 && c == value;
}

/* A host that forwards does not listen to router advertisements any more, and loses its own default
 * route, unless accept_ra is 2. */
static void keep_advertisements(void)
{
	glob_t g;

	if (glob("/proc/sys/net/ipv6/conf/*/accept_ra", 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (is_set(g.gl_pathv[i], '1'))
			fd_write_value(AT_FDCWD, g.gl_pathv[i], "2");
	globfree(&g);
}

static int forward(struct err *e)
{
	if (!is_set("/proc/sys/net/ipv4/ip_forward", '1') &&
		network_setting(e, "1", "ipv4/%s", "ip_forward") < 0)
		return -1;
	if (is_set("/proc/sys/net/ipv6/conf/all/forwarding", '1'))
		return 0;
	keep_advertisements();
	return network_setting(e, "1", "ipv6/conf/%s/forwarding", "all");
}

/* ---- the table ---- */

/* Text and complaints fit into pipes (64 KiB): nobody has to read while another writes. */
static int load(const struct buf *text, struct err *e)
{
	static char name[] = "nft", flag[] = "-f", from[] = "-";
	char *argv[] = {name, flag, from, NULL};
	auto_fd int in = -1, in_end = -1, out = -1, out_end = -1;
	auto_buf struct buf said = BUF_MAX(TEXT_MAX);
	int r, status = -1;

	if ((r = fd_pipe(&in, &in_end)) < 0 || (r = fd_pipe(&out, &out_end)) < 0)
		return err_sys(e, r, "make a pipe");
	r = fd_write_all(in_end, text->data, text->len);
	if (r < 0)
		return err_sys(e, r, "write the rules of the network");
	fd_close_ptr(&in_end);
	r = program_run(name, argv, (const int[]){in, out_end, out_end}, &status);
	if (r == -ENOENT)
		return err_set(e, ERR_UNSUPPORTED,
			"networks take the program nft: install the package nftables, or use "
			"--network=none or --network=host");
	if (r < 0)
		return err_sys(e, r, "start nft");
	if (status == 0)
		return 0;
	fd_close_ptr(&out_end);
	fd_read_all(out, &said);
	return err_set(e, ERR_SYSTEM, "nft refuses the rules of the network: %.*s",
		(int)strcspn(said.len ? said.data : "", "\n"), said.len ? said.data : "");
}

static int talk(int fd, struct nl *m, const char *what, struct err *e)
{
	char why[NL_WHY_MAX];
	int r = nl_talk(fd, m, why);

	if (r >= 0)
		return 0;
	return *why ? err_sys(e, r, "%s (%s)", what, why) : err_sys(e, r, "%s", what);
}

static int make_table(struct network_host *h, struct err *e)
{
	auto_buf struct buf text = BUF_MAX(TEXT_MAX);
	struct err none;

	if (network_pair_make(h, e) < 0)
		return -1;
	rules_text(&text, &h->id);
	if (load(&text, e) < 0)
		return -1;
	/* Without bridges in the kernel's nftables containers trust each other, as with others. */
	buf_clear(&text);
	rules_bridge_text(&text, &h->id);
	(void)!load(&text, &none);
	return 0;
}

/* ---- bridges ---- */

static int add_addresses(struct network_host *h, const struct network *n, int index, struct err *e)
{
	const struct link_addr *const gateways[] = {&n->gateway4, &n->gateway6};

	for (size_t i = 0; i < ARRAY_SIZE(gateways); i++) {
		char text[CIDR_TEXT_MAX];
		int r;
		if (!gateways[i]->family)
			continue;
		r = link_addr_add(h->route_fd, index, gateways[i]);
		if (r < 0 && r != -EEXIST) {
			cidr_text(gateways[i], text);
			return err_sys(e, r, "give the bridge %s the address %s", n->bridge, text);
		}
	}
	return 0;
}

static int set_bridge(const struct network *n, struct err *e)
{
	const struct {
		const char *value, *name;
	} settings[] = {
		/* What containers advertise changes nothing here (CVE-2020-13401). */
		{"0", "ipv6/conf/%s/accept_ra"},
		{"0", "ipv6/conf/%s/accept_redirects"},
		{"0", "ipv4/conf/%s/accept_redirects"},
		/* Nobody has our addresses; and while it asks around, the bridge can ask for nobody
		   else: the first packets of IPv6 would wait for two seconds. */
		{"0", "ipv6/conf/%s/accept_dad"},
		{n->net6.family ? "0" : "1", "ipv6/conf/%s/disable_ipv6"},
		/* So that requests to 127.0.0.1 can go out there; the table has the guard. */
		{"1", "ipv4/conf/%s/route_localnet"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (network_setting(e, settings[i].value, settings[i].name, n->bridge) < 0)
			return -1;
	return 0;
}

static int make_bridge(struct network_host *h, const struct network *n, struct err *e)
{
	uint8_t mac[6];
	int index, r;

	cidr_mac(n->gateway4.family ? &n->gateway4 : &n->gateway6, mac);
	r = link_bridge_add(h->route_fd, n->bridge, mac, n->mtu);
	if (r == -EEXIST)
		return err_set(e, ERR_CONFLICT,
			"there is an interface %s already, and it is not hull's: remove it, or "
			"give network %s another name for its bridge",
			n->bridge, n->name);
	if (r < 0)
		return err_sys(e, r, "make the bridge %s", n->bridge);
	index = link_index(h->route_fd, n->bridge);
	if (index < 0 || set_bridge(n, e) < 0 || add_addresses(h, n, index, e) < 0) {
		if (index > 0)
			link_delete(h->route_fd, index);
		return -1;
	}
	return index;
}

int network_elements(struct network_host *h, const struct network *n, struct err *e)
{
	auto_nl struct nl m = NL_EMPTY, gateways = NL_EMPTY;

	rules_add_gateways(&gateways, &h->id, n);
	(void)!nl_talk(h->nft_fd, &gateways, NULL);
	rules_add_network(&m, &h->id, n);
	return talk(h->nft_fd, &m, "add the network to the rules of nftables", e);
}

static int lock(const struct network_host *h, struct err *e)
{
	auto_fd int fd = openat(
		h->lock_dir_fd, "network.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(e, errno, "lock the network");
	return take_fd(&fd);
}

/* Both are looked at again: somebody may have been faster. */
static int make_missing(struct network_host *h, const struct network *n,
	int (*fill)(void *ctx, struct network_host *h, struct err *e), void *ctx, struct err *e)
{
	auto_fd int held = lock(h, e);
	int index, table, is_new = 0;

	if (held < 0 || forward(e) < 0)
		return -1;
	table = nft_has_table(h->nft_fd, AF_INET, h->id.table);
	index = link_index(h->route_fd, n->bridge);
	if (table < 0)
		return err_sys(e, table, "ask nftables (is it in this kernel?)");
	if (index == -ENODEV) {
		index = make_bridge(h, n, e);
		is_new = index > 0;
	} else if (index < 0) {
		err_sys(e, index, "look for the bridge %s", n->bridge);
	}
	if (index < 0)
		return -1;
	if ((table			   ? is_new ? network_elements(h, n, e) : 0
		    : make_table(h, e) < 0 ? -1
					   : fill(ctx, h, e)) == 0)
		return index;
	if (is_new)
		link_delete(h->route_fd, index);
	return -1;
}

int network_up(struct network_host *h, const struct network *n,
	int (*fill)(void *ctx, struct network_host *h, struct err *e), void *ctx, struct err *e)
{
	int index = link_index(h->route_fd, n->bridge);

	if (index > 0 && nft_has_table(h->nft_fd, AF_INET, h->id.table) == 1)
		return index;
	return make_missing(h, n, fill, ctx, e);
}

int network_reload(struct network_host *h,
	int (*fill)(void *ctx, struct network_host *h, struct err *e), void *ctx, struct err *e)
{
	auto_fd int held = lock(h, e);

	return held < 0 || forward(e) < 0 || make_table(h, e) < 0 ? -1 : fill(ctx, h, e);
}

int network_down(struct network_host *h, const struct network *n, struct err *e)
{
	auto_fd int held = lock(h, e);
	auto_nl struct nl m = NL_EMPTY, gateways = NL_EMPTY;
	int index, r;

	if (held < 0)
		return -1;
	index = link_index(h->route_fd, n->bridge);
	r = index > 0 ? link_delete(h->route_fd, index) : 0;
	if (r < 0 && r != -ENODEV)
		return err_sys(e, r, "remove the bridge %s", n->bridge);
	/* They may be gone with the table. */
	rules_remove_network(&m, &h->id, n);
	(void)!nl_talk(h->nft_fd, &m, NULL);
	rules_remove_gateways(&gateways, &h->id, n);
	(void)!nl_talk(h->nft_fd, &gateways, NULL);
	return 0;
}
