/* images.c: hull images, rmi, tag, import, history, image inspect, image bootstrap. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/inspect.h"
#include "cli/table.h"

/* ---- images ---- */

struct images_values {
	int all, quiet, no_trunc, digests;
	const char *format;
	char **filters;
};

#define IMG(m) offsetof(struct images_values, m), OPT_NOT_TRACKED
static const struct opt images_opts[] = {
	{"all", 'a', OPT_BOOL, IMG(all), "", "Show all images"},
	{"digests", 0, OPT_BOOL, IMG(digests), "", "Show digests"},
	{"filter", 'f', OPT_LIST, IMG(filters), "filter", "reference=PATTERN, dangling=true|false"},
	{"format", 0, OPT_TEXT, IMG(format), "string", "json, or a template of fields"},
	{"no-trunc", 0, OPT_BOOL, IMG(no_trunc), "", "Do not cut ids"},
	{"quiet", 'q', OPT_BOOL, IMG(quiet), "", "Only ids"},
};

static int image_matches(
	const struct engine_image *i, const char *ref, char *const *filters, struct err *e)
{
	strv_foreach (f, filters) {
		const char *pattern = str_after(*f, "reference="),
			   *dangling = str_after(*f, "dangling=");
		int want;
		if (pattern) {
			auto_free char *name = xstrdup(ref ? ref : "");
			char *colon = strrchr(name, ':');
			if (fnmatch(pattern, name, 0) == 0)
				continue;
			if (colon)
				*colon = '\0';
			if (fnmatch(pattern, name, 0) != 0)
				return 0;
		} else if (dangling && parse_bool(dangling, &want) == 0) {
			if (want != (i->refs == NULL || !i->refs[0]))
				return 0;
		} else {
			return err_set(e, ERR_INVALID, "invalid filter '%s'", *f);
		}
	}
	return 1;
}

static json_t *image_row(const struct engine_image *i, const char *ref, int full)
{
	char id[72], ago[48], size[PARSE_SIZE_MAX], created[TIME_TEXT_MAX];
	const char *colon = ref ? strrchr(ref, ':') : NULL;
	json_t *row = json_object();
	auto_free char *name = colon ? xstrndup(ref, (size_t)(colon - ref)) : xstrdup("<none>");

	format_size(i->size, size);
	time_format(i->created_ns, created);
	jsonx_set_str(row, "ID", table_id(i->id, full, id));
	jsonx_set_str(row, "Repository", name);
	jsonx_set_str(row, "Tag", colon ? colon + 1 : "<none>");
	jsonx_set_str(row, "Digest", "<none>");
	jsonx_set_str(row, "CreatedSince", table_ago(i->created_ns, ago));
	jsonx_set_str(row, "CreatedAt", created);
	jsonx_set_str(row, "Size", size);
	return row;
}

static int print_image(const struct images_values *v, const struct engine_image *i, const char *ref,
	struct table *t, struct err *e)
{
	static const char *const keys[] = {"Repository", "Tag", "ID", "CreatedSince", "Size"};
	static const char *const digest_keys[] = {
		"Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"};
	auto_json json_t *row = NULL;
	int r = image_matches(i, ref, v->filters, e);

	if (r <= 0)
		return r;
	row = image_row(i, ref, v->no_trunc);
	if (v->quiet) {
		puts(jsonx_str(row, "ID", ""));
		return 0;
	}
	if (v->format) {
		auto_free char *text = format_text(v->format, row, e);
		if (text)
			puts(text);
		return text ? 0 : -1;
	}
	for (size_t k = 0; k < t->columns; k++)
		table_cell(t, jsonx_str(row, v->digests ? digest_keys[k] : keys[k], ""));
	return 0;
}

static int images(struct engine *en, void *values, char **args, struct err *e)
{
	static const char *const headings[] = {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"};
	static const char *const with_digest[] = {
		"REPOSITORY", "TAG", "DIGEST", "IMAGE ID", "CREATED", "SIZE"};
	struct images_values *v = values;
	struct engine_image *list;
	struct table t;
	size_t n;
	int r = 0;

	if (args)
		strv_addf(&v->filters, "reference=%s", args[0]);
	if (engine_image_list(en, &list, &n, e) < 0)
		return -1;
	table_start(&t, v->digests ? with_digest : headings, v->digests ? 6 : 5);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (!list[i].refs || !list[i].refs[0])
			r = print_image(v, &list[i], NULL, &t, e);
		for (char **ref = list[i].refs; ref && *ref && r == 0; ref++)
			r = print_image(v, &list[i], *ref, &t, e);
	}
	if (r == 0 && !v->quiet && !v->format)
		table_print(&t, stdout);
	table_done(&t);
	engine_image_list_free(list, n);
	return r;
}

