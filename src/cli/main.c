/* main.c: the program hull: finds the command, parses its flags, opens the engine, prints the one
 * line of an error. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "config.h"

static const struct {
	const char *words; /* as typed */
	const struct cmd *cmd;
} commands[] = {
	{"run", &cmd_run},
	{"ps", &cmd_ps},
	{"rm", &cmd_rm},
	{"inspect", &cmd_inspect},
	{"images", &cmd_images},
	{"rmi", &cmd_rmi},
	{"tag", &cmd_tag},
	{"import", &cmd_import},
	{"load", &cmd_load},
	{"save", &cmd_save},
	{"export", &cmd_export},
	{"history", &cmd_history},
	{"info", &cmd_info},
	{"version", &cmd_version},
	{"container run", &cmd_run},
	{"container ls", &cmd_ps},
	{"container list", &cmd_ps},
	{"container ps", &cmd_ps},
	{"container rm", &cmd_rm},
	{"container remove", &cmd_rm},
	{"container inspect", &cmd_container_inspect},
	{"container export", &cmd_export},
	{"container cleanup", &cmd_cleanup},
	{"image ls", &cmd_images},
	{"image list", &cmd_images},
	{"image rm", &cmd_rmi},
	{"image remove", &cmd_rmi},
	{"image tag", &cmd_tag},
	{"image import", &cmd_import},
	{"image load", &cmd_load},
	{"image save", &cmd_save},
	{"image history", &cmd_history},
	{"image inspect", &cmd_image_inspect},
	{"image bootstrap", &cmd_bootstrap},
	{"system info", &cmd_info},
	{"system check", &cmd_system_check},
	{"volume create", &cmd_volume_create},
	{"volume ls", &cmd_volume_ls},
	{"volume list", &cmd_volume_ls},
	{"volume inspect", &cmd_volume_inspect},
	{"volume rm", &cmd_volume_rm},
	{"volume remove", &cmd_volume_rm},
	{"volume prune", &cmd_volume_prune},
	{"port add", &cmd_port_add}, /* before "port": the longer name first */
	{"port rm", &cmd_port_rm},
	{"port remove", &cmd_port_rm},
	{"port", &cmd_port},
	{"container port", &cmd_port},
	{"network create", &cmd_network_create},
	{"network ls", &cmd_network_ls},
	{"network list", &cmd_network_ls},
	{"network inspect", &cmd_network_inspect},
	{"network rm", &cmd_network_rm},
	{"network remove", &cmd_network_rm},
	{"network prune", &cmd_network_prune},
	{"network connect", &cmd_network_connect},
	{"network disconnect", &cmd_network_disconnect},
	{"network reload", &cmd_network_reload},
};
/* First words that are no commands themselves. */
static const struct {
	const char *word, *summary;
} groups[] = {
	{"container", "Manage containers"},
	{"image", "Manage images"},
	{"network", "Manage networks"},
	{"system", "Manage hull"},
	{"volume", "Manage volumes"},
};

static struct {
	const char *root, *runroot, *context, *host;
	int debug, version;
} global;

void cmd_say(const char *text)
{
	fflush(stdout);
	fprintf(stderr, "hull: %s\n", text);
}

static void warn(const char *text)
{
	fprintf(stderr, "hull: warning: %s\n", text);
}

const struct engine_options *cmd_engine_options(void)
{
	static struct engine_options o;

	o = (struct engine_options){global.root, global.runroot, warn};
	return &o;
}

