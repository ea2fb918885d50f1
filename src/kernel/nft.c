/* nft.c: elements of nftables sets and maps. */
#define _GNU_SOURCE
#include "kernel/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

#define WORD 4

void nft_add_bytes(struct nft_value *v, const void *bytes, size_t len)
{
	size_t room = (len + WORD - 1) / WORD * WORD;

	if (v->len + room > sizeof(v->bytes))
		return;
	memset(v->bytes + v->len, 0, room);
	memcpy(v->bytes + v->len, bytes, len);
	v->len += room;
}

void nft_add_u8(struct nft_value *v, uint8_t x)
{
	nft_add_bytes(v, &x, sizeof(x));
}

void nft_add_port(struct nft_value *v, uint16_t x)
{
	uint16_t big = htons(x);

	nft_add_bytes(v, &big, sizeof(big));
}

void nft_add_ifname(struct nft_value *v, const char *name)
{
	char padded[IFNAMSIZ] = {0};

	str_copy(padded, sizeof(padded), name);
	nft_add_bytes(v, padded, sizeof(padded));
}

static void start(struct nl *m, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	const struct nfgenmsg g = {
		.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res_id)};

	nl_start(m, type, flags, &g, sizeof(g));
}

static uint16_t nft_type(int message)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message);
}

void nft_begin(struct nl *m)
{
	start(m, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

/* The last change is acknowledged, which is after all of them; a failure is told in any case. */
void nft_end(struct nl *m)
{
	nl_want_ack(m);
	start(m, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

static void put_value(struct nl *m, uint16_t attribute, const struct nft_value *v)
{
	size_t at = nl_nest(m, attribute);

	nl_put(m, NFTA_DATA_VALUE, v->bytes, v->len);
	nl_nest_end(m, at);
}

static void put_elem(struct nl *m, const struct nft_elem *e, int with_data)
{
	size_t list = nl_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS), one = nl_nest(m, NFTA_LIST_ELEM);

	put_value(m, NFTA_SET_ELEM_KEY, &e->key);
	if (e->key_end.len)
		put_value(m, NFTA_SET_ELEM_KEY_END, &e->key_end);
	if (with_data && e->data.len)
		put_value(m, NFTA_SET_ELEM_DATA, &e->data);
	if (e->is_end)
		nl_put_be32(m, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	nl_nest_end(m, one);
	nl_nest_end(m, list);
}

static void elem(struct nl *m, int type, uint16_t flags, uint8_t family, const char *table,
	const char *set, const struct nft_elem *e)
{
	start(m, nft_type(type), flags, family, 0);
	nl_put_str(m, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(m, NFTA_SET_ELEM_LIST_SET, set);
	if (e)
		put_elem(m, e, type == NFT_MSG_NEWSETELEM);
}

void nft_elem_add(struct nl *m, uint8_t family, const char *table, const struct nft_elem *e)
{
	elem(m, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, family, table, e->set, e);
}

void nft_elem_delete(struct nl *m, uint8_t family, const char *table, const struct nft_elem *e)
{
	elem(m, NFT_MSG_DELSETELEM, 0, family, table, e->set, e);
}

void nft_flush_set(struct nl *m, uint8_t family, const char *table, const char *set)
{
	elem(m, NFT_MSG_DELSETELEM, 0, family, table, set, NULL);
}

static int found(const struct nlmsghdr *h, void *ctx)
{
	(void)h;
	*(int *)ctx = 1;
	return 1;
}

int nft_has_table(int fd, uint8_t family, const char *table)
{
	auto_nl struct nl m = NL_EMPTY;
	int there = 0, r;

	start(&m, nft_type(NFT_MSG_GETTABLE), 0, family, 0);
	nl_put_str(&m, NFTA_TABLE_NAME, table);
	r = nl_dump(fd, &m, found, &there);
	return r == -ENOENT ? 0 : r < 0 ? r : there;
}

/* The attribute within the bytes [p, end); NULL when it is not there. */
static const char *inner(const char *p, const char *end, uint16_t attribute, size_t *out_len)
{
	while (end - p >= (ptrdiff_t)sizeof(struct nlattr)) {
		struct nlattr a;
		memcpy(&a, p, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > end - p)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == attribute) {
			*out_len = a.nla_len - sizeof(a);
			return p + sizeof(a);
		}
		p += NLA_ALIGN(a.nla_len);
	}
	return NULL;
}

struct elem_visit {
	int (*each)(const struct nft_value *key, void *ctx);
	void *ctx;
};

static int visit_elem(const struct elem_visit *v, const char *p, size_t len)
{
	struct nft_value key = {0};
	size_t n;
	const char *k = inner(p, p + len, NFTA_SET_ELEM_KEY, &n);

	if (k)
		k = inner(k, k + n, NFTA_DATA_VALUE, &n);
	if (!k || n > sizeof(key.bytes))
		return 0;
	nft_add_bytes(&key, k, n);
	return v->each(&key, v->ctx);
}

static int visit_elems(const struct nlmsghdr *h, void *ctx)
{
	size_t len, n;
	const char *list = nl_attr(h, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS, &len);

	for (const char *p = list, *end = list ? list + len : NULL; p && p < end;) {
		const char *one = inner(p, end, NFTA_LIST_ELEM, &n);
		int r = one ? visit_elem(ctx, one, n) : 0;
		if (!one || r < 0)
			return r;
		p = one + NLA_ALIGN(n);
	}
	return 0;
}

int nft_elem_each(int fd, uint8_t family, const char *table, const char *set,
	int (*each)(const struct nft_value *key, void *ctx), void *ctx)
{
	struct elem_visit v = {each, ctx};
	auto_nl struct nl m = NL_EMPTY;

	start(&m, nft_type(NFT_MSG_GETSETELEM), NLM_F_DUMP, family, 0);
	nl_put_str(&m, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(&m, NFTA_SET_ELEM_LIST_SET, set);
	return nl_dump(fd, &m, visit_elems, &v);
}

int nft_has_rules(int fd, uint8_t family, const char *table)
{
	auto_nl struct nl m = NL_EMPTY;
	int there = 0, r;

	start(&m, nft_type(NFT_MSG_GETRULE), NLM_F_DUMP, family, 0);
	nl_put_str(&m, NFTA_RULE_TABLE, table);
	r = nl_dump(fd, &m, found, &there);
	return r == -ENOENT ? 0 : r < 0 ? r : there;
}
