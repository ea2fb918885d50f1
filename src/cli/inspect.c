/* inspect.c: hull inspect, and container, image, volume, network inspect. */
#include "cli/inspect.h"

#include <string.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/template.h"

struct values {
	const char *format, *type;
	int size;
};

#define AT(m) offsetof(struct values, m), OPT_NOT_TRACKED
static const struct opt opts[] = {
	{"format", 'f', OPT_TEXT, AT(format), "string", "json, or a template of fields"},
	{"size", 's', OPT_BOOL, AT(size), "", "Also the container's sizes"},
	{"type", 0, OPT_TEXT, AT(type), "string", "container, image, volume or network"},
};

/* What Docker's structs know and JSON does not: maps, and what null or a missing member is. */
static const struct template_member members[] = {
	{"Health", MEMBER_OBJECT, 1},
	{"Healthcheck", MEMBER_OBJECT, 1},
	{"StopSignal", MEMBER_TEXT, 1},
	{"StopTimeout", MEMBER_OBJECT, 1},
	{"Shell", MEMBER_LIST, 1},
	{"ArgsEscaped", MEMBER_TEXT, 1},
	{"SizeRw", MEMBER_OBJECT, 1},
	{"SizeRootFs", MEMBER_OBJECT, 1},
	{"Tmpfs", MEMBER_MAP, 1},
	{"Sysctls", MEMBER_MAP, 1},
	{"Annotations", MEMBER_MAP, 1},
	{"StorageOpt", MEMBER_MAP, 1},
	{"Mounts", MEMBER_LIST, 1},
	{"ExposedPorts", MEMBER_MAP_OF_OBJECTS, 1},
	{"Volumes", MEMBER_MAP_OF_OBJECTS, 1},
	{"Networks", MEMBER_MAP_OF_OBJECTS, 0},
	{"Ports", MEMBER_MAP_OF_LISTS, 0},
	{"PortBindings", MEMBER_MAP_OF_LISTS, 0},
	{"[]", MEMBER_LIST, 0}, /* an entry of those two */
	{"Labels", MEMBER_MAP, 1},
	{"Data", MEMBER_MAP, 0},
	{"Containers", MEMBER_MAP_OF_OBJECTS, 0},
	{"Options", MEMBER_MAP, 1},
	{"IPRange", MEMBER_TEXT, 1},
	{"AuxiliaryAddresses", MEMBER_MAP, 1},
	{"DriverOpts", MEMBER_MAP, 0},
	{"Binds", MEMBER_LIST, 0},
	{"CapAdd", MEMBER_LIST, 0},
	{"CapDrop", MEMBER_LIST, 0},
	{"Cmd", MEMBER_LIST, 0},
	{"DeviceCgroupRules", MEMBER_LIST, 0},
	{"DeviceRequests", MEMBER_LIST, 0},
	{"Entrypoint", MEMBER_LIST, 0},
	{"Env", MEMBER_LIST, 0},
	{"ExecIDs", MEMBER_LIST, 0},
	{"ExtraHosts", MEMBER_LIST, 0},
	{"GroupAdd", MEMBER_LIST, 0},
	{"Links", MEMBER_LIST, 0},
	{"OnBuild", MEMBER_LIST, 1},
	{"RepoDigests", MEMBER_LIST, 0},
	{"RepoTags", MEMBER_LIST, 0},
	{"SecurityOpt", MEMBER_LIST, 0},
	{"VolumesFrom", MEMBER_LIST, 0},
	{NULL, 0, 0},
};

/* A container first, as Docker has it. */
static json_t *find(
	struct engine *en, enum inspect_what what, const char *name, int size, struct err *e)
{
	json_t *found = NULL;

