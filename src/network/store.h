/* store.h: networks, the places of containers in them, and published ports, in the database.
 *
 * Networks are in hull.db. Places and ports of a container lie where its row lies (file "main" or,
 * for
 * --rm, the attached "run"), and are unique over both: whoever adds one holds the write lock of
 * both files (db_begin with the files that engine/container_store.h attaches). Speaking. */
#pragma once

#include <stdint.h>

#include "base/db.h"
#include "base/json.h"
#include "kernel/listeners.h"
#include "network/publish.h"

struct network {
	char *id; /* 64 hex digits */
	char *name;
	char *driver; /* "bridge", "macvlan" */
	char *bridge; /* the interface; macvlan: the parent */
	int64_t created_ns;
	struct link_addr net4, net6;	     /* family 0: none */
	struct link_addr gateway4, gateway6; /* with the subnet's prefix */
	struct link_addr range4, range6;     /* where addresses are taken from; family 0: all */
	int internal, isolate;
	uint32_t mtu;
	char **labels;	/* "K=V" */
	char **options; /* as given, for inspect */
};
void network_done(struct network *n);
#define auto_network __attribute__((cleanup(network_done)))

/* Schema; run_schema is what the attached file gets. */
int network_store_migrate(struct db *db, struct err *e);
extern const char network_store_run_schema[];

/* By name, id, or the unambiguous beginning of an id. ERR_NOT_FOUND. */
int network_store_find(struct db *db, const char *name, struct network *out, struct err *e);
/* Of any that is there, by name. */
int network_store_each(
	struct db *db, int (*each)(const struct network *n, void *ctx), void *ctx, struct err *e);
/* ERR_CONFLICT when the name or the bridge is taken. */
int network_store_add(struct db *db, const struct network *n, struct err *e);
/* With all places in it. */
int network_store_remove(struct db *db, const char *id, struct err *e);

/* A container's place in a network. */
struct place {
	struct link_addr addr4, addr6; /* with the subnet's prefix; family 0: none */
	uint8_t mac[6];
	int number;	 /* of the container's places, in the order in which they were given */
	char *interface; /* inside */
	char **aliases;
};
void place_done(struct place *p);
/* Fill in the addresses that are free (those that *p names already are checked) and the MAC, and
 * write it down. ERR_CONFLICT: the address is taken (says by whom), or there is none left (says how
 * many there were). */
int network_store_place(struct db *db, const struct network *n, const char *container,
	int ephemeral, struct place *p, struct err *e);
/* The address that is kept free for the network's own name server: 1, or 0 when it is too small. A
 * further name server has a place under a container id that begins with "@" and is counted nowhere.
 */
int network_server_address(const struct network *n, int family, struct link_addr *out);
/* each(network id, place, ctx) of a container, in the order in which they were given. */
int network_store_places(struct db *db, const char *container,
	int (*each)(const char *network, const struct place *p, void *ctx), void *ctx,
	struct err *e);
/* each(container, place, ctx) of a network, by the container's id; what has an id
 * that begins with "@" is no container. */
int network_store_members(struct db *db, const char *network,
	int (*each)(const char *container, const struct place *p, void *ctx), void *ctx,
	struct err *e);
/* The container's place in that network goes. No error when there is none. */
int network_store_unplace(
	struct db *db, const char *network, const char *container, int ephemeral, struct err *e);
/* Containers with a place in it: number, or -1; the id of one of them in out_one[65] (may be NULL).
 */
int64_t network_store_users(struct db *db, const char *network, char *out_one, struct err *e);

/* Ports: every p->host_port is set afterwards (0 becomes a free one of 32768 to 60999, of choices
 * the first that is free). What host has (NULL: not looked at) belongs to processes of the host:
 * they would get nothing from outside any more. ERR_CONFLICT says who has it. */
int network_store_publish(struct db *db, const struct listeners *host, const char *container,
	int ephemeral, struct publish *p, struct err *e);
int network_store_published(
	struct db *db, const char *container, struct publish_list *out, struct err *e);
/* The row of exactly these ports goes. No error when there is none. */
int network_store_unpublish(struct db *db, const char *container, int ephemeral,
	const struct publish *p, struct err *e);
/* All that the container has: places, ports. */
int network_store_forget(struct db *db, const char *container, int ephemeral, struct err *e);
