/* net_names.h: names of containers within their networks. A network of one's own (driver bridge,
 * not the default one) has a name server, which the keeper keeps (keeper/protocol.h). A container
 * with several such networks, or with name servers of its own choice, has one that fits it, shared
 * with those alike. Inside the engine's folder only. */
#pragma once

#include "engine/net.h"

/* P: which name server the container asks, when any: n->server. Within the transaction, with the
 * places known. dns: --dns. */
int net_names_choose(struct engine *en, struct net *n, char *const *dns, struct err *e);
/* The addresses of it, as resolv.conf has them; caller frees. NULL: none. */
char **net_names_servers(const struct net *n);
/* M: the container's names are known and its name server runs, when this returns. */
int net_names_join(struct engine *en, const struct net *n, const char *id, struct err *e);
/* What is left of them when the container is removed. run_fd: its run folder. */
void net_names_forget(struct engine *en, int run_fd, const char *id);
