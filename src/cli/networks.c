/* networks.c: hull network create, ls, rm, prune. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/cmd.h"
#include "cli/list.h"
#include "cli/networks_filter.h"
#include "cli/table.h"

#define LABELS_MAX (1 << 20)

/* ---- create */

struct create_values {
	const char *driver;
	char **subnets, **gateways, **ranges, **options, **labels;
	int internal, attachable, ipv4, ipv4_set, ipv6;
};
#define CREATE(m) offsetof(struct create_values, m), OPT_NOT_TRACKED
static const struct opt create_opts[] = {
	{"attachable", 0, OPT_BOOL, CREATE(attachable), "", NULL},
	{"driver", 'd', OPT_TEXT, CREATE(driver), "string", "bridge (the default) or macvlan"},
	{"gateway", 0, OPT_LIST, CREATE(gateways), "strings", "The host's address in a subnet"},
	{"internal", 0, OPT_BOOL, CREATE(internal), "", "No way out, and no way in"},
	{"ip-range", 0, OPT_LIST, CREATE(ranges), "strings",
		"Where addresses of containers are taken from"},
	{"ipam-driver", 0, OPT_IGNORE, 0, OPT_NOT_TRACKED, "string", NULL},
	{"ipv4", 0, OPT_BOOL, offsetof(struct create_values, ipv4),
		offsetof(struct create_values, ipv4_set), "", "IPv4 (on; --ipv4=false)"},
	{"ipv6", 0, OPT_BOOL, CREATE(ipv6), "", "IPv6 as well"},
	{"label", 0, OPT_LIST, CREATE(labels), "list", "Set labels"},
	{"opt", 'o', OPT_LIST, CREATE(options), "list",
		"Options of the driver: mtu, name (of the bridge), isolate, icc, publish-policy, "
		"parent (macvlan)"},
	{"scope", 0, OPT_IGNORE, 0, OPT_NOT_TRACKED, "string", NULL},
	{"subnet", 0, OPT_LIST, CREATE(subnets), "strings", "Subnet, one of each family"},
};

static int create(struct engine *en, void *values, char **args, struct err *e)
{
	const struct create_values *v = values;
	const struct engine_network req = {
		.name = args[0],
		.driver = v->driver,
		.subnets = v->subnets,
		.gateways = v->gateways,
		.ranges = v->ranges,
		.ipv4 = !v->ipv4_set || v->ipv4,
		.ipv6 = v->ipv6,
		.internal = v->internal,
		.options = v->options,
		.labels = v->labels,
	};
	char id[65];

	if (engine_network_create(en, &req, id, e) < 0)
		return -1;
	puts(id);
	return 0;
}

const struct cmd cmd_network_create = {
	.name = "network create",
	.usage = "[OPTIONS] NETWORK",
	.summary = "Create a network",
	.opts = create_opts,
	.n_opts = ARRAY_SIZE(create_opts),
	.size = sizeof(struct create_values),
	.min_args = 1,
	.max_args = 1,
	.exec = create,
};

/* ---- ls */

struct ls_values {
	char **filters;
	const char *format;
	int no_trunc, quiet;
};
#define LS(m) offsetof(struct ls_values, m), OPT_NOT_TRACKED
static const struct opt ls_opts[] = {
	{"filter", 'f', OPT_LIST, LS(filters), "filter",
		"Only those that fit KEY=VALUE (dangling, driver, id, label, name, scope, type)"},
	{"format", 0, OPT_TEXT, LS(format), "string",
		"table, table TEMPLATE, json, or a Go template of a row's fields"},
	{"no-trunc", 0, OPT_BOOL, LS(no_trunc), "", "Whole ids"},
	{"quiet", 'q', OPT_BOOL, LS(quiet), "", "Only print ids"},
};
static const struct list_field fields[] = {
	{"CreatedAt", "CREATED AT"},
	{"Driver", "DRIVER"},
	{"ID", "NETWORK ID"},
	{"IPv4", "IPV4"},
	{"IPv6", "IPV6"},
	{"Internal", "INTERNAL"},
	{"Labels", "LABELS"},
	{"Name", "NAME"},
	{"Scope", "SCOPE"},
	{NULL, NULL},
};
static const struct list list = {fields, "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}", "{{.ID}}",
	"network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"};

static const char *bool_text(const json_t *n, const char *key)
{
	return jsonx_bool(n, key, 0) ? "true" : "false";
}

