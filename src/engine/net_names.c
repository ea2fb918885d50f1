/* net_names.c: names of containers within their networks. */
#define _GNU_SOURCE
#include "engine/net_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/net_keeper.h"
#include "keeper/protocol.h"
#include "kernel/cidr.h"

#define TEXT_MAX 65536
#define TRIES 5 /* the keeper may remove at the same time what is made */

static int has_names(const struct network *n)
{
	return streq(n->driver, "bridge") && !streq(n->name, NET_DEFAULT);
}

/* ---- which name server ---- */

/* Everything that makes a name server another one, as text. */
static void describe(const struct net *n, int forward, char *const *dns, struct buf *out)
{
	for (size_t i = 0; i < n->n; i++)
		if (has_names(&n->v[i].network))
			buf_printf(out, "hosts %s\n", n->v[i].network.id);
	if (forward)
		buf_puts(out, "forward\n");
	strv_foreach (d, dns)
		if (forward)
			buf_printf(out, "upstream %s\n", *d);
}

/* A network's usual one has the address that is kept free for it. */
static int is_usual(const struct network *n, size_t n_named, int forward, char *const *dns)
{
	struct link_addr a;

	return n_named == 1 && forward == !n->internal && (!forward || !dns || !*dns) &&
	       network_server_address(n, n->net4.family ? AF_INET : AF_INET6, &a);
}

static int take_place(const char *network, const struct place *p, void *ctx)
{
	struct net_server *s = ctx;

	s->addrs[0] = p->addr4;
	s->addrs[1] = p->addr6;
	return 0;
}

/* Others have a place in their first network, as a container has. Where there is none left, there
 * are no names. */
static int place_special(struct engine *en, struct net *n, const struct network *in, struct err *e)
{
	struct net_server *s = &n->server;
	auto_free char *id = xasprintf("@%s", s->key);
	struct place p = {.interface = xstrdup("eth0")};
	int r = network_store_places(en->db, id, take_place, s, e);

	if (r == 0 && !s->addrs[0].family && !s->addrs[1].family) {
		r = network_store_place(en->db, in, id, 1, &p, e);
		if (r < 0 && e->kind == ERR_CONFLICT) {
			engine_warn(en,
				"network %s has no address for a name server: no names in it",
				in->name);
			s->key[0] = '\0';
			r = 0;
		} else if (r == 0) {
			take_place(in->id, &p, s);
		}
	}
	place_done(&p);
	return r < 0 ? -1 : 0;
}

int net_names_choose(struct engine *en, struct net *n, char *const *dns, struct err *e)
{
	auto_buf struct buf text = BUF_MAX(TEXT_MAX);
	struct net_server *s = &n->server;
	const struct network *in = NULL;
	size_t n_named = 0;
	int forward = 0;

	*s = (struct net_server){0};
	for (size_t i = n->n; i-- > 0;) {
		const struct network *w = &n->v[i].network;
		forward |= !w->internal;
		if (!has_names(w))
			continue;
		n_named++;
		s->in = i;
		in = w;
	}
	if (!in)
		return 0;
	describe(n, forward, dns, &text);
	s->spec = buf_steal(&text);
	if (!is_usual(in, n_named, forward, dns)) {
		hash_sha256_hex(s->spec, strlen(s->spec), s->key);
		return place_special(en, n, in, e);
	}
	memcpy(s->key, in->id, sizeof(s->key));
	(void)!network_server_address(in, AF_INET, &s->addrs[0]);
	(void)!network_server_address(in, AF_INET6, &s->addrs[1]);
	return 0;
}

char **net_names_servers(const struct net *n)
{
	char **v = NULL;

	/* One is enough: both families' is the same program. */
	for (size_t i = 0; n->server.key[0] && i < ARRAY_SIZE(n->server.addrs) && !v; i++)
		if (n->server.addrs[i].family) {
			char text[CIDR_TEXT_MAX];
			cidr_address_text(&n->server.addrs[i], text);
			strv_add(&v, text);
		}
	return v;
}

/* ---- files ---- */

static void put_line(struct buf *b, const struct link_addr *a, const struct net_join *j,
	const char *name, const char *id)
{
	char text[CIDR_TEXT_MAX];

	if (!a->family)
		return;
	cidr_address_text(a, text);
	/* The first one is what the address is called by. */
	buf_printf(b, "%s %s.%s %s", text, name, j->network.name, name);
	strv_foreach (alias, j->place.aliases)
		buf_printf(b, " %s %s.%s", *alias, *alias, j->network.name);
	buf_printf(b, " %.12s\n", id);
}

