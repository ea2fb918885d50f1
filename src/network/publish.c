/* publish.c: published ports as users type them. */
#define _GNU_SOURCE
#include "network/publish.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"
#include "kernel/cidr.h"

static const struct {
	const char *name;
	uint8_t number;
} protos[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

const char *publish_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].number == proto)
			return protos[i].name;
	return "?";
}

static int bad(struct err *e, const char *text, const char *why)
{
	return err_set(e, ERR_INVALID, "invalid port specification \"%.200s\": %s", text, why);
}

/* Cuts "/proto" off. */
static int take_proto(char *text, uint8_t *out)
{
	char *slash = strchr(text, '/');

	*out = IPPROTO_TCP;
	if (!slash)
		return 0;
	*slash++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (strcasecmp(slash, protos[i].name) == 0) {
			*out = protos[i].number;
			return 0;
		}
	return -EINVAL;
}

static int port(const char *text, uint16_t *out)
{
	uint32_t v;

	if (parse_u32(text, &v) < 0 || v == 0 || v > UINT16_MAX)
		return -EINVAL;
	*out = (uint16_t)v;
	return 0;
}

/* "80" or "80-90" */
static int range(char *text, uint16_t *first, uint32_t *n)
{
	char *dash = strchr(text, '-');
	uint16_t last;

	if (dash)
		*dash++ = '\0';
	if (port(text, first) < 0 || (dash && port(dash, &last) < 0))
		return -EINVAL;
	if (!dash)
		last = *first;
	if (last < *first)
		return -EINVAL;
	*n = (uint32_t)last - *first + 1;
	return 0;
}

/* Cuts the address off the front: "1.2.3.4:...", "[::1]:...". *text moves on. */
static int take_address(char **text, struct link_addr *out)
{
	char *p = *text, *end, *last = strrchr(p, ':');

	if (*p == '[') {
		end = strchr(p, ']');
		if (!end || end[1] != ':')
			return -EINVAL;
		*end = '\0';
		*text = end + 2;
		return cidr_parse_address(p + 1, out);
	}
	end = strchr(p, ':');
	if (!end || end == last)
		return 0;
	/* More than two colons without brackets: an IPv6 address, up to the last but one. */
	end = last;
	do
		end--;
	while (end > p && *end != ':');
	*end = '\0';
	*text = end + 1;
	return *p ? cidr_parse_address(p, out) : 0;
}

int publish_parse(const char *text, struct publish *out, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	struct publish p = {0};
	uint32_t n = 0, n_host = 0;
	char *rest = copy, *colon;

	if (take_proto(copy, &p.proto) < 0)
		return bad(e, text, "the protocol is tcp, udp or sctp");
	if (take_address(&rest, &p.host) < 0)
		return bad(e, text, "the part before the ports is no IP address");
	colon = strchr(rest, ':');
	if (colon)
		*colon++ = '\0';
	if (range(colon ? colon : rest, &p.port, &n) < 0)
		return bad(e, text,
			"ports are numbers from 1 to 65535 or ranges like 8000-8010, as "
			"[[ip:][hostport]:]containerport[/proto]");
	if (colon && *rest && range(rest, &p.host_port, &n_host) < 0)
		return bad(e, text, "the host's port is a number from 1 to 65535 or a range");
	if (n_host && n_host != n && n != 1)
		return bad(e, text, "the ranges are not of one length");
	p.n = (uint16_t)n;
	p.choices = n == 1 && n_host ? (uint16_t)n_host : 1;
	*out = p;
	return 0;
}

int publish_parse_expose(const char *text, struct publish *out, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	struct publish p = {0};
	uint32_t n;

	if (take_proto(copy, &p.proto) < 0 || range(copy, &p.port, &n) < 0)
		return bad(e, text, "expected port[-port][/proto]");
	p.n = (uint16_t)n;
	p.choices = 1;
	*out = p;
	return 0;
}

void publish_list_add(struct publish_list *l, const struct publish *p)
{
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*p));
	l->v[l->n++] = *p;
}

int publish_overlap(const struct publish *a, const struct publish *b)
{
	if (a->proto != b->proto || !a->host_port || !b->host_port ||
		a->host_port > b->host_port + b->n - 1 || b->host_port > a->host_port + a->n - 1)
		return 0;
	if (!a->host.family || !b->host.family)
		return 1;
	if (a->host.family != b->host.family)
		return 0;
	/* 0.0.0.0 is every address of its family, :: as well. */
	return cidr_is_any(&a->host) || cidr_is_any(&b->host) || cidr_equal(&a->host, &b->host);
}
