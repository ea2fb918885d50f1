/* pool.c: subnets that nobody uses. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "kernel/cidr.h"
#include "network/up.h"

#define WIDE 16
#define NARROW 20

/* The first three sixteen-bit blocks of the field's own defaults (Docker 172.17/16 on, Podman
 * 10.88/16) are left to them. */
static const struct {
	uint8_t first[2], last[2];
} pools[] = {{{10, 77}, {10, 87}}, {{10, 96}, {10, 127}}, {{172, 24}, {172, 31}},
	{{192, 168}, {192, 168}}};

struct used {
	struct {
		struct link_addr net;
		char *by; /* the network's name; NULL: a route of the host */
	} * v;
	size_t n;
};

static void use(struct used *u, const struct link_addr *a, const char *by)
{
	u->v = xreallocarray(u->v, u->n + 1, sizeof(*u->v));
	u->v[u->n].net = *a;
	u->v[u->n++].by = xstrdup(by);
}

static void used_done(struct used *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->v[i].by);
	free(u->v);
}

static void on_route(const struct link_addr *to, void *ctx)
{
	use(ctx, to, NULL);
}

static int on_network(const struct network *n, void *ctx)
{
	if (n->net4.family)
		use(ctx, &n->net4, n->name);
	if (n->net6.family)
		use(ctx, &n->net6, n->name);
	return 0;
}

static int is_free(const struct used *u, const struct link_addr *a)
{
	for (size_t i = 0; i < u->n; i++)
		if (cidr_overlap(&u->v[i].net, a))
			return 0;
	return 1;
}

static int choose4(const struct used *u, uint8_t prefix, struct link_addr *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		for (int b = pools[i].first[1]; b <= pools[i].last[1]; b++)
			for (int c = 0; c < 256; c += prefix == WIDE ? 256 : 16) {
				const struct link_addr a = {
					.family = AF_INET,
					.bytes = {pools[i].first[0], (uint8_t)b, (uint8_t)c},
					.prefix = prefix,
				};
				if (!is_free(u, &a))
					continue;
				*out = a;
				return 0;
			}
	return err_set(e, ERR_CONFLICT,
		"no free IPv4 subnet is left in hull's pools: give one with --subnet");
}

/* A unique local prefix with 40 random bits (RFC 4193); the subnet number is 0. */
static int choose6(const struct used *u, struct link_addr *out, struct err *e)
{
	for (int i = 0; i < 16; i++) {
		struct link_addr a = {.family = AF_INET6, .bytes = {0xfd}, .prefix = 64};
		if (hash_random_bytes(a.bytes + 1, 5) < 0)
			break;
		if (is_free(u, &a)) {
			*out = a;
			return 0;
		}
	}
	return err_set(e, ERR_SYSTEM, "no free IPv6 subnet was found: give one with --subnet");
}

static int check_given(const struct used *u, const struct link_addr *a, struct err *e)
{
	char text[CIDR_TEXT_MAX], other[CIDR_TEXT_MAX];

	for (size_t i = 0; i < u->n; i++)
		if (cidr_overlap(&u->v[i].net, a)) {
			cidr_text(a, text);
			cidr_text(&u->v[i].net, other);
			return err_set(e, ERR_CONFLICT, "the subnet %s overlaps with %s, %s%s",
				text, other,
				u->v[i].by ? "network " : "where a route of this host leads",
				u->v[i].by ?: "");
		}
	return 0;
}

static int subnet4(const struct used *u, int flags, struct link_addr *net, struct err *e)
{
	if (net->family)
		return check_given(u, net, e);
	return flags & NETWORK_IPV4 ? choose4(u, flags & NETWORK_WIDE ? WIDE : NARROW, net, e) : 0;
}

static void default_gateway(const struct link_addr *net, struct link_addr *gateway)
{
	if (net->family && !gateway->family)
		*gateway = cidr_at(net, 1);
}

int network_choose_subnets(struct db *db, int route_fd, struct network *n, int flags, struct err *e)
{
	struct used u = {0};
	int r = network_store_each(db, on_network, &u, e), ret = -1;

	/* The networks first: they are told by their names. */
	if (r == 0 && !streq(n->driver, "macvlan")) {
		r = link_routes(route_fd, on_route, &u);
		if (r < 0)
			err_sys(e, r, "list the routes of this host");
	}
	if (r == 0 && subnet4(&u, flags, &n->net4, e) == 0)
		ret = n->net6.family	     ? check_given(&u, &n->net6, e)
		      : flags & NETWORK_IPV6 ? choose6(&u, &n->net6, e)
					     : 0;
	used_done(&u);
	default_gateway(&n->net4, &n->gateway4);
	default_gateway(&n->net6, &n->gateway6);
	return ret;
}
