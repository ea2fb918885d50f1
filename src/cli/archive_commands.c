/* archive_commands.c: hull load, save, export. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/output.h"

/* ---- load ---- */

struct load_values {
	const char *input, *platform, *max_size;
	int quiet;
};
#define LOAD(m) offsetof(struct load_values, m), OPT_NOT_TRACKED
static const struct opt load_opts[] = {
	{"input", 'i', OPT_TEXT, LOAD(input), "file",
		"Archive, or folder with an OCI layout (standard input)"},
	{"max-size", 0, OPT_TEXT, LOAD(max_size), "bytes",
		"Of the unpacked archive and of each layer (nine tenths of the free space); 0: "
		"none"},
	{"platform", 0, OPT_TEXT, LOAD(platform), "string",
		"Of images for several platforms, that one (OS/ARCH[/VARIANT])"},
	{"quiet", 'q', OPT_BOOL, LOAD(quiet), "", "Say nothing but which images were loaded"},
};

static void loaded(void *ctx, const char *familiar, const char *id, const char *replaced)
{
	const struct load_values *v = ctx;

	if (replaced && !v->quiet)
		printf("The image %s already exists, renaming the old one with ID %s to empty "
		       "string\n",
			familiar, replaced);
	if (familiar)
		printf("Loaded image: %s\n", familiar);
	else
		printf("Loaded image ID: %s\n", id);
}

static int load(struct engine *en, void *values, char **args, struct err *e)
{
	const struct load_values *v = values;
	int from_stdin = !v->input || streq(v->input, "-");
	auto_fd int fd = from_stdin ? -1 : open(v->input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct engine_load req = {.archive_fd = from_stdin ? STDIN_FILENO : fd,
		.folder_fd = -1,
		.platform = v->platform,
		.max_size = v->max_size,
		.source = from_stdin ? "standard input" : v->input,
		.loaded = loaded,
		.ctx = values};
	struct stat st;

	(void)args;
	if (from_stdin && isatty(STDIN_FILENO))
		return err_set(e, ERR_INVALID,
			"requested load from stdin, but stdin is a terminal: give an archive with "
			"-i FILE or redirect one");
	if (req.archive_fd < 0 || fstat(req.archive_fd, &st) < 0)
		return err_sys(e, errno, "open the archive %s", req.source);
	if (S_ISDIR(st.st_mode)) {
		req.folder_fd = req.archive_fd;
		req.archive_fd = -1;
	}
	return engine_image_load(en, &req, e);
}

const struct cmd cmd_load = {
	.name = "load",
	.usage = "[OPTIONS]",
	.summary = "Load images from an archive or an OCI layout",
	.opts = load_opts,
	.n_opts = ARRAY_SIZE(load_opts),
	.size = sizeof(struct load_values),
	.max_args = 0,
	.exec = load,
};

/* ---- save ---- */

struct save_values {
	const char *output, *format;
};
#define SAVE(m) offsetof(struct save_values, m), OPT_NOT_TRACKED
static const struct opt save_opts[] = {
	{"format", 0, OPT_TEXT, SAVE(format), "string",
		"docker-archive (which is an OCI archive, too), oci-archive or oci-dir"},
	{"output", 'o', OPT_TEXT, SAVE(output), "file", "Write there (standard output)"},
	{"platform", 0, OPT_LATER, 0, OPT_NOT_TRACKED, NULL, NULL},
};

static int check_format(const char *format, int *out_docker, int *out_folder, struct err *e)
{
	*out_docker = !format || streq(format, "docker-archive");
	*out_folder = format && streq(format, "oci-dir");
	if (*out_docker || *out_folder || streq(format, "oci-archive"))
		return 0;
	return err_set(e, ERR_INVALID,
		"unknown format \"%.100s\": there are docker-archive, oci-archive and oci-dir",
		format);
}

static int save(struct engine *en, void *values, char **args, struct err *e)
{
	const struct save_values *v = values;
	struct engine_save req = {.names = args, .tar_fd = -1, .folder_fd = -1};
	struct output out;
	int folder, r;

	if (check_format(v->format, &req.docker, &folder, e) < 0)
		return -1;
	if (folder && !v->output)
		return err_set(e, ERR_INVALID, "oci-dir is a folder: say which with -o");
	r = folder ? output_open_folder(v->output, &out, e) : output_open(v->output, &out, e);
	*(folder ? &req.folder_fd : &req.tar_fd) = out.fd;
	if (r == 0)
		r = engine_image_save(en, &req, e);
	if (r == 0)
		r = output_commit(&out, e);
	output_done(&out);
	return r;
}

const struct cmd cmd_save = {
	.name = "save",
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Save images as an archive or an OCI layout",
	.opts = save_opts,
	.n_opts = ARRAY_SIZE(save_opts),
	.size = sizeof(struct save_values),
	.min_args = 1,
	.max_args = -1,
	.exec = save,
};

/* ---- export ---- */

struct export_values {
	const char *output;
};
static const struct opt export_opts[] = {
	{"output", 'o', OPT_TEXT, offsetof(struct export_values, output), OPT_NOT_TRACKED, "file",
		"Write there (standard output)"},
};

static int export(struct engine *en, void *values, char **args, struct err *e)
{
	const struct export_values *v = values;
	struct output out;
	int r = output_open(v->output, &out, e);

	if (r == 0)
		r = engine_container_export(en, args[0], out.fd, e);
	if (r == 0)
		r = output_commit(&out, e);
	output_done(&out);
	return r;
}

const struct cmd cmd_export = {
	.name = "export",
	.usage = "[OPTIONS] CONTAINER",
	.summary = "Write a container's root file system as a tar archive",
	.opts = export_opts,
	.n_opts = ARRAY_SIZE(export_opts),
	.size = sizeof(struct export_values),
	.min_args = 1,
	.max_args = 1,
	.exec = export,
};
