/* volumes.c: hull volume create, ls, rm, prune. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/list.h"
#include "cli/volumes_filter.h"

#define LABELS_MAX (1 << 20)

/* ---- create */

struct create_values {
	const char *driver;
	char **labels, **options;
};
#define CREATE(m) offsetof(struct create_values, m), OPT_NOT_TRACKED
static const struct opt create_opts[] = {
	{"driver", 'd', OPT_TEXT, CREATE(driver), "string", "Driver (local)"},
	{"label", 0, OPT_LIST, CREATE(labels), "list", "Set labels"},
	{"opt", 'o', OPT_LIST, CREATE(options), NULL, NULL},
};

static int create(struct engine *en, void *values, char **args, struct err *e)
{
	const struct create_values *v = values;
	auto_free char *name = NULL;

	if (v->driver && *v->driver && !streq(v->driver, "local"))
		return err_set(e, ERR_UNSUPPORTED,
			"the volume driver %s is not there: \"local\" is the only one", v->driver);
	if (v->options)
		return err_set(e, ERR_UNSUPPORTED,
			"--opt %s: volumes with options are not available in this version of hull; "
			"--mount type=bind or --tmpfs may do",
			*v->options);
	if (engine_volume_create(en, args ? args[0] : NULL, v->labels, &name, e) < 0)
		return -1;
	puts(name);
	return 0;
}

const struct cmd cmd_volume_create = {
	.name = "volume create",
	.usage = "[OPTIONS] [VOLUME]",
	.summary = "Create a volume",
	.opts = create_opts,
	.n_opts = ARRAY_SIZE(create_opts),
	.size = sizeof(struct create_values),
	.max_args = 1,
	.exec = create,
};

/* ---- ls */

struct ls_values {
	char **filters;
	const char *format;
	int quiet;
};
#define LS(m) offsetof(struct ls_values, m), OPT_NOT_TRACKED
static const struct opt ls_opts[] = {
	{"filter", 'f', OPT_LIST, LS(filters), "filter",
		"Only those that fit KEY=VALUE (dangling, driver, label, name)"},
	{"format", 0, OPT_TEXT, LS(format), "string",
		"table, table TEMPLATE, json, or a Go template of a row's fields"},
	{"quiet", 'q', OPT_BOOL, LS(quiet), "", "Only print names"},
};
static const struct list_field fields[] = {
	{"Availability", "AVAILABILITY"},
	{"Driver", "DRIVER"},
	{"Group", "GROUP"},
	{"Labels", "LABELS"},
	{"Links", "LINKS"},
	{"Mountpoint", "MOUNTPOINT"},
	{"Name", "VOLUME NAME"},
	{"Scope", "SCOPE"},
	{"Size", "SIZE"},
	{"Status", "STATUS"},
	{NULL, NULL},
};
static const struct list list = {
	fields, "{{.Driver}}\t{{.Name}}", "{{.Name}}", "name: {{.Name}}\ndriver: {{.Driver}}\n"};

static json_t *make_row(const struct engine_volume *v)
{
	static const char *const unknown[] = {
		"Availability", "Group", "Links", "Size", "Status", NULL};
	auto_buf struct buf labels = BUF_MAX(LABELS_MAX);
	json_t *row = json_object(), *value;
	const char *key;

	json_object_foreach (v->labels, key, value)
		buf_printf(
			&labels, "%s%s=%s", labels.len ? "," : "", key, json_string_value(value));
	for (const char *const *u = unknown; *u; u++)
		jsonx_set_str(row, *u, "N/A");
	jsonx_set_str(row, "Driver", "local");
	jsonx_set_str(row, "Labels", labels.data ? labels.data : "");
	jsonx_set_str(row, "Mountpoint", v->mountpoint);
	jsonx_set_str(row, "Name", v->name);
	jsonx_set_str(row, "Scope", "local");
	if (v->labels)
		json_object_set(row, LIST_LABELS, v->labels);
	return row;
}

