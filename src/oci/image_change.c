/* image_change.c: one Dockerfile instruction applied to an image configuration, as `--change` takes
 * it.
 *
 * How it works: the keyword picks a row of the table at the end; its function gets the rest of the
 * line. Instructions whose arguments are words (ENV, EXPOSE, LABEL, ...) read them with words_read,
 * the others take JSON form or the line as it is. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "oci/image.h"
#include "oci/words.h"

#define PATH_TEXT_MAX (256u << 10)

static int set_command(
	struct oci_image *i, const char *text, char ***out, int *out_set, struct err *e)
{
	char **args = NULL;

	if (!*text)
		return err_set(e, ERR_INVALID, "an argument is missing");
	if (!words_json(text, &args)) {
		if (i->shell) {
			args = strv_dup(i->shell);
		} else {
			strv_add(&args, "/bin/sh");
			strv_add(&args, "-c");
		}
		strv_add(&args, text);
	}
	strv_free(*out);
	*out = args;
	*out_set = 1;
	return 0;
}

static int change_cmd(struct oci_image *i, const char *text, struct err *e)
{
	return set_command(i, text, &i->cmd, &i->cmd_set, e);
}

static int change_entrypoint(struct oci_image *i, const char *text, struct err *e)
{
	return set_command(i, text, &i->entrypoint, &i->entrypoint_set, e);
}

/* "K=V K2=V2" or the old form "K rest of the line" -> assignments. */
static int assignments(const struct oci_image *i, const char *text, char ***out, struct err *e)
{
	const char *rest = text + strcspn(text, " \t=");
	auto_strv char **value = NULL;

	if (*rest != '=' && *rest) {
		auto_free char *quoted = xasprintf("\"%s\"", rest + strspn(rest, " \t"));

		if (words_read(i->env, quoted, &value, e) < 0)
			return -1;
		strv_addf(out, "%.*s=%s", (int)strcspn(text, " \t"), text, *value);
		return 0;
	}
	if (words_read(i->env, text, out, e) < 0)
		return -1;
	strv_foreach (s, *out)
		if (**s == '=' || !strchr(*s, '='))
			return err_set(e, ERR_INVALID, "\"%s\" is not of the form NAME=value", *s);
	return 0;
}

static int change_env(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **list = NULL;

	if (assignments(i, text, &list, e) < 0)
		return -1;
	if (strv_len(i->env) + strv_len(list) > WORDS_MAX)
		return err_set(e, ERR_INVALID, "more than %d entries", WORDS_MAX);
	strv_foreach (s, list)
		strv_env_set(&i->env, *s);
	return 0;
}

static int change_label(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **list = NULL;

	if (assignments(i, text, &list, e) < 0)
		return -1;
	if (!i->labels)
		i->labels = json_object();
	if (json_object_size(i->labels) + strv_len(list) > WORDS_MAX)
		return err_set(e, ERR_INVALID, "more than %d entries", WORDS_MAX);
	strv_foreach (s, list) {
		char *value = strchr(*s, '=');

		*value++ = '\0';
		jsonx_set_str(i->labels, *s, value);
	}
	return 0;
}

/* "80", "80/udp", "8000-8010/tcp": ranges become one entry a port, as Docker has them. */
static int expose(struct oci_image *i, const char *word, struct err *e)
{
	static const char *const protocols[] = {"tcp", "udp", "sctp", NULL};
	auto_strv char **parts = strv_split(word, "/"), **range = strv_split(parts[0], "-");
	const char *protocol = parts[1] ? parts[1] : "tcp";
	uint32_t first = 0, last = 0;
	size_t n = strv_len(range);

	for (char *p = parts[1]; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strv_len(parts) > 2 || !strv_has((char *const *)protocols, protocol) || n > 2 ||
		parse_u32(range[0], &first) < 0 || parse_u32(range[n - 1], &last) < 0 || !first ||
		last > 65535 || first > last)
		return err_set(e, ERR_INVALID,
			"\"%s\" is no port: write PORT or FIRST-LAST, then /tcp, /udp or /sctp",
			word);
	for (; first <= last; first++) {
		auto_free char *port = xasprintf("%u/%s", first, protocol);

		if (words_add(&i->exposed_ports, port, e) < 0)
			return -1;
	}
	return 0;
}

static int change_expose(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **words = NULL;

	if (words_read(i->env, text, &words, e) < 0)
		return -1;
	strv_foreach (s, words)
		if (expose(i, *s, e) < 0)
			return -1;
	return 0;
}

static int one_word(const struct oci_image *i, const char *text, char ***out, struct err *e)
{
	if (words_read(i->env, text, out, e) < 0)
		return -1;
	if (strv_len(*out) == 1 && ***out)
		return 0;
	return err_set(e, ERR_INVALID, "exactly one argument is wanted");
}

