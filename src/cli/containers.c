/* containers.c: hull ps, rm, and what a monitor calls at the end. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/table.h"

struct ps_values {
	int all, quiet, latest, no_trunc, last_set;
	int64_t last;
	const char *format;
	char **filters;
};

#define PS(m) offsetof(struct ps_values, m), OPT_NOT_TRACKED
static const struct opt ps_opts[] = {
	{"all", 'a', OPT_BOOL, PS(all), "", "Also those that do not run"},
	{"filter", 'f', OPT_LIST, PS(filters), "filter",
		"id, name, label, status, exited, ancestor"},
	{"format", 0, OPT_TEXT, PS(format), "string", "json, or a template of fields"},
	{"last", 'n', OPT_INT, offsetof(struct ps_values, last),
		offsetof(struct ps_values, last_set), "int", "The newest n, whatever their state"},
	{"latest", 'l', OPT_BOOL, PS(latest), "", "The newest one, whatever its state"},
	{"no-trunc", 0, OPT_BOOL, PS(no_trunc), "", "Do not cut"},
	{"quiet", 'q', OPT_BOOL, PS(quiet), "", "Only ids"},
};

static const char *state_word(const struct engine_container *c)
{
	static const char *const words[] = {
		[ENGINE_CREATED] = "created",
		[ENGINE_RUNNING] = "running",
		[ENGINE_EXITED] = "exited",
		[ENGINE_DEAD] = "dead",
	};

	return words[c->state];
}

static void status_text(const struct engine_container *c, char out[80])
{
	char ago[TIME_TEXT_MAX];
	int64_t since = c->state == ENGINE_RUNNING ? c->started_ns : c->finished_ns;

	time_ago((time_now_ns() - since) / 1000000000, ago);
	switch (c->state) {
	case ENGINE_CREATED:
		str_copy(out, 80, "Created");
		break;
	case ENGINE_RUNNING:
		snprintf(out, 80, "Up %s", ago);
		break;
	case ENGINE_EXITED:
		snprintf(out, 80, "Exited (%d) %s ago", c->status, ago);
		break;
	case ENGINE_DEAD:
		str_copy(out, 80, "Exited (unknown)");
		break;
	}
}

static int label_matches(const json_t *labels, const char *want)
{
	size_t n = strcspn(want, "=");
	auto_free char *key = xstrndup(want, n);
	const char *value = jsonx_str(labels, key, NULL);

	return value && (!want[n] || streq(value, want + n + 1));
}

/* 1, 0, or -1 when there is no such filter. */
static int one_filter(const struct engine_container *c, const char *key, const char *value)
{
	int64_t number;

	if (streq(key, "id"))
		return strncmp(c->id, value, strlen(value)) == 0;
	if (streq(key, "name"))
		return strstr(c->name, value) != NULL;
	if (streq(key, "status"))
		return streq(state_word(c), value);
	if (streq(key, "exited"))
		return parse_i64(value, &number) == 0 && c->state == ENGINE_EXITED &&
		       c->status == number;
	if (streq(key, "label"))
		return label_matches(c->labels, value);
	if (streq(key, "ancestor"))
		return streq(c->image, value) || str_after(c->image_id, value) ||
		       (str_after(c->image_id, "sha256:") && str_after(c->image_id + 7, value)) ||
		       (str_after(c->image, value) && c->image[strlen(value)] == ':');
	return -1;
}

/* Values of one key are alternatives, keys must all fit. */
static int matches(const struct engine_container *c, char *const *filters, struct err *e)
{
	strv_foreach (f, filters) {
		size_t n = strcspn(*f, "=");
		auto_free char *key = xstrndup(*f, n);
		int any = 0;
		strv_foreach (g, filters) {
			if (strncmp(*g, key, n) != 0 || (*g)[n] != '=')
				continue;
			int r = one_filter(c, key, *g + n + 1);
			if (r < 0)
				return err_set(e, ERR_INVALID, "invalid filter '%s'", key);
			any |= r;
		}
		if (!(*f)[n])
			return err_set(
				e, ERR_INVALID, "invalid filter '%s': KEY=VALUE is expected", *f);
		if (!any)
			return 0;
	}
	return 1;
}

