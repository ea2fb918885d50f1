/* ports.c: hull port, port add, port rm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cmd.h"

/* "80/tcp" of one, or all of them */
static void print_bindings(const char *key, const json_t *list, int with_key)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *ip = jsonx_str(one, "HostIp", "");
		printf(strchr(ip, ':') ? "%s%s[%s]:%s\n" : "%s%s%s:%s\n", with_key ? key : "",
			with_key ? " -> " : "", ip, jsonx_str(one, "HostPort", ""));
	}
}

/* By number, then by protocol, as Docker sorts them. */
static int by_port(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	long p = strtol(x, NULL, 10), q = strtol(y, NULL, 10);

	return p < q ? -1 : p > q ? 1 : strcmp(x, y);
}

static void print_all(const json_t *ports)
{
	auto_free const char **keys = xcalloc(json_object_size(ports) + 1, sizeof(*keys));
	const char *key;
	const json_t *list;
	size_t n = 0;

	json_object_foreach ((json_t *)ports, key, list)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_port);
	for (size_t i = 0; i < n; i++)
		print_bindings(keys[i], json_object_get(ports, keys[i]), 1);
}

static int port(struct engine *en, void *values, char **args, struct err *e)
{
	auto_json json_t *ports = engine_port_list(en, args[0], e);
	auto_free char *key = NULL;
	const json_t *list;

	(void)values;
	if (!ports)
		return -1;
	if (!args[1]) {
		print_all(ports);
		return 0;
	}
	key = strchr(args[1], '/') ? xstrdup(args[1]) : xasprintf("%s/tcp", args[1]);
	list = json_object_get(ports, key);
	if (!list)
		return err_set(e, ERR_NOT_FOUND, "No public port '%.100s' published for %.200s",
			key, args[0]);
	print_bindings(key, list, 0);
	return 0;
}

const struct cmd cmd_port = {
	.name = "port",
	.usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
	.summary = "List the published ports of a container (port add, port rm: change them)",
	.min_args = 1,
	.max_args = 2,
	.exec = port,
};

struct add_values {
	const char *policy;
};
static const struct opt add_opts[] = {
	{"publish-policy", 0, OPT_TEXT, offsetof(struct add_values, policy), OPT_NOT_TRACKED,
		"string", "firewall or direct, as of run"},
};

static int add(struct engine *en, void *values, char **args, struct err *e)
{
	const struct add_values *v = values;

	strv_foreach (spec, args + 1) {
		auto_json json_t *ports = NULL;
		if (engine_port_add(en, args[0], *spec, v->policy, &ports, e) < 0)
			return -1;
		print_all(ports);
	}
	return 0;
}

const struct cmd cmd_port_add = {
	.name = "port add",
	.usage = "[OPTIONS] CONTAINER [IP:][HOST[-END]:]PORT[-END][/PROTO] [...]",
	.summary = "Publish further ports of a container, running or not",
	.opts = add_opts,
	.n_opts = ARRAY_SIZE(add_opts),
	.size = sizeof(struct add_values),
	.min_args = 2,
	.max_args = -1,
	.exec = add,
};

static int rm(struct engine *en, void *values, char **args, struct err *e)
{
	(void)values;
	strv_foreach (spec, args + 1)
		if (engine_port_remove(en, args[0], *spec, e) < 0)
			return -1;
	return 0;
}

const struct cmd cmd_port_rm = {
	.name = "port rm",
	.usage = "CONTAINER [IP:][HOST[-END]:]PORT[-END][/PROTO] [...]",
	.summary = "Publish ports of a container no more",
	.min_args = 2,
	.max_args = -1,
	.exec = rm,
};