const struct cmd cmd_images = {
	.name = "images",
	.usage = "[OPTIONS] [REPOSITORY[:TAG]]",
	.summary = "List images",
	.opts = images_opts,
	.n_opts = ARRAY_SIZE(images_opts),
	.size = sizeof(struct images_values),
	.max_args = 1,
	.exec = images,
};

/* ---- rmi, tag ---- */

struct force_values {
	int force, no_prune;
};
static const struct opt rmi_opts[] = {
	{"force", 'f', OPT_BOOL, offsetof(struct force_values, force), OPT_NOT_TRACKED, "",
		"Also when it has several names; no error when it is missing"},
};

static int rmi(struct engine *en, void *values, char **args, struct err *e)
{
	const struct force_values *v = values;
	int status = 0;

	strv_foreach (a, args) {
		auto_strv char **lines = NULL;
		if (engine_image_remove(en, *a, v->force, &lines, e) < 0) {
			if (v->force && e->kind == ERR_NOT_FOUND)
				continue;
			cmd_say(e->text);
			status = 1;
		}
		strv_foreach (l, lines)
			puts(*l);
	}
	return status;
}

const struct cmd cmd_rmi = {
	.name = "rmi",
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Remove images",
	.opts = rmi_opts,
	.n_opts = ARRAY_SIZE(rmi_opts),
	.size = sizeof(struct force_values),
	.min_args = 1,
	.max_args = -1,
	.exec = rmi,
};

static int tag(struct engine *en, void *values, char **args, struct err *e)
{
	(void)values;
	return engine_image_tag(en, args[0], args[1], e);
}

const struct cmd cmd_tag = {
	.name = "tag",
	.usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.summary = "Give an image another name",
	.min_args = 2,
	.max_args = 2,
	.exec = tag,
};

/* ---- import, bootstrap ---- */

struct import_values {
	char **changes;
	const char *message, *platform;
};
#define IMP(m) offsetof(struct import_values, m), OPT_NOT_TRACKED
static const struct opt import_opts[] = {
	{"change", 'c', OPT_LIST, IMP(changes), "list",
		"Apply a Dockerfile instruction (CMD, ENV, ...)"},
	{"message", 'm', OPT_TEXT, IMP(message), "string", "Message of the image's history"},
	{"platform", 0, OPT_TEXT, IMP(platform), "string", "Platform of the root file system"},
};

