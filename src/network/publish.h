/* publish.h: published ports as users type them: [ip:][host[-range]]:container[-range][/proto].
 * Pure. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "kernel/link.h"

struct publish {
	struct link_addr host; /* family 0: every address of the host, of both families */
	uint8_t proto;	       /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	uint16_t host_port;    /* the first of the range; 0: any free one */
	uint16_t port;	       /* the first inside */
	uint16_t n;	       /* how many */
	uint16_t choices;      /* with n 1: any free one of so many of the host's; else 1 */
	uint8_t direct;	       /* open from outside whatever the host's firewall says (rules.c) */
};
struct publish_list {
	struct publish *v;
	size_t n;
};

/* "8080:80", "127.0.0.1:8080-8090:80-90/udp", "[::1]::80", "80" (any free port of the host). Of
 * a range of the host's for one port inside (8080-8090:80) the first free one is taken. */
int publish_parse(const char *text, struct publish *out, struct err *e);
/* EXPOSE and --expose: "80", "8000-8010/udp" */
int publish_parse_expose(const char *text, struct publish *out, struct err *e);
void publish_list_add(struct publish_list *l, const struct publish *p);
const char *publish_proto_name(uint8_t proto);
int publish_overlap(const struct publish *a, const struct publish *b);
