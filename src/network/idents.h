/* idents.h: what the kernel knows an engine's things by. Two engines (two HULL_ROOTs) on one host
 * must never touch each other's table, bridge and pair. Pure. */
#pragma once

#include <net/if.h>
#include <stdint.h>

struct network_idents {
	char table[32];			   /* of nftables: "hull" */
	char bridge[IFNAMSIZ];		   /* of the default network: "hull0" */
	char from[IFNAMSIZ], to[IFNAMSIZ]; /* the pair that copies go through: "hp0", "hp1" */
	int router;    /* this is the namespace of an ordinary user's hull-router */
	uint32_t mark; /* of copies, for one look-up, and the routing table */
};

/* suffix: "" for the machine's own engine; else up to 6 letters and digits, which end up in all of
 * them. */
void network_idents_of(const char *suffix, struct network_idents *out);