static int import(struct engine *en, void *values, char **args, struct err *e)
{
	const struct import_values *v = values;
	int from_stdin = streq(args[0], "-");
	auto_fd int fd = from_stdin ? -1 : open(args[0], O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct engine_import req = {
		.archive_fd = from_stdin ? STDIN_FILENO : fd,
		.reference = args[1],
		.message = v->message,
		.platform = v->platform,
		.changes = v->changes,
		.source = args[0],
	};
	char id[72];

	if (req.archive_fd < 0)
		return err_sys(e, errno, "open the archive %s", args[0]);
	if (engine_image_import(en, &req, id, e) < 0)
		return -1;
	puts(id);
	return 0;
}

const struct cmd cmd_import = {
	.name = "import",
	.usage = "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
	.summary = "Make an image of a root file system in a tar archive",
	.opts = import_opts,
	.n_opts = ARRAY_SIZE(import_opts),
	.size = sizeof(struct import_values),
	.min_args = 1,
	.max_args = 2,
	.exec = import,
};

struct bootstrap_values {
	const char *mirror, *variant, *include;
};
#define BOOT(m) offsetof(struct bootstrap_values, m), OPT_NOT_TRACKED
static const struct opt bootstrap_opts[] = {
	{"include", 0, OPT_TEXT, BOOT(include), "packages", "More packages, separated by commas"},
	{"mirror", 0, OPT_TEXT, BOOT(mirror), "url", "Mirror instead of the machine's own"},
	{"variant", 0, OPT_TEXT, BOOT(variant), "name", "mmdebstrap's variant (minbase)"},
};

static int bootstrap(struct engine *en, void *values, char **args, struct err *e)
{
	const struct bootstrap_values *v = values;
	const struct engine_bootstrap req = {args[0], v->mirror, v->variant, v->include};
	char id[72];

	if (engine_image_bootstrap(en, &req, id, e) < 0)
		return -1;
	puts(id);
	return 0;
}

const struct cmd cmd_bootstrap = {
	.name = "image bootstrap",
	.usage = "[OPTIONS] debian:SUITE",
	.summary = "Make an image with mmdebstrap from a Debian mirror",
	.opts = bootstrap_opts,
	.n_opts = ARRAY_SIZE(bootstrap_opts),
	.size = sizeof(struct bootstrap_values),
	.min_args = 1,
	.max_args = 1,
	.exec = bootstrap,
};

/* ---- history, inspect ---- */

struct history_values {
	int quiet, no_trunc, human, human_set;
	const char *format;
};
#define HIS(m) offsetof(struct history_values, m), OPT_NOT_TRACKED
static const struct opt history_opts[] = {
	{"format", 0, OPT_TEXT, HIS(format), "string", "json, or a template of fields"},
	{"human", 'H', OPT_BOOL, offsetof(struct history_values, human),
		offsetof(struct history_values, human_set), "",
		"Sizes and times as people read them"},
	{"no-trunc", 0, OPT_BOOL, HIS(no_trunc), "", "Do not cut"},
	{"quiet", 'q', OPT_BOOL, HIS(quiet), "", "Only ids"},
};

static json_t *history_row(const struct history_values *v, const json_t *h)
{
	int human = !v->human_set || v->human;
	int64_t created = jsonx_int(h, "Created", 0) * 1000000000,
		size_bytes = jsonx_int(h, "Size", 0);
	char id[72], ago[48], size[PARSE_SIZE_MAX], when[TIME_TEXT_MAX];
	json_t *row = json_object();

	format_size(size_bytes, size);
	if (!human)
		snprintf(size, sizeof(size), "%lld", (long long)size_bytes);
	time_format(created, when);
	jsonx_set_str(row, "ID", table_id(jsonx_str(h, "Id", "<missing>"), v->no_trunc, id));
	jsonx_set_str(row, "CreatedAt", when);
	jsonx_set_str(row, "CreatedSince", human ? table_ago(created, ago) : when);
	jsonx_set_str(row, "CreatedBy", jsonx_str(h, "CreatedBy", ""));
	jsonx_set_str(row, "Size", size);
	jsonx_set_str(row, "Comment", jsonx_str(h, "Comment", ""));
	return row;
}

static int history_line(
	const struct history_values *v, const json_t *h, struct table *t, struct err *e)
{
	static const char *const keys[] = {"ID", "CreatedSince", "CreatedBy", "Size", "Comment"};
	auto_json json_t *row = history_row(v, h);

	if (v->quiet) {
		puts(jsonx_str(row, "ID", ""));
		return 0;
	}
	if (v->format) {
		auto_free char *text = format_text(v->format, row, e);
		if (text)
			puts(text);
		return text ? 0 : -1;
	}
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		auto_free char *cell = table_cut(
			jsonx_str(row, keys[k], ""), v->no_trunc ? 65536 : 45);
		table_cell(t, cell);
	}
	return 0;
}

static int history(struct engine *en, void *values, char **args, struct err *e)
{
	static const char *const headings[] = {"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"};
	const struct history_values *v = values;
	auto_json json_t *list = engine_image_history(en, args[0], e);
	struct table t;
	json_t *h;
	size_t i;
	int r = 0;

	if (!list)
		return -1;
	table_start(&t, headings, ARRAY_SIZE(headings));
	json_array_foreach (list, i, h)
		if (r == 0)
			r = history_line(v, h, &t, e);
	if (r == 0 && !v->quiet && !v->format)
		table_print(&t, stdout);
	table_done(&t);
	return r;
}

const struct cmd cmd_history = {
	.name = "history",
	.usage = "[OPTIONS] IMAGE",
	.summary = "Show how an image was made",
	.opts = history_opts,
	.n_opts = ARRAY_SIZE(history_opts),
	.size = sizeof(struct history_values),
	.min_args = 1,
	.max_args = 1,
	.exec = history,
};
