/* cmd.h: one command = one file = one const descriptor. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "cli/opts.h"
#include "engine/engine.h"

struct cmd {
	const char *name;    /* "run", "image ls" */
	const char *usage;   /* after the name */
	const char *summary; /* one line */
	const struct opt *opts;
	size_t n_opts, size;	/* of the struct that the options fill */
	int first_stops;	/* words after the first are not ours */
	int min_args, max_args; /* -1: any number */
	int hidden;
	int no_engine; /* exec gets NULL: it opens none, or its own */
	/* Returns the exit status, or -1 with *e. `values` is the filled struct. */
	int (*exec)(struct engine *en, void *values, char **args, struct err *e);
};

extern const struct cmd cmd_run, cmd_ps, cmd_rm, cmd_inspect, cmd_cleanup, cmd_images, cmd_rmi,
	cmd_tag, cmd_import, cmd_history, cmd_bootstrap, cmd_image_inspect, cmd_container_inspect,
	cmd_info, cmd_version, cmd_load, cmd_save, cmd_export, cmd_system_check, cmd_volume_create,
	cmd_volume_ls, cmd_volume_inspect, cmd_volume_rm, cmd_volume_prune, cmd_network_create,
	cmd_network_ls, cmd_network_inspect, cmd_network_rm, cmd_network_prune, cmd_network_connect,
	cmd_network_disconnect, cmd_network_reload, cmd_port, cmd_port_add, cmd_port_rm;

#define CMD_CANNOT 125 /* exit status where 1 is an answer: the command itself failed */
/* The engine's options as the words before the command set them. */
const struct engine_options *cmd_engine_options(void);
/* "hull: TEXT" on stderr. */
void cmd_say(const char *text);
