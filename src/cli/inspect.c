/* inspect.c: hull inspect, container inspect, image inspect. */
#include "cli/inspect.h"

#include <string.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"

struct values {
	const char *format, *type;
	int size;
};

#define AT(m) offsetof(struct values, m), OPT_NOT_TRACKED
static const struct opt opts[] = {
	{"format", 'f', OPT_TEXT, AT(format), "string", "json, or a template of fields"},
	{"size", 's', OPT_BOOL, AT(size), "", "Also the container's sizes"},
	{"type", 0, OPT_TEXT, AT(type), "string", "container or image"},
};

/* A container first, as Docker has it. */
static json_t *find(
	struct engine *en, enum inspect_what what, const char *name, int size, struct err *e)
{
	json_t *found = NULL;

	if (what != INSPECT_IMAGE) {
		found = engine_container_inspect(en, name, size, e);
		if (found || what == INSPECT_CONTAINER || e->kind != ERR_NOT_FOUND)
			return found;
	}
	found = engine_image_inspect(en, name, e);
	if (!found && what == INSPECT_ANY && (e->kind == ERR_NOT_FOUND || e->kind == ERR_INVALID))
		err_set(e, ERR_NOT_FOUND, "No such object: %s", name);
	return found;
}

static int inspect(struct engine *en, enum inspect_what what, const struct values *v, char **args,
	struct err *e)
{
	auto_json json_t *all = json_array();
	int status = 0;

	strv_foreach (a, args) {
		json_t *found = find(en, what, *a, v->size, e);
		if (!found) {
			cmd_say(e->text);
			status = 1;
			continue;
		}
		json_array_append_new(all, found);
		if (v->format) {
			auto_free char *text = format_text(v->format, found, e);
			if (!text)
				return -1;
			puts(text);
		}
	}
	if (!v->format) {
		auto_free char *text = jsonx_text(all, 4);
		fputs(text, stdout);
	}
	return status;
}

static int any(struct engine *en, void *values, char **args, struct err *e)
{
	const struct values *v = values;
	enum inspect_what what = INSPECT_ANY;

	if (v->type && streq(v->type, "container"))
		what = INSPECT_CONTAINER;
	else if (v->type && streq(v->type, "image"))
		what = INSPECT_IMAGE;
	else if (v->type && *v->type)
		return err_set(e, ERR_INVALID,
			"\"%s\" is not a valid value for --type: container, image", v->type);
	return inspect(en, what, v, args, e);
}

static int container(struct engine *en, void *values, char **args, struct err *e)
{
	return inspect(en, INSPECT_CONTAINER, values, args, e);
}

static int image(struct engine *en, void *values, char **args, struct err *e)
{
	return inspect(en, INSPECT_IMAGE, values, args, e);
}

const struct cmd cmd_inspect = {
	.name = "inspect",
	.usage = "[OPTIONS] NAME|ID [NAME|ID...]",
	.summary = "Show all that is known of containers or images, as JSON",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.min_args = 1,
	.max_args = -1,
	.exec = any,
};

const struct cmd cmd_container_inspect = {
	.name = "container inspect",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Show all that is known of containers, as JSON",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts) - 1,
	.size = sizeof(struct values),
	.min_args = 1,
	.max_args = -1,
	.exec = container,
};

const struct cmd cmd_image_inspect = {
	.name = "image inspect",
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Show all that is known of images, as JSON",
	.opts = opts,
	.n_opts = 1,
	.size = sizeof(struct values),
	.min_args = 1,
	.max_args = -1,
	.exec = image,
};
