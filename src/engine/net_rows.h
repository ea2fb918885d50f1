/* net_rows.h: networks as the engine sees all of them at once: the default one, and what is to be
 * in the rules. Inside the engine's folder only. */
#pragma once

#include "engine/net.h"

/* The default network's row; made when it is not there yet. */
int net_default(struct engine *en, struct network *out, struct err *e);
int net_has_ipv6(void); /* this kernel, and switched on at boot */
/* fill of network_up: every network whose bridge is there, every port of a container that runs. */
int net_fill(void *engine, struct network_host *h, struct err *e);
/* Tell a new router (router.h) of every container that runs. */
int net_publish_running(struct engine *en, struct err *e);
/* Addresses and ports that containers hold which nobody runs are free: a stopped one gets them anew
 * when it is started. Within the transaction. */
int net_forget_stopped(struct engine *en, struct err *e);
/* Take the ports out of the rules wherever they lead to. */
void net_close_ports(int nft_fd, const struct network_idents *id, const struct publish_list *ports);
/* What processes of the host have of the protocols of `ports`: such a port is not published,
 * because they would get nothing from outside any more. A port that is free is not held: who comes
 * later gets it, and hears nobody but the host itself. */
int net_host_listeners(const struct publish_list *ports, struct listeners *out, struct err *e);
