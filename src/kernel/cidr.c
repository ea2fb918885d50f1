/* cidr.c: addresses and subnets as plain data. */
#define _GNU_SOURCE
#include "kernel/cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

size_t cidr_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static unsigned int bits(const struct link_addr *a)
{
	return (unsigned int)cidr_len(a->family) * 8;
}

int cidr_parse_address(const char *text, struct link_addr *out)
{
	struct link_addr a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(a.family, text, a.bytes) != 1)
		return -EINVAL;
	a.prefix = (uint8_t)bits(&a);
	*out = a;
	return 0;
}

int cidr_parse(const char *text, struct link_addr *out)
{
	const char *slash = strchr(text, '/');
	auto_free char *address = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	struct link_addr a;
	uint32_t prefix;

	if (!slash || cidr_parse_address(address, &a) < 0 || parse_u32(slash + 1, &prefix) < 0 ||
		prefix > bits(&a))
		return -EINVAL;
	a.prefix = (uint8_t)prefix;
	*out = a;
	return 0;
}

void cidr_address_text(const struct link_addr *a, char out[CIDR_TEXT_MAX])
{
	if (!inet_ntop(a->family, a->bytes, out, CIDR_TEXT_MAX))
		*out = '\0';
}

void cidr_text(const struct link_addr *a, char out[CIDR_TEXT_MAX])
{
	size_t len;

	cidr_address_text(a, out);
	len = strlen(out);
	snprintf(out + len, CIDR_TEXT_MAX - len, "/%u", a->prefix);
}

char *cidr_dup(const struct link_addr *a)
{
	char text[CIDR_TEXT_MAX] = "";

	if (a->family)
		cidr_text(a, text);
	return xstrdup(text);
}

int cidr_is_any(const struct link_addr *a)
{
	static const uint8_t zero[sizeof(a->bytes)];

	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

struct link_addr cidr_network(const struct link_addr *a)
{
	struct link_addr n = *a;

	for (unsigned int i = a->prefix; i < bits(a); i++)
		n.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return n;
}

struct link_addr cidr_last(const struct link_addr *a)
{
	struct link_addr n = *a;

	for (unsigned int i = a->prefix; i < bits(a); i++)
		n.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return n;
}

int cidr_equal(const struct link_addr *a, const struct link_addr *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       memcmp(a->bytes, b->bytes, cidr_len(a->family)) == 0;
}

int cidr_contains(const struct link_addr *net, const struct link_addr *a)
{
	struct link_addr low = cidr_network(net), other = *a;

	if (net->family != a->family)
		return 0;
	other.prefix = net->prefix;
	other = cidr_network(&other);
	return cidr_equal(&low, &other);
}

int cidr_overlap(const struct link_addr *a, const struct link_addr *b)
{
	return a->prefix <= b->prefix ? cidr_contains(a, b) : cidr_contains(b, a);
}

uint64_t cidr_size(const struct link_addr *net)
{
	unsigned int host = bits(net) - net->prefix;

	return host >= 64 ? UINT64_MAX : 1ULL << host;
}

struct link_addr cidr_at(const struct link_addr *net, uint64_t offset)
{
	struct link_addr a = cidr_network(net);
	size_t last = cidr_len(net->family) - 1;

	for (size_t i = 0; i < 8 && i <= last && offset; i++, offset >>= 8) {
		/* The host part is 0 from cidr_network: adding is or-ing. */
		a.bytes[last - i] |= (uint8_t)offset;
	}
	return a;
}

uint64_t cidr_offset(const struct link_addr *net, const struct link_addr *a)
{
	const struct link_addr low = cidr_network(net);
	size_t len = cidr_len(net->family);
	uint64_t v = 0;

	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		v = v << 8 | (uint8_t)(a->bytes[i] ^ low.bytes[i]);
	return v;
}

void cidr_next(struct link_addr *a)
{
	*a = cidr_network(a);
	for (unsigned int i = a->prefix; i-- > 0;) {
		a->bytes[i / 8] ^= (uint8_t)(0x80 >> i % 8);
		if (a->bytes[i / 8] & 0x80 >> i % 8)
			return;
	}
}

void cidr_mac(const struct link_addr *a, uint8_t out[6])
{
	const uint8_t *last = a->bytes + cidr_len(a->family) - 4;

	out[0] = 0x02;
	out[1] = 0x42;
	memcpy(out + 2, last, 4);
}

void cidr_mac_text(const uint8_t mac[6], char out[CIDR_MAC_MAX])
{
	snprintf(out, CIDR_MAC_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
}

int cidr_mac_parse(const char *text, uint8_t out[6])
{
	uint8_t mac[6];

	for (int i = 0; i < 6; i++) {
		char digits[3] = {text[0], text[0] ? text[1] : '\0', '\0'}, *end;
		mac[i] = (uint8_t)strtoul(digits, &end, 16);
		if (end != digits + 2 || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		text += 3;
	}
	/* The lowest bit of the first byte marks a group. */
	if (mac[0] & 1)
		return -EINVAL;
	memcpy(out, mac, 6);
	return 0;
}
