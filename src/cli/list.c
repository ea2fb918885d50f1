/* list.c: rows into a table or through a template. */
#include "cli/list.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/table.h"
#include "cli/template.h"

#define ROW_MAX (16UL << 20)

/* Docker expands these two outside of quotes and inside alike. */
static char *expand(const char *format)
{
	char *text = xstrdup(format), *to = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n'))
			*to++ = *++p == 't' ? '\t' : '\n';
		else
			*to++ = *p;
	}
	*to = '\0';
	return text;
}

static json_t *headings(const struct list *l)
{
	json_t *row = json_object();

	for (const struct list_field *f = l->fields; f->name; f++)
		json_object_set_new(row, f->name, json_string(f->heading));
	return row;
}

static int run_row(
	const struct template *t, json_t *row, int header, struct buf *out, struct err *e)
{
	auto_json json_t *labels = json_incref(json_object_get(row, LIST_LABELS));
	auto_json json_t *none = json_object();
	const struct template_env env = {
		.labels = labels ? labels : none, .header = header, .sort_keys = 1, .rows = 1};

	json_object_del(row, LIST_LABELS);
	buf_clear(out);
	buf_puts(out, "");
	if (template_run(t, row, &env, out, e) == 0)
		return 0;
	return err_wrap(e, "template parsing error");
}

static int print_lines(const struct template *t, json_t *rows, FILE *out, struct err *e)
{
	auto_buf struct buf line = BUF_MAX(ROW_MAX);
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		if (run_row(t, row, 0, &line, e) < 0)
			return -1;
		fwrite(line.data, 1, line.len, out);
		fputc('\n', out);
	}
	return 0;
}

/* Cells are what stands between tabs; a row with fewer gets empty ones. */
static int print_cells(char *const *lines, FILE *out)
{
	struct table t = {.columns = 1};

	strv_foreach (line, lines) {
		size_t n = 1;
		for (const char *p = *line; *p; p++)
			n += *p == '\t';
		if (n > t.columns)
			t.columns = n < TABLE_COLUMNS_MAX ? n : TABLE_COLUMNS_MAX;
	}
	strv_foreach (line, lines) {
		auto_strv char **cells = strv_split(*line, "\t");
		size_t have = strv_len(cells);
		for (size_t i = 0; i < t.columns; i++)
			table_cell(&t, i < have ? cells[i] : "");
	}
	table_print(&t, out);
	table_done(&t);
	return 0;
}

static int print_table(
	const struct list *l, const struct template *t, json_t *rows, FILE *out, struct err *e)
{
	auto_buf struct buf line = BUF_MAX(ROW_MAX);
	auto_json json_t *head = headings(l);
	auto_strv char **lines = NULL;
	size_t cap = json_array_size(rows) + 2, n = 0;
	json_t *row;
	size_t i;

	lines = xcalloc(cap, sizeof(*lines));
	if (run_row(t, head, 1, &line, e) < 0)
		return -1;
	lines[n++] = xstrdup(line.data);
	json_array_foreach (rows, i, row) {
		if (run_row(t, row, 0, &line, e) < 0)
			return -1;
		lines[n++] = xstrdup(line.data);
	}
	return print_cells(lines, out);
}

int list_print(
	const struct list *l, const char *format, int quiet, json_t *rows, FILE *out, struct err *e)
{
	auto_template struct template *t = NULL;
	const char *text = format ? format : "table";
	int table;

	if (quiet)
		text = l->id;
	else if (streq(text, "json"))
		text = "{{json .}}";
	else if (streq(text, "raw") && l->raw)
		text = l->raw;
	else if (streq(text, "table") || !*text)
		text = l->columns;
	table = !quiet && (text == l->columns || str_after(text, "table "));
	auto_free char *source = expand(table && str_after(text, "table ") ? text + 6 : text);
	t = template_parse(source, e);
	if (!t)
		return err_wrap(e, "template parsing error");
	return table ? print_table(l, t, rows, out, e) : print_lines(t, rows, out, e);
}
