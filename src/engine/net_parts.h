/* net_parts.h: what the files about a container's networks share (net.h). Inside the engine's
 * folder only. */
#pragma once

#include "engine/container_store.h"
#include "engine/net.h"

/* One more, empty. */
struct net_join *net_join_add(struct net *n);
/* ip, ip6, alias, mac, interface, as --network NAME:key=value has them. */
int net_join_option(struct net_join *j, const char *key, const char *value, struct err *e);
/* Its end on the host's side, which follows from its number: into j->cable. */
void net_join_cable(struct net_join *j, const char *id);
/* "default" and the default network too, which is made when it is not there. */
int net_find_network(struct engine *en, const char *name, struct network *out, struct err *e);

/* *out_direct: the policy `text`, else that of the first network that says one; else untouched. */
int net_choose_policy(const struct net *n, const char *text, uint8_t *out_direct, struct err *e);

/* net_rows.c: what the container has, out of its rows. Release with net_done. */
int net_load(struct engine *en, const char *id, struct net *out, struct err *e);
int net_plug_cable(struct net *n, const struct net_join *j, pid_t pid, struct err *e);
/* Where published ports lead: of each family the address in the first network of a bridge that is
 * not internal; family 0: none. */
void net_published_addresses(
	const struct net *n, const struct link_addr **out4, const struct link_addr **out6);
