/* system.c: hull system check. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/list.h"

struct values {
	int deep, repair, quiet;
	const char *format;
};
#define AT(m) offsetof(struct values, m), OPT_NOT_TRACKED
static const struct opt opts[] = {
	{"deep", 0, OPT_BOOL, AT(deep), "",
		"Read all layers and blobs, and compare them with their digests"},
	{"format", 0, OPT_TEXT, AT(format), "string",
		"table, table TEMPLATE, json, or a Go template of a row's fields"},
	{"quiet", 'q', OPT_BOOL, AT(quiet), "", "Only print the names of what is broken"},
	{"repair", 0, OPT_BOOL, AT(repair), "", "Remove what is garbage, mend what can be mended"},
};

static const struct list_field fields[] = {
	{"Kind", "KIND"},
	{"Name", "NAME"},
	{"Problem", "PROBLEM"},
	{"Repair", "REPAIR"},
	{"State", "STATE"},
	{NULL, NULL},
};
static const struct list list = {
	fields, "{{.Kind}}\t{{.Name}}\t{{.Problem}}\t{{.State}}: {{.Repair}}", "{{.Name}}", NULL};

static json_t *row_of(const struct engine_finding *f)
{
	static const char *const states[] = {
		[FINDING_FOUND] = "with --repair",
		[FINDING_REPAIRED] = "repaired",
		[FINDING_LEFT] = "by hand",
		[FINDING_FAILED] = "failed",
	};
	json_t *row = json_object();

	jsonx_set_str(row, "Kind", f->kind);
	jsonx_set_str(row, "Name", f->name);
	jsonx_set_str(row, "Problem", f->problem);
	jsonx_set_str(row, "Repair", f->repair);
	jsonx_set_str(row, "State", states[f->state]);
	return row;
}

/* How many are still there. */
static size_t count_left(const struct engine_check *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].state != FINDING_REPAIRED;
	return n;
}

static void print_sum(const struct engine_check *c, int deep, size_t left)
{
	printf("checked %" PRId64 " images, %" PRId64 " layers", c->images, c->layers);
	if (deep)
		printf(" (contents of %" PRId64 ", and of %" PRId64 " blobs)", c->read_layers,
			c->read_blobs);
	printf(", %" PRId64 " containers (%" PRId64 " running): ", c->containers, c->running);
	if (!c->n)
		puts("nothing is broken");
	else if (left == c->n)
		printf("%zu broken\n", left);
	else
		printf("%zu repaired, %zu left\n", c->n - left, left);
	if (c->unread_layers)
		printf("of %" PRId64
		       " layers nothing says what their contents should be: load or import their "
		       "images once more\n",
			c->unread_layers);
}

static int print(const struct values *v, const struct engine_check *c, struct err *e)
{
	auto_json json_t *rows = json_array();
	const size_t left = count_left(c);

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(rows, row_of(&c->v[i]));
	if ((c->n || v->format || v->quiet) &&
		list_print(&list, v->format, v->quiet, rows, stdout, e) < 0)
		return -1;
	if (!v->format && !v->quiet)
		print_sum(c, v->deep, left);
	return left > 0;
}

static int check(struct engine *en, void *values, char **args, struct err *e)
{
	const struct values *v = values;
	struct engine_check c;
	int r = engine_check(cmd_engine_options(),
		(v->repair ? CHECK_REPAIR : 0) | (v->deep ? CHECK_DEEP : 0), &c, e);

	(void)en;
	(void)args;
	r = r < 0 ? err_status(e, CMD_CANNOT) : print(v, &c, e);
	engine_check_done(&c);
	return r;
}

const struct cmd cmd_system_check = {
	.name = "system check",
	.usage = "[OPTIONS]",
	.summary = "Look for what is broken or left over in the store and on this host",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.no_engine = 1,
	.exec = check,
};