static void help(void)
{
	puts("Usage: hull [OPTIONS] COMMAND\n\nRuns the programs of one Linux distribution on the "
	     "kernel of another.\n\nCommands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strchr(commands[i].words, ' '))
			printf("  %-12s %s\n", commands[i].words, commands[i].cmd->summary);
	puts("\nGroups of commands:");
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		printf("  %-12s %s\n", groups[i].word, groups[i].summary);
	puts("\nOptions:\n"
	     "      --root DIR       Where images and containers are kept (/var/lib/hull)\n"
	     "      --runroot DIR    Where running ones are (/run/hull)\n"
	     "  -v, --version        Print the version\n\n"
	     "'hull COMMAND --help' tells more about a command; hull(1) tells all.");
}

/* Each command once, by the first of its names in the group. */
static int is_alias(size_t i, size_t len)
{
	for (size_t j = 0; j < i; j++)
		if (commands[j].cmd == commands[i].cmd &&
			strncmp(commands[j].words, commands[i].words, len + 1) == 0)
			return 1;
	return 0;
}

static void group_help(const char *word, const char *summary)
{
	size_t len = strlen(word);

	printf("Usage: hull %s COMMAND\n\n%s\n\nCommands:\n", word, summary);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct cmd *c = commands[i].cmd;
		if (!c->hidden && strncmp(commands[i].words, word, len) == 0 &&
			commands[i].words[len] == ' ' && !is_alias(i, len))
			printf("  %-12s %s\n", commands[i].words + len + 1, c->summary);
	}
	printf("\n'hull %s COMMAND --help' tells more about a command.\n", word);
}

/* "image", "image --help", "help image": 1 when the help was printed. */
static int maybe_group_help(char *const *words)
{
	if (words[1] && !streq(words[1], "--help") && !streq(words[1], "-h"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!streq(words[0], groups[i].word))
			continue;
		group_help(groups[i].word, groups[i].summary);
		return 1;
	}
	return 0;
}

static void command_help(const struct cmd *c)
{
	printf("Usage: hull %s %s\n\n%s\n", c->name, c->usage, c->summary);
	if (c->n_opts)
		opts_help(c->opts, c->n_opts);
}

static int is_group(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (streq(word, groups[i].word))
			return 1;
	return 0;
}

static int unknown_command(char *const *argv, struct err *e)
{
	auto_free char *word = argv[1] && is_group(argv[0]) ? xasprintf("%s %s", argv[0], argv[1])
							    : xstrdup(argv[0]);
	const char *names[ARRAY_SIZE(commands) + 1];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[n++] = commands[i].words;
	names[n] = NULL;
	near = parse_nearest(word, names);
	err_set(e, ERR_INVALID, "unknown command: hull %s%s%s%s; 'hull --help' lists them", word,
		near ? " (did you mean hull " : "", near ? near : "", near ? "?)" : "");
	return err_status(e, 1);
}

/* One or two words name a command; *used says how many. */
static const struct cmd *find(int argc, char **argv, int *used)
{
	auto_free char *two = argc > 1 ? xasprintf("%s %s", argv[0], argv[1]) : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		*used = two && streq(two, commands[i].words) ? 2 : 1;
		if (*used == 2 || streq(argv[0], commands[i].words))
			return commands[i].cmd;
	}
	return NULL;
}

static int check_count(const struct cmd *c, char **args, struct err *e)
{
	int n = (int)strv_len(args);

	if (n < c->min_args)
		err_set(e, ERR_INVALID, "'hull %s' requires at least %d argument%s: hull %s %s",
			c->name, c->min_args, c->min_args == 1 ? "" : "s", c->name, c->usage);
	else if (c->max_args >= 0 && n > c->max_args)
		err_set(e, ERR_INVALID, "'hull %s' accepts at most %d argument%s: hull %s %s",
			c->name, c->max_args, c->max_args == 1 ? "" : "s", c->name, c->usage);
	else
		return 0;
	return err_status(e, 1);
}

