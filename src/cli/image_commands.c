/* image_commands.c: hull rmi, tag, import, image bootstrap. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "cli/cmd.h"

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
	const char *message, *platform, *max_size;
};
#define IMP(m) offsetof(struct import_values, m), OPT_NOT_TRACKED
static const struct opt import_opts[] = {
	{"change", 'c', OPT_LIST, IMP(changes), "list",
		"Apply a Dockerfile instruction (CMD, ENV, ...)"},
	{"max-size", 0, OPT_TEXT, IMP(max_size), "bytes",
		"Refuse an archive that takes more (nine tenths of the free space; 0: no limit)"},
	{"message", 'm', OPT_TEXT, IMP(message), "string", "Message of the image's history"},
	{"platform", 0, OPT_TEXT, IMP(platform), "string", "Platform of the root file system"},
};

static int import(struct engine *en, void *values, char **args, struct err *e)
{
	const struct import_values *v = values;
	int from_stdin = streq(args[0], "-"), from_url = engine_import_is_url(args[0]);
	auto_fd int fd = from_stdin || from_url ? -1
						: open(args[0], O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct engine_import req = {
		.archive_fd = from_stdin ? STDIN_FILENO : fd,
		.url = from_url ? args[0] : NULL,
		.reference = args[1],
		.message = v->message,
		.platform = v->platform,
		.changes = v->changes,
		.source = args[0],
		.max_size = v->max_size,
	};
	char id[72];

	if (req.archive_fd < 0 && !from_url)
		return err_sys(e, errno, "open the archive %s", args[0]);
	if (engine_image_import(en, &req, id, e) < 0)
		return -1;
	puts(id);
	return 0;
}

const struct cmd cmd_import = {
	.name = "import",
	.usage = "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
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
