/* child_net.c: the container's network namespace, from within. Process: the child.
 *
 * How it works: interfaces are put in by the parent, which has the host's side; the child, root
 * over its own namespace, gives them their addresses. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cidr.h"
#include "kernel/link.h"
#include "runtime/child.h"
#include "runtime/sync.h"

int child_net_own(struct child *c, struct err *e)
{
	const struct oci_hull *h = c->plan->config->hull;
	auto_fd int fd = -1;
	int r;

	if (!(c->plan->unshare_flags & CLONE_NEWNET))
		return 0;
	if (unshare(CLONE_NEWNET) < 0)
		return err_sys(e, errno, "make a network namespace");
	fd = nl_open(NETLINK_ROUTE);
	r = fd < 0 ? fd : link_up(fd, LINK_LOOPBACK);
	if (r < 0)
		return err_sys(e, r, "bring the loopback interface up");
	if (h && h->n_interfaces) {
		r = sync_send(c->sync_fd, SYNC_NETNS, NULL, 0);
		if (r < 0)
			return err_sys(e, r, "tell of the network namespace");
	}
	return 0;
}

static int add_addresses(int fd, const struct oci_interface *i, int index, int *six, struct err *e)
{
	strv_foreach (text, i->addresses) {
		struct link_addr a;
		int r = cidr_parse(*text, &a);
		/* A machine without IPv6: the other address is enough. */
		if (r == 0 && (r = link_addr_add(fd, index, &a)) < 0 && a.family == AF_INET6 &&
			i->addresses[1] && (r == -EOPNOTSUPP || r == -EACCES)) {
			*six = 0;
			continue;
		}
		if (r < 0)
			return err_sys(e, r, "give %s the address %s", i->name, *text);
	}
	return 0;
}

/* A route of a family is the first interface's that has a gateway of it. */
static int add_routes(
	int fd, const struct oci_interface *i, int index, int six, int have[2], struct err *e)
{
	strv_foreach (text, i->gateways) {
		struct link_addr a = {0};
		int r = cidr_parse_address(*text, &a), *had = &have[a.family == AF_INET6];
		if (r == 0 && (*had || (a.family == AF_INET6 && !six)))
			continue;
		if (r == 0)
			r = link_route_default(fd, index, &a);
		if (r < 0)
			return err_sys(e, r, "set the default route of %s to %s", i->name, *text);
		*had = 1;
	}
	return 0;
}

int child_net_configure(struct child *c, struct err *e)
{
	const struct oci_hull *h = c->plan->config->hull;
	auto_fd int fd = -1;
	int have[2] = {0, 0};

	if (!(c->plan->unshare_flags & CLONE_NEWNET) || !h || !h->n_interfaces)
		return 0;
	child_expect(c, SYNC_CABLE);
	fd = nl_open(NETLINK_ROUTE);
	if (fd < 0)
		return err_sys(e, fd, "ask the kernel for network interfaces");
	for (size_t k = 0; k < h->n_interfaces; k++) {
		const struct oci_interface *i = &h->interfaces[k];
		int index = link_index(fd, i->name), six = 1, r;
		if (index < 0)
			return err_sys(e, index, "find the interface %s", i->name);
		if (add_addresses(fd, i, index, &six, e) < 0)
			return -1;
		r = link_up(fd, index);
		if (r < 0)
			return err_sys(e, r, "bring the interface %s up", i->name);
		if (add_routes(fd, i, index, six, have, e) < 0)
			return -1;
	}
	return 0;
}