static int with_values(const struct cmd *c, int argc, char **argv, void *values, struct err *e)
{
	auto_strv char **args = NULL;
	struct engine *en = NULL;
	int r = opts_parse(c->opts, c->n_opts, c->first_stops, argc, argv, values, &args, e);

	if (r == 1) {
		command_help(c);
		return 0;
	}
	if (r < 0 || check_count(c, args, e) < 0)
		return -1;
	if (!c->no_engine && engine_open(cmd_engine_options(), &en, e) < 0)
		return err_status(e, c == &cmd_run ? 125 : 1);
	r = c->exec(en, values, args, e);
	engine_close(en);
	return r;
}

static int execute(const struct cmd *c, int argc, char **argv, struct err *e)
{
	auto_free void *values = xcalloc(1, c->size + 1);
	int r = with_values(c, argc, argv, values, e);

	opts_done(c->opts, c->n_opts, values);
	return r;
}

/* Docker's words for another machine or daemon. To ignore them would be to work on the wrong one.
 */
static int check_global(struct err *e)
{
	if (global.host && *global.host)
		return err_set(e, ERR_UNSUPPORTED,
			"--host %s: there is no daemon to talk to, hull works on this machine",
			global.host);
	if (global.context && *global.context && !streq(global.context, "default"))
		return err_set(e, ERR_UNSUPPORTED,
			"--context %s: there are no contexts, hull works on this machine "
			"(\"default\")",
			global.context);
	return 0;
}

static int dispatch(int argc, char **argv, struct err *e)
{
	static const struct opt opts[] = {
		{"root", 0, OPT_TEXT, offsetof(__typeof__(global), root), OPT_NOT_TRACKED, "", ""},
		{"runroot", 0, OPT_TEXT, offsetof(__typeof__(global), runroot), OPT_NOT_TRACKED, "",
			""},
		{"config", 0, OPT_IGNORE, 0, OPT_NOT_TRACKED, "", ""},
		{"context", 'c', OPT_TEXT, offsetof(__typeof__(global), context), OPT_NOT_TRACKED,
			"", ""},
		{"host", 'H', OPT_TEXT, offsetof(__typeof__(global), host), OPT_NOT_TRACKED, "",
			""},
		{"log-level", 'l', OPT_IGNORE, 0, OPT_NOT_TRACKED, "", ""},
		{"debug", 'D', OPT_BOOL, offsetof(__typeof__(global), debug), OPT_NOT_TRACKED, "",
			""},
		{"version", 'v', OPT_BOOL, offsetof(__typeof__(global), version), OPT_NOT_TRACKED,
			"", ""},
	};
	auto_strv char **rest = NULL;
	const struct cmd *c;
	int used, r = opts_parse(opts, ARRAY_SIZE(opts), 1, argc, argv, &global, &rest, e);

	if (r < 0)
		return -1;
	if (global.version) {
		puts("hull version " HULL_VERSION);
		return 0;
	}
	if (r == 1 || !rest || (streq(rest[0], "help") && !rest[1])) {
		help();
		return 0;
	}
	r = streq(rest[0], "help");
	if (check_global(e) < 0)
		return -1;
	if (maybe_group_help(rest + r))
		return 0;
	c = find((int)strv_len(rest) - r, rest + r, &used);
	if (!c)
		return unknown_command(rest + r, e);
	if (r) {
		command_help(c);
		return 0;
	}
	return execute(c, (int)strv_len(rest) - used, rest + used, e);
}

/* SQLite shares memory between processes in a mapped file; when the disk is full (or broken) the
 * kernel cannot give it a block, and that is how it says so. */
static void on_sigbus(int sig)
{
	static const char text[] = "hull: a file of the store could not be written or read "
				   "(SIGBUS): the disk is full or damaged\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(126);
	_exit(125);
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int r;

	jsonx_init();
	/* Output to a pipe that nobody reads is an error like any other. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGBUS, on_sigbus);
	r = dispatch(argc - 1, argv + 1, &e);
	if (r < 0) {
		if (e.text[0])
			cmd_say(e.text);
		r = e.status ? e.status : 1;
	}
	if (fflush(stdout) != 0 && r == 0)
		r = 1;
	return r;
}