static int change_user(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **words = NULL;

	if (one_word(i, text, &words, e) < 0)
		return -1;
	str_set(&i->user, words[0]);
	return 0;
}

static int is_signal(const char *s)
{
	const char *name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
	uint32_t number;

	if (parse_u32(s, &number) == 0)
		return number >= 1 && number <= 64;
	if (strncasecmp(name, "RTMIN", 5) == 0 || strncasecmp(name, "RTMAX", 5) == 0)
		return !name[5] || ((name[5] == '+' || name[5] == '-') &&
					   parse_u32(name + 6, &number) == 0 && number <= 30);
	for (int n = 1; n < 32; n++)
		if (sigabbrev_np(n) && strcasecmp(sigabbrev_np(n), name) == 0)
			return 1;
	return 0;
}

static int change_stopsignal(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **words = NULL;

	if (one_word(i, text, &words, e) < 0)
		return -1;
	if (!is_signal(words[0]))
		return err_set(e, ERR_INVALID,
			"\"%s\" is no signal: write a name such as SIGTERM or a "
			"number from 1 to 64",
			words[0]);
	str_set(&i->stop_signal, words[0]);
	return 0;
}

static int change_volume(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **words = NULL;

	if (!words_json(text, &words) && words_read(i->env, text, &words, e) < 0)
		return -1;
	strv_foreach (s, words) {
		if (**s != '/')
			return err_set(e, ERR_INVALID, "\"%s\" is not an absolute path", *s);
		if (words_add(&i->volumes, *s, e) < 0)
			return -1;
	}
	return 0;
}

/* base and path joined, "." and ".." taken away by their names: nothing exists yet to be asked. */
static char *path_join(const char *base, const char *path)
{
	auto_free char *whole = xasprintf("%s/%s", *path == '/' || !base ? "" : base, path);
	auto_strv char **parts = strv_split(whole, "/");
	struct buf b = BUF_MAX(PATH_TEXT_MAX);

	strv_foreach (s, parts) {
		if (streq(*s, "..")) {
			while (b.len && b.data[--b.len] != '/')
				;
			if (b.data)
				b.data[b.len] = '\0';
		} else if (**s && !streq(*s, ".")) {
			buf_putc(&b, '/');
			buf_puts(&b, *s);
		}
	}
	if (!b.len)
		buf_putc(&b, '/');
	return buf_steal(&b);
}

static int change_workdir(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **words = NULL;
	char *path;

	if (one_word(i, text, &words, e) < 0)
		return -1;
	path = path_join(i->working_dir, words[0]);
	free(i->working_dir);
	i->working_dir = path;
	return 0;
}

static int change_onbuild(struct oci_image *i, const char *text, struct err *e)
{
	static const char *const refused[] = {"ONBUILD", "FROM", "MAINTAINER"};
	size_t len = strcspn(text, " \t");

	if (!*text)
		return err_set(e, ERR_INVALID, "an argument is missing");
	for (size_t n = 0; n < ARRAY_SIZE(refused); n++)
		if (strlen(refused[n]) == len && strncasecmp(text, refused[n], len) == 0)
			return err_set(e, ERR_INVALID, "%s cannot follow it", refused[n]);
	return words_add(&i->on_build, text, e);
}

static int change_shell(struct oci_image *i, const char *text, struct err *e)
{
	auto_strv char **args = NULL;

	if (!words_json(text, &args) || !args)
		return err_set(e, ERR_INVALID, "a list is wanted, such as [\"/bin/bash\", \"-c\"]");
	strv_free(i->shell);
	i->shell = take_ptr(args);
	return 0;
}

/* "1m30s" as Go writes durations -> nanoseconds; 0 or -EINVAL. */
static int parse_duration(const char *s, json_int_t *out)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	double total = 0;
	size_t u;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	while (*s) {
		size_t digits = strspn(s, "0123456789."), len;
		double value = strtod(s, NULL);

		s += digits;
		len = strspn(s, "nusmh");
		for (u = 0; u < ARRAY_SIZE(units); u++)
			if (strlen(units[u].unit) == len && strncmp(s, units[u].unit, len) == 0)
				break;
		if (!digits || u == ARRAY_SIZE(units))
			return -EINVAL;
		total += value * units[u].ns;
		s += len;
	}
	if (total < 1e6 || total > 9e18)
		return -EINVAL;
	*out = (json_int_t)total;
	return 0;
}

