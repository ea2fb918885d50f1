/* net.h: a container's networks: asked for, reserved with its row, plugged in, taken away. Inside
 *the engine's folder only.
 *
 * P: net_parse (what was asked for, the networks' rows: before anything is written), net_reserve
 * (addresses and ports, in the transaction of the container's row), net_describe (interfaces into
 * the OCI configuration, hosts), net_up (bridges and rules as far as they are missing).
 *
 * M: net_keep (the keeper is there, or starts), net_plug (cables, ports, names, while C makes its
 * root).
 *
 * At the end the monitor closes ports (the file "undo") and removes names (net_names.h); what it
 * could not, net_unplug and whoever removes the container do. */
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

/* The name server that it asks (net_names.h). */
struct net_server {
	char key[ENGINE_ID_LEN + 1]; /* "": none */
	struct link_addr addrs[2];   /* with the subnet's prefix; family 0: none */
	size_t in;		     /* which of the networks it is plugged into */
	char *spec;		     /* lines for the keeper */
};

struct net {
	struct network_host host;
	struct net_join *v;
	size_t n;
	struct publish_list ports;
	int router_fd; /* borrowed: to hull-router (router.h), -1 where there is none */
	char id[65];
	struct net_server server;
	const char *name; /* borrowed: the container's */
	struct engine *en;
	int users_fd; /* the keeper stays while it is open; -1 */
	int run_fd;   /* borrowed: the container's run folder, which gets the file "undo" */
};
#define NET_NONE ((struct net){.host = NETWORK_HOST_NONE, .router_fd = -1, .users_fd = -1})

/* Name a mode of --network that is none of none, host, container:ID; *out_name: caller frees. */
int net_parse(struct engine *en, const struct spec *s, struct net *out, struct err *e);
/* "firewall" or "direct", as --publish-policy has it. */
int net_policy(const char *text, uint8_t *out_direct, struct err *e);
/* Inside the transaction that adds the container's row. */
int net_reserve(
	struct engine *en, const struct spec *s, int ephemeral, struct net *n, struct err *e);
void net_describe(const struct net *n, struct spec *s);
int net_up(struct engine *en, struct net *n, struct err *e);
/* Of M, before it clones. */
int net_keep(struct net *n, struct err *e);
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