	if (what == INSPECT_VOLUME)
		return engine_volume_inspect(en, name, e);
	if (what == INSPECT_NETWORK)
		return engine_network_inspect(en, name, e);
	if (what != INSPECT_IMAGE) {
		found = engine_container_inspect(en, name, size, e);
		if (found || what == INSPECT_CONTAINER || e->kind != ERR_NOT_FOUND)
			return found;
	}
	found = engine_image_inspect(en, name, e);
	if (found || what == INSPECT_IMAGE || (e->kind != ERR_NOT_FOUND && e->kind != ERR_INVALID))
		return found;
	found = engine_network_inspect(en, name, e);
	if (found || e->kind != ERR_NOT_FOUND)
		return found;
	found = engine_volume_inspect(en, name, e);
	if (!found && e->kind == ERR_NOT_FOUND)
		err_set(e, ERR_NOT_FOUND, "No such object: %s", name);
	return found;
}

static int print_all(const char *format, json_t *all, struct err *e)
{
	auto_free char *text = NULL;
	int raw = !format || streq(format, "json");
	json_t *item;
	size_t i;

	if (raw) {
		text = jsonx_text(all, format ? 0 : 4);
		printf("%s%s", text, format ? "\n" : "");
		return 0;
	}
	json_array_foreach (all, i, item) {
		auto_free char *line = format_text(format, item, members, e);
		if (!line)
			return -1;
		puts(line);
	}
	return 0;
}

static int inspect(struct engine *en, enum inspect_what what, const struct values *v, char **args,
	struct err *e)
{
	const char *format = v->format && *v->format ? v->format : NULL;
	auto_json json_t *all = json_array();
	int status = 0;

	if (format && format_check(format, e) < 0)
		return -1;
	strv_foreach (a, args) {
		json_t *found = find(en, what, *a, v->size, e);
		if (found) {
			json_array_append_new(all, found);
			continue;
		}
		cmd_say(e->text);
		status = 1;
	}
	return print_all(format, all, e) < 0 ? -1 : status;
}

static int any(struct engine *en, void *values, char **args, struct err *e)
{
	const struct values *v = values;
	enum inspect_what what = INSPECT_ANY;

	if (v->type && streq(v->type, "container"))
		what = INSPECT_CONTAINER;
	else if (v->type && streq(v->type, "image"))
		what = INSPECT_IMAGE;
	else if (v->type && streq(v->type, "volume"))
		what = INSPECT_VOLUME;
	else if (v->type && streq(v->type, "network"))
		what = INSPECT_NETWORK;
	else if (v->type && *v->type)
		return err_set(e, ERR_INVALID,
			"\"%s\" is not a valid value for --type: container, image, volume, network",
			v->type);
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

static int volume(struct engine *en, void *values, char **args, struct err *e)
{
	return inspect(en, INSPECT_VOLUME, values, args, e);
}

static int network(struct engine *en, void *values, char **args, struct err *e)
{
	return inspect(en, INSPECT_NETWORK, values, args, e);
}

const struct cmd cmd_inspect = {
	.name = "inspect",
	.usage = "[OPTIONS] NAME|ID [NAME|ID...]",
	.summary = "Show all that is known of containers, images, networks, volumes, as JSON",
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

const struct cmd cmd_volume_inspect = {
	.name = "volume inspect",
	.usage = "[OPTIONS] VOLUME [VOLUME...]",
	.summary = "Show all that is known of volumes, as JSON",
	.opts = opts,
	.n_opts = 1,
	.size = sizeof(struct values),
	.min_args = 1,
	.max_args = -1,
	.exec = volume,
};

/* Docker's -v is about swarms. */
static const struct opt network_opts[] = {
	{"format", 'f', OPT_TEXT, AT(format), "string", "json, or a template of fields"},
	{"verbose", 'v', OPT_BOOL, AT(size), "", "Nothing more: there is no swarm"},
};
const struct cmd cmd_network_inspect = {
	.name = "network inspect",
	.usage = "[OPTIONS] NETWORK [NETWORK...]",
	.summary = "Show all that is known of networks, as JSON",
	.opts = network_opts,
	.n_opts = ARRAY_SIZE(network_opts),
	.size = sizeof(struct values),
	.min_args = 1,
	.max_args = -1,
	.exec = network,
};
