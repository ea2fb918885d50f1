/* images.c: hull images. */
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/images_filter.h"
#include "cli/list.h"
#include "cli/table.h"

struct values {
	int all, quiet, no_trunc, digests;
	const char *format;
	char **filters;
};

#define AT(m) offsetof(struct values, m), OPT_NOT_TRACKED
static const struct opt opts[] = {
	{"all", 'a', OPT_BOOL, AT(all), "", "Show all images (there are no hidden ones)"},
	{"digests", 0, OPT_BOOL, AT(digests), "", "Show digests"},
	{"filter", 'f', OPT_LIST, AT(filters), "filter",
		"Only those that fit KEY=VALUE (before, dangling, label, reference, since)"},
	{"format", 0, OPT_TEXT, AT(format), "string",
		"table, table TEMPLATE, json, or a Go template of a row's fields"},
	{"no-trunc", 0, OPT_BOOL, AT(no_trunc), "", "Do not cut ids"},
	{"quiet", 'q', OPT_BOOL, AT(quiet), "", "Only print ids"},
	{"tree", 0, OPT_LATER, 0, OPT_NOT_TRACKED, NULL, NULL},
};

#define NAME "{{.Repository}}\t{{.Tag}}\t"
#define REST "{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
#define RAW                                                               \
	"repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\n" \
	"created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"

static const struct list_field fields[] = {
	{"Containers", "CONTAINERS"},
	{"CreatedAt", "CREATED AT"},
	{"CreatedSince", "CREATED"},
	{"Digest", "DIGEST"},
	{"ID", "IMAGE ID"},
	{"Repository", "REPOSITORY"},
	{"SharedSize", "SHARED SIZE"},
	{"Size", "SIZE"},
	{"Tag", "TAG"},
	{"UniqueSize", "UNIQUE SIZE"},
	{"VirtualSize", "SIZE"},
	{NULL, NULL},
};
static const struct list list = {fields, NAME REST, "{{.ID}}", RAW};
static const struct list list_with_digest = {fields, NAME "{{.Digest}}\t" REST, "{{.ID}}", RAW};

/* ref: "debian:trixie", "debian@sha256:..." or NULL. */
static void set_name(json_t *row, const char *ref)
{
	auto_free char *name = xstrdup(ref ? ref : "<none>");
	char *digest = strchr(name, '@'), *slash = strrchr(name, '/');
	char *tag = digest ? NULL : strchr(slash ? slash : name, ':');

	if (digest)
		*digest++ = '\0';
	if (tag)
		*tag++ = '\0';
	jsonx_set_str(row, "Repository", name);
	jsonx_set_str(row, "Tag", tag ? tag : "<none>");
	jsonx_set_str(row, "Digest", digest ? digest : "<none>");
}

static json_t *make_row(const struct values *v, const struct engine_image *i, const char *ref)
{
	char id[72], ago[48], size[PARSE_SIZE_MAX], created[48];
	json_t *row = json_object();

	format_size(i->size, size);
	jsonx_set_str(row, "ID", table_id(i->id, v->no_trunc, id));
	set_name(row, ref);
	jsonx_set_str(row, "CreatedSince", table_ago(i->created_ns, ago));
	jsonx_set_str(row, "CreatedAt", table_time(i->created_ns, created));
	jsonx_set_str(row, "Size", size);
	jsonx_set_str(row, "VirtualSize", size);
	jsonx_set_str(row, "SharedSize", "N/A");
	jsonx_set_str(row, "UniqueSize", "N/A");
	jsonx_set_str(row, "Containers", "N/A");
	return row;
}

/* One row for each name; -q prints an image once. */
static void add_rows(const struct values *v, const struct images_filter *f,
	const struct engine_image *i, json_t *rows)
{
	if (!images_filter_matches(f, i))
		return;
	if ((!i->refs || !i->refs[0]) && images_filter_shows(f, NULL))
		json_array_append_new(rows, make_row(v, i, NULL));
	strv_foreach (ref, i->refs) {
		if (!images_filter_shows(f, *ref))
			continue;
		json_array_append_new(rows, make_row(v, i, *ref));
		if (v->quiet)
			return;
	}
}

static int images(struct engine *en, void *values, char **args, struct err *e)
{
	struct values *v = values;
	auto_json json_t *rows = json_array();
	struct engine_image *all;
	struct images_filter f;
	size_t n;
	int r;

	if (args)
		strv_addf(&v->filters, "reference=%s", args[0]);
	if (engine_image_list(en, &all, &n, e) < 0)
		return -1;
	r = images_filter_init(&f, en, v->filters, e);
	for (size_t i = 0; i < n && r == 0; i++)
		add_rows(v, &f, &all[i], rows);
	engine_image_list_free(all, n);
	if (r < 0)
		return -1;
	return list_print(
		v->digests ? &list_with_digest : &list, v->format, v->quiet, rows, stdout, e);
}

const struct cmd cmd_images = {
	.name = "images",
	.usage = "[OPTIONS] [REPOSITORY[:TAG]]",
	.summary = "List images",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.max_args = 1,
	.exec = images,
};