static int ls(struct engine *en, void *values, char **args, struct err *e)
{
	static const char *const keys[] = {"dangling", "driver", "label", "name", NULL};
	const struct ls_values *v = values;
	auto_json json_t *rows = json_array();
	struct engine_volume *all;
	struct volumes_filter f;
	size_t n;

	(void)args;
	if (volumes_filter_init(&f, v->filters, keys, e) < 0 ||
		engine_volume_list(en, f.dangling >= 0, &all, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (volumes_filter_matches(&f, &all[i]))
			json_array_append_new(rows, make_row(&all[i]));
	engine_volume_list_free(all, n);
	return list_print(&list, v->format, v->quiet, rows, stdout, e);
}

const struct cmd cmd_volume_ls = {
	.name = "volume ls",
	.usage = "[OPTIONS]",
	.summary = "List volumes",
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
		if (engine_volume_remove(en, *a, e) == 0 ||
			(v->force && e->kind == ERR_NOT_FOUND)) {
			puts(*a);
			continue;
		}
		cmd_say(e->text);
		status = 1;
	}
	return status;
}

const struct cmd cmd_volume_rm = {
	.name = "volume rm",
	.usage = "[OPTIONS] VOLUME [VOLUME...]",
	.summary = "Remove volumes that no container has",
	.opts = rm_opts,
	.n_opts = ARRAY_SIZE(rm_opts),
	.size = sizeof(struct rm_values),
	.min_args = 1,
	.max_args = -1,
	.exec = rm,
};

/* ---- prune */

struct prune_values {
	int all, force;
	char **filters;
};
#define PRUNE(m) offsetof(struct prune_values, m), OPT_NOT_TRACKED
static const struct opt prune_opts[] = {
	{"all", 'a', OPT_BOOL, PRUNE(all), "", "Also those that have a name"},
	{"filter", 0, OPT_LIST, PRUNE(filters), "filter",
		"Only those that fit KEY=VALUE (label, label!)"},
	{"force", 'f', OPT_BOOL, PRUNE(force), "", "Do not ask"},
};

/* Anything but y or Y is no. */
static int asked(int all)
{
	char line[16] = "";

	printf("WARNING! This will remove %slocal volumes not used by at least one container.\n"
	       "Are you sure you want to continue? [y/N] ",
		all ? "all " : "anonymous ");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		putchar('\n');
	return strcmp(line, "y\n") == 0 || strcmp(line, "Y\n") == 0 || streq(line, "y") ||
	       streq(line, "Y");
}

static int prune(struct engine *en, void *values, char **args, struct err *e)
{
	static const char *const keys[] = {"label", "label!", NULL};
	const struct prune_values *v = values;
	char text[PARSE_SIZE_MAX];
	struct engine_volume *all;
	struct volumes_filter f;
	int64_t freed = 0;
	size_t n, removed = 0;

	(void)args;
	if (volumes_filter_init(&f, v->filters, keys, e) < 0)
		return -1;
	if (!v->force && !asked(v->all))
		return 0;
	if (engine_volume_list(en, 1, &all, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int64_t size;
		if (all[i].users || (!v->all && !all[i].anonymous) ||
			!volumes_filter_matches(&f, &all[i]))
			continue;
		size = engine_volume_size(en, all[i].name);
		if (engine_volume_remove(en, all[i].name, e) < 0) /* taken meanwhile */
			continue;
		printf("%s%s\n", removed++ ? "" : "Deleted Volumes:\n", all[i].name);
		freed += size;
	}
	engine_volume_list_free(all, n);
	format_size(freed, text);
	printf("%sTotal reclaimed space: %s\n", removed ? "\n" : "", text);
	return 0;
}

const struct cmd cmd_volume_prune = {
	.name = "volume prune",
	.usage = "[OPTIONS]",
	.summary = "Remove volumes that no container has",
	.opts = prune_opts,
	.n_opts = ARRAY_SIZE(prune_opts),
	.size = sizeof(struct prune_values),
	.exec = prune,
};
