/* networks_live.c: hull network connect, disconnect, reload. */
#include "base/mem.h"
#include "cli/cmd.h"

/* ---- connect */

struct connect_values {
	const char *ip, *ip6, *mac_address;
	char **aliases;
};
#define CONNECT(m) offsetof(struct connect_values, m), OPT_NOT_TRACKED
static const struct opt connect_opts[] = {
	{"alias", 0, OPT_LIST, CONNECT(aliases), "strings", "Further names in the network"},
	{"driver-opt", 0, OPT_LATER, 0, OPT_NOT_TRACKED, "strings", NULL},
	{"gw-priority", 0, OPT_LATER, 0, OPT_NOT_TRACKED, "int", NULL},
	{"ip", 0, OPT_TEXT, CONNECT(ip), "string", "IPv4 address"},
	{"ip6", 0, OPT_TEXT, CONNECT(ip6), "string", "IPv6 address"},
	{"link", 0, OPT_LATER, 0, OPT_NOT_TRACKED, "list", NULL},
	{"link-local-ip", 0, OPT_LATER, 0, OPT_NOT_TRACKED, "strings", NULL},
	{"mac-address", 0, OPT_TEXT, CONNECT(mac_address), "string", "MAC address"},
};

static int connect(struct engine *en, void *values, char **args, struct err *e)
{
	const struct connect_values *v = values;

	return engine_network_connect(en,
		&(struct engine_connect){
			.network = args[0],
			.container = args[1],
			.aliases = v->aliases,
			.ip = v->ip,
			.ip6 = v->ip6,
			.mac_address = v->mac_address,
		},
		e);
}

const struct cmd cmd_network_connect = {
	.name = "network connect",
	.usage = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Connect a container, running or not, to a network",
	.opts = connect_opts,
	.n_opts = ARRAY_SIZE(connect_opts),
	.size = sizeof(struct connect_values),
	.min_args = 2,
	.max_args = 2,
	.exec = connect,
};

/* ---- disconnect */

struct disconnect_values {
	int force;
};
static const struct opt disconnect_opts[] = {
	{"force", 'f', OPT_BOOL, offsetof(struct disconnect_values, force), OPT_NOT_TRACKED, "",
		"No error when it is not connected or not there"},
};

static int disconnect(struct engine *en, void *values, char **args, struct err *e)
{
	const struct disconnect_values *v = values;

	return engine_network_disconnect(en, args[0], args[1], v->force, e);
}

const struct cmd cmd_network_disconnect = {
	.name = "network disconnect",
	.usage = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Disconnect a container from a network",
	.opts = disconnect_opts,
	.n_opts = ARRAY_SIZE(disconnect_opts),
	.size = sizeof(struct disconnect_values),
	.min_args = 2,
	.max_args = 2,
	.exec = disconnect,
};

/* ---- reload */

static int reload(struct engine *en, void *values, char **args, struct err *e)
{
	(void)values;
	(void)args;
	return engine_network_reload(en, e);
}

const struct cmd cmd_network_reload = {
	.name = "network reload",
	.usage = "",
	.summary = "Make the rules of nftables anew, with all that runs",
	.exec = reload,
};
