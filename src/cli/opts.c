/* opts.c: pflag's rules: "-itd", "-p80:80", "--flag=value", "--" ends the flags, a bool takes its
 * value only by "=", no abbreviations. */
#include "cli/opts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

struct parser {
	const struct opt *opts;
	size_t n;
	char *base; /* of the command's struct */
	int argc, at;
	char **argv;
	int help;
};

static const struct opt *by_name(const struct parser *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->n; i++)
		if (strlen(p->opts[i].name) == len && strncmp(p->opts[i].name, name, len) == 0)
			return &p->opts[i];
	return NULL;
}

static const struct opt *by_letter(const struct parser *p, char letter)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->opts[i].letter == letter)
			return &p->opts[i];
	return NULL;
}

static int refuse(struct err *e, const char *fmt, const char *a, const char *b)
{
	err_set(e, ERR_INVALID, "%s", "");
	snprintf(e->text, sizeof(e->text), fmt, a, b);
	return err_status(e, 125);
}

static int unknown(const struct parser *p, const char *name, size_t len, struct err *e)
{
	auto_free const char **names = xcalloc(p->n + 1, sizeof(*names));
	auto_free char *typed = xstrndup(name, len);
	const char *near;

	for (size_t i = 0; i < p->n; i++)
		names[i] = p->opts[i].name;
	near = parse_nearest(typed, names);
	if (near)
		return refuse(e, "unknown flag: --%s (did you mean --%s?)", typed, near);
	return refuse(e, "unknown flag: --%s%s", typed, "");
}

static int store(struct parser *p, const struct opt *o, const char *value, struct err *e)
{
	char *at = p->base + o->offset;
	int r = 0;

	switch (o->type) {
	case OPT_BOOL:
		r = parse_bool(value, (int *)(void *)at);
		break;
	case OPT_TEXT:
		*(const char **)(void *)at = value;
		break;
	case OPT_LIST:
		strv_add((char ***)(void *)at, value);
		break;
	case OPT_INT:
		r = parse_i64(value, (int64_t *)(void *)at);
		break;
	case OPT_LATER:
		return refuse(e, "--%s is not available in this version of hull%s", o->name, "");
	case OPT_IGNORE:
		break;
	}
	if (r < 0) {
		err_set(e, ERR_INVALID, "invalid argument \"%s\" for \"--%s\" flag: %s", value,
			o->name,
			o->type == OPT_BOOL ? "true or false is expected"
			: r == -ERANGE	    ? "value out of range"
					    : "a whole number is expected");
		return err_status(e, 125);
	}
	if (o->set_offset != OPT_NOT_TRACKED)
		*(int *)(void *)(p->base + o->set_offset) = 1;
	return 0;
}

static int long_flag(struct parser *p, const char *text, struct err *e)
{
	size_t len = strcspn(text, "=");
	const struct opt *o = by_name(p, text, len);

	if (!o && strncmp(text, "help", len) == 0 && len == 4) {
		p->help = 1;
		return 0;
	}
	if (!o)
		return unknown(p, text, len, e);
	if (text[len] == '=')
		return store(p, o, text + len + 1, e);
	if (o->type == OPT_BOOL)
		return store(p, o, "true", e);
	if (p->at >= p->argc && o->type != OPT_LATER)
		return refuse(e, "flag needs an argument: --%s%s", o->name, "");
	return store(p, o, p->at < p->argc ? p->argv[p->at++] : "", e);
}

static int short_flags(struct parser *p, const char *text, struct err *e)
{
	for (const char *s = text; *s; s++) {
		const struct opt *o = by_letter(p, *s);
		char letter[2] = {*s, '\0'};
		if (!o && *s == 'h') {
			p->help = 1;
			return 0;
		}
		if (!o)
			return refuse(e, "unknown shorthand flag: '%s' in -%s", letter, text);
		if (o->type == OPT_BOOL) {
			if (s[1] == '=')
				return store(p, o, s + 2, e);
			if (store(p, o, "true", e) < 0)
				return -1;
			continue;
		}
		if (s[1])
			return store(p, o, s[1] == '=' ? s + 2 : s + 1, e);
		if (p->at >= p->argc && o->type != OPT_LATER)
			return refuse(e, "flag needs an argument: '%s' in -%s", letter, text);
		return store(p, o, p->at < p->argc ? p->argv[p->at++] : "", e);
	}
	return 0;
}

int opts_parse(const struct opt *opts, size_t n, int first_stops, int argc, char **argv, void *out,
	char ***out_args, struct err *e)
{
	struct parser p = {.opts = opts, .n = n, .base = out, .argc = argc, .argv = argv};
	auto_strv char **args = NULL;

	while (p.at < argc && !p.help) {
		char *word = argv[p.at++];
		int r = 0;
		if (streq(word, "--"))
			break;
		if (word[0] == '-' && word[1] == '-') {
			r = long_flag(&p, word + 2, e);
		} else if (word[0] == '-' && word[1]) {
			r = short_flags(&p, word + 1, e);
		} else {
			strv_add(&args, word);
			if (first_stops)
				break;
		}
		if (r < 0)
			return -1;
	}
	if (p.help)
		return 1;
	while (p.at < argc)
		strv_add(&args, argv[p.at++]);
	*out_args = take_ptr(args);
	return 0;
}

void opts_done(const struct opt *opts, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++) {
		char ***list = (void *)((char *)out + opts[i].offset);
		if (opts[i].type != OPT_LIST)
			continue;
		strv_free(*list);
		*list = NULL; /* two names may share it */
	}
}

void opts_help(const struct opt *opts, size_t n)
{
	puts("\nOptions:");
	for (size_t i = 0; i < n; i++) {
		const struct opt *o = &opts[i];
		char left[64];
		if (o->type == OPT_LATER || !o->help)
			continue;
		snprintf(left, sizeof(left), "%c%c%s--%s %s", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			o->value ? o->value : "");
		printf("  %-32s %s\n", left, o->help);
	}
}
