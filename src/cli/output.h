/* output.h: files and folders that a command writes: whole under their name, or not there. */
#pragma once

#include "base/err.h"

struct output {
	int fd;		  /* to write to, or the new folder's */
	char *path, *tmp; /* tmp: NULL when it is written in place (a pipe, a device, stdout) */
};

/* path NULL: stdout, which must not be a terminal. A regular file is written beside its name. */
int output_open(const char *path, struct output *out, struct err *e);
/* A folder: path must be missing or an empty folder. */
int output_open_folder(const char *path, struct output *out, struct err *e);
/* Sync, and give it its name. */
int output_commit(struct output *o, struct err *e);
/* After either; without a commit nothing is left. */
void output_done(struct output *o);
