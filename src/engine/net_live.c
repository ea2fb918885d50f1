/* net_live.c: a container that is there already, whose networks change; its ports. net_connect.c
 * has its cables.
 *
 * How it works: rows are written in a transaction, and before its end the kernel is told: a failure
 * takes both back, and a kill in between leaves no row. Ports are closed at the end of the
 * container by the bytes of the file "undo", in which each port is a transaction of its own here:
 * it is written when elements may be there, and rewritten when some are there no more. */
#define _GNU_SOURCE
#include "engine/net_live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/mode.h"
#include "engine/net_rows.h"
#include "engine/router.h"

#define UNDO_MAX (16 << 20)

int net_live_open(struct engine *en, const char *name, struct net_live *out, struct err *e)
{
	struct net_live *l = out;

	*l = NET_LIVE_NONE(en);
	if (mode_enter(en, e) < 0 || container_store_find(en->db, name, &l->row, e) < 0)
		return -1;
	container_state_read(en, &l->row, &l->state);
	if (l->state.phase == PHASE_GARBAGE)
		return err_set(e, ERR_NOT_FOUND, "No such container: %.400s", name);
	l->running = l->state.phase == PHASE_RUNNING;
	if (net_load(en, l->row.id, &l->net, e) < 0)
		return -1;
	if (!l->running)
		return 0;
	l->run_fd = engine_container_folder(en->runroot_fd, l->row.id);
	l->net.run_fd = l->run_fd;
	return l->net.n ? net_up(en, &l->net, e)
			: network_host_open(&l->net.host, en->runroot_fd, &en->idents, e);
}

void net_live_done(struct net_live *l)
{
	net_done(&l->net);
	fd_close_ptr(&l->run_fd);
	container_state_done(&l->state);
	container_row_done(&l->row);
}

/* ---- ports ---- */

static int same_ends(const struct net *a, const struct net *b)
{
	const struct link_addr *a4, *a6, *b4, *b6;

	net_published_addresses(a, &a4, &a6);
	net_published_addresses(b, &b4, &b6);
	return memcmp(a4, b4, sizeof(*a4)) == 0 && memcmp(a6, b6, sizeof(*a6)) == 0;
}

static void add_undo(struct buf *out, const struct net *n)
{
	const struct link_addr *a4, *a6, none = {0};

	net_published_addresses(n, &a4, &a6);
	for (size_t i = 0; i < n->ports.n; i++) {
		const struct publish_list one = {&n->ports.v[i], 1};
		auto_nl struct nl m4 = NL_EMPTY, m6 = NL_EMPTY;
		if (rules_remove_ports(&m4, &n->host.id, &one, a4, &none))
			buf_add(out, m4.buf.data, m4.buf.len);
		if (rules_remove_ports(&m6, &n->host.id, &one, &none, a6))
			buf_add(out, m6.buf.data, m6.buf.len);
	}
}

static int write_undo(struct net_live *l, const struct net *before, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(UNDO_MAX);
	int r;

	add_undo(&b, &l->net);
	if (before)
		add_undo(&b, before);
	r = b.over ? -EMSGSIZE
		   : fd_write_file(l->run_fd, "undo", b.data ? b.data : "", b.len, 0600, 0);
	return r < 0 ? err_sys(e, r, "note how the container's ports are closed") : 0;
}

static int open_ports(const struct net *n, const struct publish_list *ports, struct err *e)
{
	const struct link_addr *a4, *a6;
	auto_nl struct nl m = NL_EMPTY;
	int r;

	net_published_addresses(n, &a4, &a6);
	/* A killed monitor may have left one, which nobody has any more. */
	net_close_ports(n->host.nft_fd, &n->host.id, ports);
	r = rules_add_ports(&m, &n->host.id, ports, a4, a6) ? nl_talk(n->host.nft_fd, &m, NULL) : 0;
	return r < 0 ? err_sys(e, r, "publish the container's ports") : 0;
}

static int is_same(const struct publish *a, const struct publish *b)
{
	return a->proto == b->proto && a->host_port == b->host_port && a->port == b->port &&
	       a->n == b->n && a->direct == b->direct && a->host.family == b->host.family &&
	       memcmp(a->host.bytes, b->host.bytes, sizeof(a->host.bytes)) == 0;
}

/* Those of `all` that lead elsewhere in `other`, or are not there. Caller frees. */
static struct publish_list differing(const struct net *all, const struct net *other)
{
	struct publish_list out = {0};
	int same = same_ends(all, other);

	for (size_t i = 0; i < all->ports.n; i++) {
		int found = 0;
		for (size_t k = 0; same && !found && k < other->ports.n; k++)
			found = is_same(&all->ports.v[i], &other->ports.v[k]);
		if (!found)
			publish_list_add(&out, &all->ports.v[i]);
	}
	return out;
}

/* So that the container reaches itself by a published port. */
static void set_hairpin(const struct net_live *l)
{
	for (size_t i = 0; i < l->net.n; i++) {
		const struct net_join *j = &l->net.v[i];
		int index = link_index(l->net.host.route_fd, j->cable);
		if (index > 0)
			link_set_port(l->net.host.route_fd, index, j->network.isolate,
				l->net.ports.n > 0);
	}
}

static int change_elements(struct net_live *l, const struct net *before,
	const struct publish_list *gone, const struct publish_list *added, struct err *e)
{
	net_close_ports(l->net.host.nft_fd, &l->net.host.id, gone);
	if (open_ports(&l->net, added, e) < 0) {
		net_close_ports(l->net.host.nft_fd, &l->net.host.id, added);
		open_ports(before, gone, NULL);
		return -1;
	}
	set_hairpin(l);
	return 0;
}

/* What hull-router has open on the host, where there is one. */
static int publish_on_host(const struct net_live *l, const struct net *n, struct err *e)
{
	const struct link_addr *a4, *a6;

	if (l->en->router_fd < 0)
		return 0;
	net_published_addresses(n, &a4, &a6);
	if (router_check_ports(&n->ports, e) < 0 ||
		router_publish(l->en->router_fd, l->row.id, container_monitor(l->run_fd), &n->ports,
			a4, a6, e) < 0)
		return -1;
	return router_published(l->en->router_fd, e);
}

int net_live_ports(struct net_live *l, const struct net *before, struct err *e)
{
	struct publish_list gone = differing(before, &l->net), added = differing(&l->net, before);
	int r = 0;

	if (l->running && (gone.n || added.n)) {
		r = publish_on_host(l, &l->net, e);
		if (r == 0)
			r = write_undo(l, before, e);
		if (r == 0)
			r = change_elements(l, before, &gone, &added, e);
		if (r < 0)
			publish_on_host(l, before, NULL);
		if (r == 0)
			r = write_undo(l, NULL, e);
	}
	free(gone.v);
	free(added.v);
	return r;
}

int net_live_check(struct net_live *l, struct err *e)
{
	struct container_state s;
	int running;

	if (!l->running)
		return 0;
	container_state_read(l->en, &l->row, &s);
	running = s.phase == PHASE_RUNNING;
	container_state_done(&s);
	if (running)
		return 0;
	/* Its monitor may have read the old bytes. */
	net_close_ports(l->net.host.nft_fd, &l->net.host.id, &l->net.ports);
	return err_set(e, ERR_CONFLICT, "container %s ended just now", l->row.name);
}
