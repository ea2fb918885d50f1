/* cidr.h: addresses and subnets as plain data (struct link_addr), read, written, counted. Pure. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "kernel/link.h"

#define CIDR_TEXT_MAX 64

/* "10.1.2.3" or "fd00::1": prefix 32 or 128. -EINVAL. */
int cidr_parse_address(const char *text, struct link_addr *out);
/* "10.1.0.0/16"; bits of the host part are kept. -EINVAL. */
int cidr_parse(const char *text, struct link_addr *out);
size_t cidr_len(int family); /* bytes of an address: 4 or 16 */
void cidr_text(const struct link_addr *a, char out[CIDR_TEXT_MAX]);	    /* with "/16" */
void cidr_address_text(const struct link_addr *a, char out[CIDR_TEXT_MAX]); /* without */

/* cidr_text on the heap; "" for none (family 0). */
char *cidr_dup(const struct link_addr *a);
/* 0.0.0.0, :: */
int cidr_is_any(const struct link_addr *a);

/* The network's own address: the bits of the host part are 0. */
struct link_addr cidr_network(const struct link_addr *a);
int cidr_equal(const struct link_addr *a, const struct link_addr *b); /* address and prefix */
int cidr_contains(const struct link_addr *net, const struct link_addr *a);
int cidr_overlap(const struct link_addr *a, const struct link_addr *b);
/* How many addresses it holds, network and broadcast included; UINT64_MAX when it does not fit. */
uint64_t cidr_size(const struct link_addr *net);
/* The address at `offset` from the network's own, with the network's prefix. */
struct link_addr cidr_at(const struct link_addr *net, uint64_t offset);
/* The reverse; a is in net and not further than 2^64. */
uint64_t cidr_offset(const struct link_addr *net, const struct link_addr *a);
/* The last address of a's network, with its prefix. */
struct link_addr cidr_last(const struct link_addr *a);
/* The address behind the last of a's network (all zeros behind the very last). */
void cidr_next(struct link_addr *a);
/* A locally administered MAC that follows from the address, as the field has it: 02:42 and IPv4. */
void cidr_mac(const struct link_addr *a, uint8_t out[6]);
#define CIDR_MAC_MAX 18
void cidr_mac_text(const uint8_t mac[6], char out[CIDR_MAC_MAX]);
int cidr_mac_parse(const char *text, uint8_t out[6]);
