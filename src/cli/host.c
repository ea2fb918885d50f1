/* host.c: hull info, version. */
#include <string.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/format.h"
#include "config.h"

struct values {
	const char *format;
};
static const struct opt opts[] = {
	{"format", 'f', OPT_TEXT, offsetof(struct values, format), OPT_NOT_TRACKED, "string",
		"json, or a template of fields"},
};

static int print_formatted(const char *format, json_t *object, struct err *e)
{
	auto_free char *text = format_check(format, e) < 0 ? NULL
							   : format_text(format, object, NULL, e);

	if (!text)
		return -1;
	puts(text);
	return 0;
}

static int info(struct engine *en, void *values, char **args, struct err *e)
{
	const struct values *v = values;
	auto_json json_t *facts = engine_info(en, e);
	const char *key;
	json_t *value;

	(void)args;
	if (!facts)
		return -1;
	if (v->format)
		return print_formatted(v->format, facts, e);
	json_object_foreach (facts, key, value) {
		auto_free char *text = json_is_string(value) ? xstrdup(json_string_value(value))
							     : jsonx_text(value, 0);
		printf("%s: %s\n", key, text);
	}
	return 0;
}

const struct cmd cmd_info = {
	.name = "info",
	.usage = "[OPTIONS]",
	.summary = "Show facts of this host and of the store",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.exec = info,
};

static int version(struct engine *en, void *values, char **args, struct err *e)
{
	const struct values *v = values;
	auto_json json_t *facts = json_object();
	struct utsname u;

	(void)en;
	(void)args;
	uname(&u);
	jsonx_set_str(facts, "Version", HULL_VERSION);
	jsonx_set_str(facts, "Os", "linux");
	jsonx_set_str(facts, "Arch", u.machine);
	jsonx_set_str(facts, "KernelVersion", u.release);
	if (v->format) {
		/* Scripts for Docker ask for {{.Server.Version}}: one program is both here. */
		json_object_set_new(facts, "Client", json_deep_copy(facts));
		json_object_set_new(
			facts, "Server", json_deep_copy(json_object_get(facts, "Client")));
		return print_formatted(v->format, facts, e);
	}
	printf("hull version %s, %s, kernel %s\n", HULL_VERSION, u.machine, u.release);
	return 0;
}

const struct cmd cmd_version = {
	.name = "version",
	.usage = "[OPTIONS]",
	.summary = "Show the version",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.no_engine = 1,
	.exec = version,
};
