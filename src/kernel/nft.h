/* nft.h: elements of nftables sets and maps, many in one transaction. Tables and chains, which are
 * made once, are nft(8)'s; elements come and go with each container: a batch here costs 0.02 ms,
 * the program 3. Quiet: >= 0 or -errno. Source: linux/netfilter/nf_tables.h, nft(8). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernel/netlink.h"

#define NFT_KEY_MAX 64

/* What sets and maps are made of: every field begins at a multiple of four bytes. */
struct nft_value {
	uint8_t bytes[NFT_KEY_MAX];
	size_t len;
};
void nft_add_u8(struct nft_value *v, uint8_t x);    /* inet_proto */
void nft_add_port(struct nft_value *v, uint16_t x); /* inet_service; host order */
void nft_add_bytes(struct nft_value *v, const void *bytes, size_t len); /* addresses */
void nft_add_ifname(struct nft_value *v, const char *name);

struct nft_elem {
	const char *set;
	struct nft_value key;
	struct nft_value key_end; /* of an interval, inclusive as nft(8) writes it; len 0: none */
	struct nft_value data;	  /* of a map; len 0: none */
	/* Intervals of one field have no key_end: the first key that is no more in it is an element
	 * of its own. */
	int is_end;
};

/* A transaction: begin, any number of adds and deletes, end; then nl_talk. All of it happens or
 * nothing. -EEXIST for an element that is there with other data, -ENOENT for one that is not (or
 * its set, or its table). */
void nft_begin(struct nl *m);
void nft_elem_add(struct nl *m, uint8_t family, const char *table, const struct nft_elem *e);
/* Elements that may have gone already: a transaction of its own for each. */
void nft_elem_delete(struct nl *m, uint8_t family, const char *table, const struct nft_elem *e);
void nft_flush_set(struct nl *m, uint8_t family, const char *table, const char *set);
void nft_end(struct nl *m);
/* 1 when the table is there, 0 when not. */
int nft_has_table(int fd, uint8_t family, const char *table);
/* The same for rules in it. The rest of the list stays in the socket: close it. */
int nft_has_rules(int fd, uint8_t family, const char *table);
/* each(key, ctx) for every element; of an interval its first key. -ENOENT when there is no such
 * set. */
int nft_elem_each(int fd, uint8_t family, const char *table, const char *set,
	int (*each)(const struct nft_value *key, void *ctx), void *ctx);
