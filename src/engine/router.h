/* router.h: where the networks of somebody live who is not the machine's root: in a network
 * namespace of their own user namespace, kept and connected to the host's by hull-router (folder
 * router). Everything else about networks is the same there. Root of a user namespace that owns its
 * network namespace (`unshare -rn`, a container) needs none. Inside the engine's folder only. */
#pragma once

#include "base/err.h"
#include "engine/net.h"
#include "engine/parts.h"

/* Ask a router that is there: its user namespace (the caller closes it) and its pid. Sets
 * en->router_fd and router_net_fd. -ENOENT: there is none. Quiet. */
int router_hello(struct engine *en, pid_t *out_pid);
/* Nobody else starts a router, or finds one that is about to leave, until router_unlock. */
int router_lock(struct engine *en, struct err *e);
void router_unlock(struct engine *en);
/* Of a router that was killed: a monitor in its namespace lives. The user namespace that owns it;
 * en->router_net_fd. -ENOENT. Quiet. */
int router_orphan(struct engine *en);
/* Start one in this process's user namespace, under the lock, unless en->router_fd is there. It
 * keeps en->router_net_fd, if set, else makes one. */
int router_start(struct engine *en, struct err *e);
/* Does nothing where the network namespace is the process's own. */
int router_needed(const struct engine *en);

/* Into the namespace, for good: sockets of netlink, /proc/sys/net and nft are its own from then on.
 * Without one, or where none is needed, nothing happens. After mode_enter. */
int router_enter(struct engine *en, struct err *e);
/* Say which ports lead to a container, and wait until they do; monitor: the process that it ends
 * with. Two steps, so that the caller can do something meanwhile. Nothing to do without a router.
 */
int router_publish(int router_fd, const char *id, pid_t monitor, const struct publish_list *ports,
	const struct link_addr *addr4, const struct link_addr *addr6, struct err *e);
int router_published(int router_fd, struct err *e);
/* All containers that run, for a new router. */
int router_publish_all(struct engine *en, struct err *e);
/* What a router cannot publish. */
int router_check_ports(const struct publish_list *ports, struct err *e);