static json_t *ps_row(const struct ps_values *v, const struct engine_container *c)
{
	char id[72], status[80], ago[48], created[TIME_TEXT_MAX];
	auto_free char *command = NULL, *quoted = NULL, *mounts = strv_join(c->mounts, ",");
	auto_buf struct buf labels = BUF_MAX(1 << 20);
	json_t *row = json_object(), *value;
	const char *key;

	command = v->no_trunc ? xstrdup(c->command) : table_cut(c->command, 20);
	quoted = xasprintf("\"%s\"", command);
	status_text(c, status);
	time_format(c->created_ns, created);
	json_object_foreach (c->labels, key, value)
		buf_printf(
			&labels, "%s%s=%s", labels.len ? "," : "", key, json_string_value(value));
	jsonx_set_str(row, "ID", table_id(c->id, v->no_trunc, id));
	jsonx_set_str(row, "Image", c->image);
	jsonx_set_str(row, "Command", quoted);
	jsonx_set_str(row, "CreatedAt", created);
	jsonx_set_str(row, "RunningFor", table_ago(c->created_ns, ago));
	jsonx_set_str(row, "Status", status);
	jsonx_set_str(row, "State", state_word(c));
	jsonx_set_str(row, "Ports", "");
	jsonx_set_str(row, "Names", c->name);
	jsonx_set_str(row, "Labels", labels.data ? labels.data : "");
	jsonx_set_str(row, "Mounts", mounts);
	jsonx_set_str(row, "Networks", c->network);
	return row;
}

static int ps_line(
	const struct ps_values *v, const struct engine_container *c, struct table *t, struct err *e)
{
	static const char *const keys[] = {
		"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"};
	auto_json json_t *row = ps_row(v, c);

	if (v->quiet) {
		puts(jsonx_str(row, "ID", ""));
	} else if (v->format) {
		auto_free char *text = format_text(v->format, row, e);
		if (!text)
			return -1;
		puts(text);
	} else {
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			table_cell(t, jsonx_str(row, keys[k], ""));
	}
	return 0;
}

static int has_status_filter(char *const *filters)
{
	strv_foreach (f, filters)
		if (str_after(*f, "status=") || str_after(*f, "exited="))
			return 1;
	return 0;
}

static int ps(struct engine *en, void *values, char **args, struct err *e)
{
	static const char *const headings[] = {
		"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"};
	struct ps_values *v = values;
	struct engine_container *list;
	size_t n, shown = 0,
		  limit = v->latest		       ? 1
			  : v->last_set && v->last > 0 ? (size_t)v->last
						       : ~0UL;
	int all = v->all || v->latest || v->last_set || has_status_filter(v->filters), r = 0;
	struct table t;

	(void)args;
	if (engine_container_list(en, all, &list, &n, e) < 0)
		return -1;
	table_start(&t, headings, ARRAY_SIZE(headings));
	for (size_t i = 0; i < n && r >= 0 && shown < limit; i++) {
		r = matches(&list[i], v->filters, e);
		if (r == 1) {
			r = ps_line(v, &list[i], &t, e);
			shown++;
		}
	}
	if (r >= 0 && !v->quiet && !v->format)
		table_print(&t, stdout);
	table_done(&t);
	engine_container_list_free(list, n);
	return r < 0 ? -1 : 0;
}

const struct cmd cmd_ps = {
	.name = "ps",
	.usage = "[OPTIONS]",
	.summary = "List containers",
	.opts = ps_opts,
	.n_opts = ARRAY_SIZE(ps_opts),
	.size = sizeof(struct ps_values),
	.exec = ps,
};

struct rm_values {
	int force, volumes;
};
static const struct opt rm_opts[] = {
	{"force", 'f', OPT_BOOL, offsetof(struct rm_values, force), OPT_NOT_TRACKED, "",
		"Kill it when it runs; no error when it is missing"},
	{"link", 'l', OPT_LATER, 0, OPT_NOT_TRACKED, NULL, NULL},
	{"volumes", 'v', OPT_BOOL, offsetof(struct rm_values, volumes), OPT_NOT_TRACKED, "",
		"Also its anonymous volumes"},
};

static int rm(struct engine *en, void *values, char **args, struct err *e)
{
	const struct rm_values *v = values;
	int status = 0;

	strv_foreach (a, args) {
		if (engine_container_remove(en, *a, v->force, v->volumes, e) == 0) {
			puts(*a);
		} else if (!v->force || e->kind != ERR_NOT_FOUND) {
			cmd_say(e->text);
			status = 1;
		}
	}
	return status;
}

const struct cmd cmd_rm = {
	.name = "rm",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Remove containers",
	.opts = rm_opts,
	.n_opts = ARRAY_SIZE(rm_opts),
	.size = sizeof(struct rm_values),
	.min_args = 1,
	.max_args = -1,
	.exec = rm,
};

static int cleanup(struct engine *en, void *values, char **args, struct err *e)
{
	(void)values;
	return engine_container_cleanup(en, args[0], e);
}

const struct cmd cmd_cleanup = {
	.name = "container cleanup",
	.usage = "ID",
	.summary = "Remove what an ended container left (called by its monitor)",
	.min_args = 1,
	.max_args = 1,
	.hidden = 1,
	.exec = cleanup,
};