/* A name server sees folder/ID when it is whole, and no other name (dns.c). */
static int write_shown(
	int runroot_fd, const char *folder, const char *id, const char *data, size_t len)
{
	auto_free char *hidden = xasprintf("%s/.%s", folder, id);
	auto_free char *shown = xasprintf("%s/%s", folder, id);
	auto_fd int fd = openat(
		runroot_fd, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, len);

	if (r == 0 && (fchmod(fd, 0644) < 0 || renameat(runroot_fd, hidden, runroot_fd, shown) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(runroot_fd, hidden, 0);
	return r;
}

/* In a folder that the keeper removes when it finds it empty. */
static int write_file(int runroot_fd, const char *folder, const char *name, const char *data,
	size_t len, struct err *e)
{
	int r = -ENOENT;

	for (int i = 0; r == -ENOENT && i < TRIES; i++) {
		r = fd_mkdirs(runroot_fd, folder, 0755);
		if (r >= 0)
			r = write_shown(runroot_fd, folder, name, data, len);
	}
	return r < 0 ? err_sys(e, r, "write %s/%s in the run folder", folder, name) : 0;
}

static int write_spec(struct engine *en, const struct net *n, const char *folder, struct err *e)
{
	const struct net_server *s = &n->server;
	const struct network *in = &n->v[s->in].network;
	auto_buf struct buf b = BUF_MAX(KEEPER_SPEC_MAX);

	buf_printf(&b, "kind dns\nname %.63s\nbridge %s\n", in->name, in->bridge);
	if (in->mtu)
		buf_printf(&b, "mtu %u\n", in->mtu);
	for (size_t i = 0; i < ARRAY_SIZE(s->addrs); i++)
		if (s->addrs[i].family) {
			char text[CIDR_TEXT_MAX];
			cidr_text(&s->addrs[i], text);
			buf_printf(&b, "address %s\n", text);
		}
	buf_puts(&b, s->spec);
	return write_file(en->runroot_fd, folder, KEEPER_SPEC, b.data, b.len, e);
}

/* The monitor removes what the list names, so the list comes first. */
static int write_list(const struct net *n, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);
	int r;

	for (size_t i = 0; i < n->n; i++)
		if (has_names(&n->v[i].network))
			buf_printf(&b, KEEPER_NAMES "/%s\n", n->v[i].network.id);
	buf_printf(&b, KEEPER_PROGRAMS "/%s\n", n->server.key);
	r = fd_write_file(n->run_fd, KEEPER_LIST, b.data, b.len, 0600, 0);
	return r < 0 ? err_sys(e, r, "note the container's names") : 0;
}

static int write_names(struct engine *en, const struct net *n, const char *id, struct err *e)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct net_join *j = &n->v[i];
		auto_free char *folder = xasprintf(KEEPER_NAMES "/%s", j->network.id);
		auto_buf struct buf b = BUF_MAX(TEXT_MAX);

		if (!has_names(&j->network))
			continue;
		put_line(&b, &j->place.addr4, j, n->name, id);
		put_line(&b, &j->place.addr6, j, n->name, id);
		if (write_file(en->runroot_fd, folder, id, b.data, b.len, e) < 0)
			return -1;
	}
	return 0;
}

int net_names_join(struct engine *en, const struct net *n, const char *id, struct err *e)
{
	auto_free char *folder = xasprintf(KEEPER_PROGRAMS "/%s", n->server.key);
	int r = -1;

	if (!n->server.key[0])
		return 0;
	if (write_list(n, e) < 0)
		return -1;
	for (int i = 0; i < TRIES && r < 0; i++) {
		if (write_names(en, n, id, e) < 0 || write_spec(en, n, folder, e) < 0 ||
			write_file(en->runroot_fd, folder, id, "", 0, e) < 0)
			return -1;
		r = net_keeper_ask(en, n->server.key, e);
		if (r < 0 && e->kind != ERR_NOT_FOUND)
			return -1;
	}
	return r;
}

void net_names_forget(struct engine *en, int run_fd, const char *id)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);

	if (fd_read_file(run_fd, KEEPER_LIST, &b) < 0 || !b.len)
		return;
	for (char *save, *line = strtok_r(b.data, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		auto_free char *path = xasprintf("%s/%s", line, id);
		unlinkat(en->runroot_fd, path, 0);
	}
}
