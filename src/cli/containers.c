/* containers.c: hull rm, and what a monitor calls at the end. */
#include "base/mem.h"
#include "cli/cmd.h"

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
