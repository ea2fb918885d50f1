/* ps.c: hull ps. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "cli/cmd.h"
#include "cli/list.h"
#include "cli/ps_filter.h"
#include "cli/table.h"

#define LABELS_MAX (1 << 20)

struct values {
	int all, quiet, latest, no_trunc, size, last_set;
	int64_t last;
	const char *format;
	char **filters;
};

#define AT(m) offsetof(struct values, m), OPT_NOT_TRACKED
static const struct opt opts[] = {
	{"all", 'a', OPT_BOOL, AT(all), "", "Show all containers (default shows just running)"},
	{"filter", 'f', OPT_LIST, AT(filters), "filter",
		"Only those that fit KEY=VALUE (ancestor, before, exited, id, label, name, "
		"network, since, status, volume)"},
	{"format", 0, OPT_TEXT, AT(format), "string",
		"table, table TEMPLATE, json, or a Go template of a row's fields"},
	{"last", 'n', OPT_INT, offsetof(struct values, last), offsetof(struct values, last_set),
		"int", "Show the n newest containers, whatever their state"},
	{"latest", 'l', OPT_BOOL, AT(latest), "", "Show the newest container, whatever its state"},
	{"no-trunc", 0, OPT_BOOL, AT(no_trunc), "", "Do not cut ids, commands and mounts"},
	{"quiet", 'q', OPT_BOOL, AT(quiet), "", "Only print ids"},
	{"size", 's', OPT_BOOL, AT(size), "", "Show what the containers take on the disk"},
};

#define COLUMNS \
	"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
#define RAW                                                                    \
	"container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n"    \
	"created_at: {{.CreatedAt}}\nstate: {{.State}}\nstatus: {{.Status}}\n" \
	"names: {{.Names}}\nlabels: {{.Labels}}\nports: {{.Ports}}\n"

static const struct list_field fields[] = {
	{"Command", "COMMAND"},
	{"CreatedAt", "CREATED AT"},
	{"ID", "CONTAINER ID"},
	{"Image", "IMAGE"},
	{"Labels", "LABELS"},
	{"LocalVolumes", "LOCAL VOLUMES"},
	{"Mounts", "MOUNTS"},
	{"Names", "NAMES"},
	{"Networks", "NETWORKS"},
	{"Platform", "PLATFORM"},
	{"Ports", "PORTS"},
	{"RunningFor", "CREATED"},
	{"Size", "SIZE"},
	{"State", "STATE"},
	{"Status", "STATUS"},
	{NULL, NULL},
};
static const struct list list = {fields, COLUMNS, "{{.ID}}", RAW};
static const struct list list_with_size = {
	fields, COLUMNS "\t{{.Size}}", "{{.ID}}", RAW "size: {{.Size}}\n"};

static void set_status(json_t *row, const struct engine_container *c)
{
	int64_t since = c->state == ENGINE_RUNNING ? c->started_ns : c->finished_ns;
	char ago[TIME_TEXT_MAX], text[TIME_TEXT_MAX + 40] = "Created";

	time_ago((time_now_ns() - since) / 1000000000, ago);
	if (c->state == ENGINE_RUNNING)
		snprintf(text, sizeof(text), "Up %s", ago);
	else if (c->state == ENGINE_EXITED && c->status >= 0)
		snprintf(text, sizeof(text), "Exited (%d) %s ago", c->status, ago);
	else if (c->state != ENGINE_CREATED) /* its monitor was killed: nobody saw the end */
		str_copy(text, sizeof(text), "Exited (unknown)");
	jsonx_set_str(row, "Status", text);
	jsonx_set_str(row, "State", ps_state(c));
}

static void set_labels(json_t *row, const struct engine_container *c)
{
	auto_buf struct buf b = BUF_MAX(LABELS_MAX);
	const char *key;
	json_t *value;

	json_object_foreach (c->labels, key, value)
		buf_printf(&b, "%s%s=%s", b.len ? "," : "", key,
			json_is_string(value) ? json_string_value(value) : "");
	jsonx_set_str(row, "Labels", b.data ? b.data : "");
	if (c->labels)
		json_object_set(row, LIST_LABELS, c->labels);
}