static json_t *make_row(const json_t *n, int no_trunc)
{
	auto_buf struct buf labels = BUF_MAX(LABELS_MAX);
	json_t *row = json_object(), *value, *all = jsonx_obj(n, "Labels");
	char id[72], created[48];
	int64_t created_ns = 0;
	const char *key;

	time_parse(jsonx_str(n, "Created", ""), &created_ns);
	json_object_foreach (all, key, value)
		buf_printf(
			&labels, "%s%s=%s", labels.len ? "," : "", key, json_string_value(value));
	jsonx_set_str(row, "CreatedAt", table_time(created_ns, created));
	jsonx_set_str(row, "Driver", jsonx_str(n, "Driver", ""));
	jsonx_set_str(row, "ID", table_id(jsonx_str(n, "Id", ""), no_trunc, id));
	jsonx_set_str(row, "IPv4", bool_text(n, "EnableIPv4"));
	jsonx_set_str(row, "IPv6", bool_text(n, "EnableIPv6"));
	jsonx_set_str(row, "Internal", bool_text(n, "Internal"));
	jsonx_set_str(row, "Labels", labels.data ? labels.data : "");
	jsonx_set_str(row, "Name", jsonx_str(n, "Name", ""));
	jsonx_set_str(row, "Scope", jsonx_str(n, "Scope", ""));
	if (json_object_size(all))
		json_object_set(row, LIST_LABELS, all);
	return row;
}

static int ls(struct engine *en, void *values, char **args, struct err *e)
{
	static const char *const keys[] = {
		"dangling", "driver", "id", "label", "name", "scope", "type", NULL};
	const struct ls_values *v = values;
	auto_json json_t *rows = json_array(), *all = NULL;
	struct networks_filter f;
	json_t *n;
	size_t i;

	(void)args;
	if (networks_filter_init(&f, v->filters, keys, e) < 0)
		return -1;
	all = engine_network_list(en, f.dangling >= 0, e);
	if (!all)
		return -1;
	json_array_foreach (all, i, n)
		if (networks_filter_matches(&f, n))
			json_array_append_new(rows, make_row(n, v->no_trunc));
	return list_print(&list, v->format, v->quiet, rows, stdout, e);
}

const struct cmd cmd_network_ls = {
	.name = "network ls",
	.usage = "[OPTIONS]",
	.summary = "List networks",
	.opts = ls_opts,
	.n_opts = ARRAY_SIZE(ls_opts),
	.size = sizeof(struct ls_values),
	.exec = ls,
};

/* ---- rm */

struct rm_values {
	int force;
};
static const struct opt rm_opts[] = {
	{"force", 'f', OPT_BOOL, offsetof(struct rm_values, force), OPT_NOT_TRACKED, "",
		"No error when it is missing"},
};

static int rm(struct engine *en, void *values, char **args, struct err *e)
{
	const struct rm_values *v = values;
	int status = 0;

	strv_foreach (a, args) {
		if (engine_network_remove(en, *a, e) == 0) {
			puts(*a);
			continue;
		}
		if (v->force && e->kind == ERR_NOT_FOUND)
			continue;
		cmd_say(e->text);
		status = 1;
	}
	return status;
}

const struct cmd cmd_network_rm = {
	.name = "network rm",
	.usage = "NETWORK [NETWORK...]",
	.summary = "Remove networks that no running container has",
	.opts = rm_opts,
	.n_opts = ARRAY_SIZE(rm_opts),
	.size = sizeof(struct rm_values),
	.min_args = 1,
	.max_args = -1,
	.exec = rm,
};

/* ---- prune */

struct prune_values {
	int force;
	char **filters;
};
#define PRUNE(m) offsetof(struct prune_values, m), OPT_NOT_TRACKED
static const struct opt prune_opts[] = {
	{"filter", 0, OPT_LIST, PRUNE(filters), "filter",
		"Only those that fit KEY=VALUE (label, label!, until)"},
	{"force", 'f', OPT_BOOL, PRUNE(force), "", "Do not ask"},
};

/* Anything but y or Y is no. */
static int asked(void)
{
	char line[16] = "";

	printf("WARNING! This will remove all custom networks not used by at least one container.\n"
	       "Are you sure you want to continue? [y/N] ");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		putchar('\n');
	return strcmp(line, "y\n") == 0 || strcmp(line, "Y\n") == 0 || streq(line, "y") ||
	       streq(line, "Y");
}

static int prune(struct engine *en, void *values, char **args, struct err *e)
{
	static const char *const keys[] = {"label", "label!", "until", NULL};
	const struct prune_values *v = values;
	auto_json json_t *all = NULL;
	struct networks_filter f;
	size_t i, removed = 0;
	json_t *n;

	(void)args;
	if (networks_filter_init(&f, v->filters, keys, e) < 0)
		return -1;
	if (!v->force && !asked())
		return 0;
	all = engine_network_list(en, 0, e);
	if (!all)
		return -1;
	json_array_foreach (all, i, n) {
		const char *name = jsonx_str(n, "Name", "");
		if (networks_is_builtin(n) || !networks_filter_matches(&f, n) ||
			engine_network_remove(en, jsonx_str(n, "Id", ""), e) < 0)
			continue; /* a container has it */
		printf("%s%s\n", removed++ ? "" : "Deleted Networks:\n", name);
	}
	if (removed)
		putchar('\n');
	return 0;
}

const struct cmd cmd_network_prune = {
	.name = "network prune",
	.usage = "[OPTIONS]",
	.summary = "Remove networks that no running container has",
	.opts = prune_opts,
	.n_opts = ARRAY_SIZE(prune_opts),
	.size = sizeof(struct prune_values),
	.exec = prune,
};