static int health_option(json_t *health, const char *option, struct err *e)
{
	static const struct {
		const char *flag, *member;
	} flags[] = {{"--interval=", "Interval"}, {"--timeout=", "Timeout"},
		{"--start-period=", "StartPeriod"}, {"--start-interval=", "StartInterval"},
		{"--retries=", "Retries"}};

	for (size_t n = 0; n < ARRAY_SIZE(flags); n++) {
		const char *value = str_after(option, flags[n].flag);
		json_int_t v = 0;
		uint32_t retries;

		if (!value)
			continue;
		if (!streq(flags[n].member, "Retries")) {
			if (parse_duration(value, &v) < 0)
				return err_set(e, ERR_INVALID,
					"%s needs a duration of at least 1ms, such as 30s", option);
		} else {
			if (parse_u32(value, &retries) < 0 || !retries || retries > INT32_MAX)
				return err_set(e, ERR_INVALID, "%s needs a count", option);
			v = retries;
		}
		json_object_set_new(health, flags[n].member, json_integer(v));
		return 0;
	}
	return err_set(e, ERR_INVALID, "the option %s is not known", option);
}

static json_t *health_test(const char *text, struct err *e)
{
	auto_strv char **args = NULL, **test = NULL;

	if (strcasecmp(text, "NONE") == 0) {
		strv_add(&test, "NONE");
		return jsonx_from_strv(test);
	}
	if (strncasecmp(text, "CMD", 3) != 0 || (text[3] && !strchr(" \t[", text[3]))) {
		err_set(e, ERR_INVALID, "NONE or CMD is wanted, not \"%s\"", text);
		return NULL;
	}
	text += 3 + strspn(text + 3, " \t");
	if (!*text) {
		err_set(e, ERR_INVALID, "the command after CMD is missing");
		return NULL;
	}
	if (words_json(text, &args)) {
		strv_add(&test, "CMD");
		strv_extend(&test, args);
	} else {
		strv_add(&test, "CMD-SHELL");
		strv_add(&test, text);
	}
	return jsonx_from_strv(test);
}

static int change_healthcheck(struct oci_image *i, const char *text, struct err *e)
{
	auto_json json_t *health = json_object();
	json_t *test;

	while (strncmp(text, "--", 2) == 0) {
		auto_free char *option = xstrndup(text, strcspn(text, " \t"));

		if (health_option(health, option, e) < 0)
			return -1;
		text += strlen(option);
		text += strspn(text, " \t");
	}
	test = health_test(text, e);
	if (!test)
		return -1;
	json_object_set_new(health, "Test", test);
	json_decref(i->healthcheck);
	i->healthcheck = take_ptr(health);
	return 0;
}

static const struct {
	const char *word;
	int (*change)(struct oci_image *i, const char *text, struct err *e);
} instructions[] = {
	{"CMD", change_cmd},
	{"ENTRYPOINT", change_entrypoint},
	{"ENV", change_env},
	{"EXPOSE", change_expose},
	{"HEALTHCHECK", change_healthcheck},
	{"LABEL", change_label},
	{"ONBUILD", change_onbuild},
	{"SHELL", change_shell},
	{"STOPSIGNAL", change_stopsignal},
	{"USER", change_user},
	{"VOLUME", change_volume},
	{"WORKDIR", change_workdir},
};

static int unknown_instruction(const char *word, struct err *e)
{
	const char *words[ARRAY_SIZE(instructions) + 1] = {0}, *near;
	auto_free char *upper = xstrdup(word);

	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	for (size_t n = 0; n < ARRAY_SIZE(instructions); n++)
		words[n] = instructions[n].word;
	near = parse_nearest(upper, words);
	return err_set(e, ERR_INVALID, "the instruction \"%s\" cannot be used in a change%s%s%s",
		word, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int oci_image_change(struct oci_image *i, const char *instruction, struct err *e)
{
	const char *line = instruction + strspn(instruction, " \t\r\n");
	auto_free char *word = xstrndup(line, strcspn(line, " \t\r\n"));
	auto_free char *text = xstrdup(line + strlen(word));
	char *start = text + strspn(text, " \t\r\n"), *end = start + strlen(start);

	while (end > start && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	if (!*word)
		return err_set(
			e, ERR_INVALID, "the change is empty; write an instruction such as CMD");
	/* JSON has no other bytes: two names that differ in such could become one. */
	json_t *utf8 = json_string(text);
	if (!utf8)
		return err_set(e, ERR_INVALID, "%.20s: its text is not UTF-8", word);
	json_decref(utf8);
	for (size_t n = 0; n < ARRAY_SIZE(instructions); n++) {
		if (strcasecmp(word, instructions[n].word) != 0)
			continue;
		if (instructions[n].change(i, start, e) < 0)
			return err_wrap(e, "%s", instructions[n].word);
		return 0;
	}
	return unknown_instruction(word, e);
}