static void set_mounts(json_t *row, const struct engine_container *c, int full)
{
	auto_strv char **names = NULL;
	char count[24];
	size_t volumes = 0;

	strv_foreach (m, c->mounts) {
		strv_take(&names, full ? xstrdup(*m) : table_cut(*m, 15));
		volumes += **m != '/';
	}
	auto_free char *text = strv_join(names, ",");
	snprintf(count, sizeof(count), "%zu", volumes);
	jsonx_set_str(row, "Mounts", text);
	jsonx_set_str(row, "LocalVolumes", count);
}

/* "2B (virtual 4MB)": walks the container's folder, so only when asked for. */
static void set_size(json_t *row, struct engine *en, const struct engine_container *c)
{
	char own[PARSE_SIZE_MAX], all[PARSE_SIZE_MAX], text[2 * PARSE_SIZE_MAX + 12] = "N/A";
	struct err ignored;
	auto_json json_t *o = engine_container_inspect(en, c->id, 1, &ignored);

	if (json_object_get(o, "SizeRw")) {
		format_size(jsonx_int(o, "SizeRw", 0), own);
		format_size(jsonx_int(o, "SizeRootFs", 0), all);
		snprintf(text, sizeof(text), "%s (virtual %s)", own, all);
	}
	jsonx_set_str(row, "Size", text);
}

static json_t *make_row(const struct values *v, struct engine *en, const struct engine_container *c)
{
	char id[72], ago[48], created[48];
	auto_free char *command = v->no_trunc ? xstrdup(c->command) : table_cut(c->command, 20);
	auto_free char *quoted = table_quote(command);
	json_t *row = json_object();

	jsonx_set_str(row, "ID", table_id(c->id, v->no_trunc, id));
	jsonx_set_str(row, "Image", c->image);
	jsonx_set_str(row, "Command", quoted);
	jsonx_set_str(row, "CreatedAt", table_time(c->created_ns, created));
	jsonx_set_str(row, "RunningFor", table_ago(c->created_ns, ago));
	jsonx_set_str(row, "Ports", c->ports ? c->ports : "");
	jsonx_set_str(row, "Names", c->name);
	jsonx_set_str(row, "Networks", c->network ? c->network : "");
	jsonx_set_str(row, "Platform", "");
	set_status(row, c);
	set_labels(row, c);
	set_mounts(row, c, v->no_trunc);
	if (v->size || (v->format && strstr(v->format, ".Size")))
		set_size(row, en, c);
	else
		jsonx_set_str(row, "Size", "0B");
	return row;
}

static int make_rows(const struct values *v, struct engine *en, struct engine_container *all,
	size_t n, json_t *rows, struct err *e)
{
	int every = v->all || v->latest || v->last_set || ps_filter_wants_all(v->filters);
	size_t limit = v->latest ? 1 : v->last > 0 ? (size_t)v->last : SIZE_MAX;
	auto_ps_filter struct ps_filter *f = ps_filter_new(en, v->filters, all, n, e);

	if (!f)
		return -1;
	for (size_t i = 0; i < n && json_array_size(rows) < limit; i++)
		if ((every || all[i].state == ENGINE_RUNNING) && ps_filter_matches(f, &all[i]))
			json_array_append_new(rows, make_row(v, en, &all[i]));
	return 0;
}

static int ps(struct engine *en, void *values, char **args, struct err *e)
{
	const struct values *v = values;
	auto_json json_t *rows = json_array();
	struct engine_container *all;
	size_t n;
	int r, quick = !v->all && !v->latest && !v->last_set && !v->filters;

	if (engine_container_list(en, !quick, &all, &n, e) < 0)
		return -1;
	r = make_rows(v, en, all, n, rows, e);
	engine_container_list_free(all, n);
	if (r < 0)
		return -1;
	return list_print(v->size ? &list_with_size : &list, v->format, v->quiet, rows, stdout, e);
}

const struct cmd cmd_ps = {
	.name = "ps",
	.usage = "[OPTIONS]",
	.summary = "List containers",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.exec = ps,
};
