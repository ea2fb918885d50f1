/* idents.c: what the kernel knows an engine's things by. */
#define _GNU_SOURCE
#include "network/idents.h"

#include <stdio.h>

#define SUFFIX_MAX 6
/* Bits that others leave alone (Kubernetes has 0xc000, Calico and Tailscale some of 0xff0000). */
#define MARK 0x48000000u
#define MARK_MORE 0x3f00000u

void network_idents_of(const char *suffix, struct network_idents *out)
{
	const char *dash = *suffix ? "-" : "", *line = *suffix ? "_" : "";
	uint32_t hash = 0;

	for (const char *p = suffix; *p; p++)
		hash = hash * 31 + (unsigned char)*p;
	snprintf(out->table, sizeof(out->table), "hull%s%.*s", line, SUFFIX_MAX, suffix);
	snprintf(out->bridge, sizeof(out->bridge), "hull0%s%.*s", dash, SUFFIX_MAX, suffix);
	snprintf(out->from, sizeof(out->from), "hp0%s%.*s", dash, SUFFIX_MAX, suffix);
	snprintf(out->to, sizeof(out->to), "hp1%s%.*s", dash, SUFFIX_MAX, suffix);
	out->mark = MARK | (hash << 20 & MARK_MORE);
}
