/* opts.h: command lines as Docker's users type them (pflag's rules), from tables. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum opt_type {
	OPT_BOOL,   /* int; "--b", "--b=false" */
	OPT_TEXT,   /* const char * (borrowed from argv) */
	OPT_LIST,   /* char ** (strv), one more for each use */
	OPT_INT,    /* int64_t */
	OPT_LATER,  /* known, but not available yet: one clear line instead of silence */
	OPT_IGNORE, /* takes a value that changes nothing here */
};

struct opt {
	const char *name; /* long, without "--" */
	char letter;	  /* 0: none */
	enum opt_type type;
	size_t offset;	   /* of the value in the command's struct */
	size_t set_offset; /* of an int that says "was given"; OPT_NOT_TRACKED */
	const char *value; /* its name in the help: "list", "string", "bytes" */
	const char *help;
};
#define OPT_NOT_TRACKED ((size_t)-1)

/* Parse argv[0..argc) into the struct at `out`. first_stops: everything after the first word that
 * is no flag belongs to the program (run, create, exec). *out_args: strv of the words (copies).
 * Returns 0, 1 when
 * --help was asked for, or -1 with *e; its status is 125. */
int opts_parse(const struct opt *opts, size_t n, int first_stops, int argc, char **argv, void *out,
	char ***out_args, struct err *e);
/* Frees the lists in the struct, which are the only values it owns. */
void opts_done(const struct opt *opts, size_t n, void *out);
/* The options' part of a help text, on stdout. */
void opts_help(const struct opt *opts, size_t n);
