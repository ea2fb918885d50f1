/* history.c: hull history. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "cli/cmd.h"
#include "cli/list.h"
#include "cli/table.h"

struct values {
	int quiet, no_trunc, human, human_set;
	const char *format;
};

#define AT(m) offsetof(struct values, m), OPT_NOT_TRACKED
static const struct opt opts[] = {
	{"format", 0, OPT_TEXT, AT(format), "string",
		"table, table TEMPLATE, json, or a Go template of a row's fields"},
	{"human", 'H', OPT_BOOL, offsetof(struct values, human), offsetof(struct values, human_set),
		"", "Print sizes and times as people read them (true)"},
	{"no-trunc", 0, OPT_BOOL, AT(no_trunc), "", "Do not cut ids and instructions"},
	{"platform", 0, OPT_LATER, 0, OPT_NOT_TRACKED, NULL, NULL},
	{"quiet", 'q', OPT_BOOL, AT(quiet), "", "Only print ids"},
};

static const struct list_field fields[] = {
	{"Comment", "COMMENT"},
	{"CreatedAt", "CREATED AT"},
	{"CreatedBy", "CREATED BY"},
	{"CreatedSince", "CREATED"},
	{"ID", "IMAGE"},
	{"Size", "SIZE"},
	{NULL, NULL},
};
static const struct list list = {fields,
	"{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}", "{{.ID}}", NULL};

static json_t *make_row(const struct values *v, const json_t *h)
{
	int human = !v->human_set || v->human;
	int64_t created = jsonx_int(h, "Created", 0) * 1000000000, bytes = jsonx_int(h, "Size", 0);
	char id[72], ago[48], size[PARSE_SIZE_MAX], when[TIME_TEXT_MAX];
	auto_free char *by = xstrdup(jsonx_str(h, "CreatedBy", ""));
	json_t *row = json_object();

	format_size(bytes, size);
	if (!human)
		snprintf(size, sizeof(size), "%" PRId64, bytes);
	time_format(created, when);
	for (char *p = by; *p; p++)
		if (*p == '\t')
			*p = ' ';
	auto_free char *cut = v->no_trunc ? xstrdup(by) : table_cut(by, 45);
	jsonx_set_str(row, "ID", table_id(jsonx_str(h, "Id", "<missing>"), v->no_trunc, id));
	jsonx_set_str(row, "CreatedAt", when);
	jsonx_set_str(row, "CreatedSince", human ? table_ago(created, ago) : when);
	jsonx_set_str(row, "CreatedBy", cut);
	jsonx_set_str(row, "Size", size);
	jsonx_set_str(row, "Comment", jsonx_str(h, "Comment", ""));
	return row;
}

static int history(struct engine *en, void *values, char **args, struct err *e)
{
	auto_json json_t *steps = engine_image_history(en, args[0], e), *rows = json_array();
	const struct values *v = values;
	json_t *h;
	size_t i;

	if (!steps)
		return -1;
	json_array_foreach (steps, i, h)
		json_array_append_new(rows, make_row(v, h));
	return list_print(&list, v->format, v->quiet, rows, stdout, e);
}

const struct cmd cmd_history = {
	.name = "history",
	.usage = "[OPTIONS] IMAGE",
	.summary = "Show how an image was made",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.min_args = 1,
	.max_args = 1,
	.exec = history,
};
