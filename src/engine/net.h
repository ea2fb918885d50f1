/* net.h: a container's networks: asked for, reserved with its row, plugged in, taken away. Inside
 *the engine's folder only.
 *
 *	P  net_parse       what was asked for, the networks' rows          before anything is
 *written P  net_reserve     addresses and ports, with the container's row   in its transaction P
 *net_describe    interfaces into the OCI configuration, hosts P  net_up          bridges and rules
 *as far as they are missing M  net_plug        cables and ports, while C makes its root net_unplug
 *ports closed: by the monitor (the bytes of net_undo), else by whoever removes */
#pragma once

#include "engine/parts.h"
#include "engine/spec.h"
#include "network/up.h"

#define NET_DEFAULT "bridge"

struct net_join {
	struct network network;
	struct place place;
	int index; /* of the bridge, once it is up */
	char cable[IFNAMSIZ];
};

struct net {
	struct network_host host;
	struct net_join *v;
	size_t n;
	struct publish_list ports;
	int router_fd; /* borrowed: to hull-router (router.h), -1 where there is none */
	char id[65];
	int run_fd; /* borrowed: the container's run folder, which gets the file "undo" */
};
#define NET_NONE ((struct net){.host = NETWORK_HOST_NONE, .router_fd = -1})

/* Name a mode of --network that is none of none, host, container:ID; *out_name: caller frees. */
int net_parse(struct engine *en, const struct spec *s, struct net *out, struct err *e);
/* "firewall" or "direct", as --publish-policy has it. */
int net_policy(const char *text, uint8_t *out_direct, struct err *e);
/* Inside the transaction that adds the container's row. */
int net_reserve(
	struct engine *en, const struct spec *s, int ephemeral, struct net *n, struct err *e);
void net_describe(const struct net *n, struct spec *s);
int net_up(struct engine *en, struct net *n, struct err *e);
int net_plug(void *net, pid_t pid, struct err *e); /* of struct runtime_create */
void net_done(struct net *n);
/* net_json.c: networks: name -> endpoint (a copy of base with what is known); Docker's "Ports"; the
 * PORTS column of ps (caller frees). What cannot be read is left out. */
int net_json_networks(struct engine *en, const char *id, const json_t *base, json_t *networks);
json_t *net_json_of_ports(const struct publish_list *l);
json_t *net_json_ports(struct engine *en, const char *id);
char *net_ports_text(struct engine *en, const char *id);
/* Where the container's ports are in the rules, they go. Nothing to do for most. */
void net_unplug(struct engine *en, const char *id);
