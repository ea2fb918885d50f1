/* profile_entry.c: the entries of a profile, "syscalls": do their conditions let them stand, and
 * the rules they make. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "kernel/caps.h"
#include "seccomp/names.h"
#include "seccomp/profile_reader.h"

#define ENTRIES_MAX 4096
#define NAMES_MAX 4096

static int read_cmp(struct reader *r, const json_t *arg, const char *what, struct policy_cmp *out)
{
	static const char *const ops[] = {[OP_NE] = "SCMP_CMP_NE",
		[OP_LT] = "SCMP_CMP_LT",
		[OP_LE] = "SCMP_CMP_LE",
		[OP_EQ] = "SCMP_CMP_EQ",
		[OP_GE] = "SCMP_CMP_GE",
		[OP_GT] = "SCMP_CMP_GT",
		[OP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ"};
	const char *op = jsonx_str(arg, "op", NULL);
	json_int_t index;
	size_t i = 0;

	if (!json_is_object(arg))
		return err_set(r->e, ERR_INVALID, "%s must be an object", what);
	if (profile_read_number(r, arg, what, "index", POLICY_ARGS - 1, 0, &index) < 0)
		return -1;
	if (jsonx_check(arg, "value", JSON_INTEGER, what, r->e) < 0 ||
		jsonx_check(arg, "valueTwo", JSON_INTEGER, what, r->e) < 0)
		return -1;
	if (!op)
		return err_set(r->e, ERR_INVALID, "%s.op is missing or no text", what);
	while (i < ARRAY_SIZE(ops) && !streq(ops[i], op))
		i++;
	if (i == ARRAY_SIZE(ops))
		return err_set(r->e, ERR_INVALID,
			"%s.op has the unknown comparison \"%.100s\"; SCMP_CMP_EQ, NE, LT, LE, GT, "
			"GE and "
			"MASKED_EQ are known",
			what, op);
	*out = (struct policy_cmp){
		.index = (unsigned)index,
		.op = (enum policy_op)i,
		.value = (uint64_t)jsonx_int(arg, "value", 0),
		.value_two = (uint64_t)jsonx_int(arg, "valueTwo", 0),
	};
	return 0;
}

/* The args of an entry; returns how many, at most twice POLICY_ARGS. */
static int read_cmps(struct reader *r, const json_t *entry, const char *what,
	struct policy_cmp *out, int *out_alone)
{
	unsigned seen = 0;
	json_t *args, *arg;
	size_t i;

	*out_alone = 0;
	if (jsonx_check(entry, "args", JSON_ARRAY, what, r->e) < 0)
		return -1;
	args = jsonx_arr(entry, "args");
	if (json_array_size(args) > 2 * POLICY_ARGS)
		return err_set(r->e, ERR_INVALID, "%s.args has too many comparisons", what);
	json_array_foreach (args, i, arg) {
		auto_free char *path = xasprintf("%s.args[%zu]", what, i);

		if (read_cmp(r, arg, path, &out[i]) < 0)
			return -1;
		*out_alone |= (seen >> out[i].index) & 1;
		seen |= 1u << out[i].index;
	}
	return (int)json_array_size(args);
}

/* Is the word among those of a list? -1 and an error when the list is none. */
static int list_has(struct reader *r, const json_t *filter, const char *what, const char *member,
	const char *word)
{
	const json_t *item;
	size_t i;

	if (jsonx_check(filter, member, JSON_ARRAY, what, r->e) < 0)
		return -1;
	json_array_foreach (jsonx_arr(filter, member), i, item)
		if (json_is_string(item) && streq(json_string_value(item), word))
			return 1;
	return 0;
}

/* How many of the capabilities of a list the container has. */
static int caps_held(struct reader *r, const json_t *filter, const char *what, size_t *out_held)
{
	const json_t *item;
	size_t i;

	*out_held = 0;
	if (jsonx_check(filter, "caps", JSON_ARRAY, what, r->e) < 0)
		return -1;
	json_array_foreach (jsonx_arr(filter, "caps"), i, item) {
		int number = json_is_string(item) ? caps_number(json_string_value(item)) : -EINVAL;

		/* A capability newer than this program is one that the container has not. */
		if (number >= 0 && r->host->caps & CAPS_BIT(number))
			++*out_held;
	}
	return 0;
}

/* minKernel: 1 when the host's kernel is at least that, -2 when there is none, -1 error. */
static int kernel_reached(struct reader *r, const json_t *filter, const char *what)
{
	const char *text = jsonx_str(filter, "minKernel", NULL);
	unsigned major, minor;
	char rest;

	if (jsonx_check(filter, "minKernel", JSON_STRING, what, r->e) < 0)
		return -1;
	if (!text || !*text)
		return -2;
	if (sscanf(text, "%u.%u%c", &major, &minor, &rest) != 2 || major > 255 || minor > 65535)
		return err_set(r->e, ERR_INVALID,
			"%s.minKernel must be VERSION.PATCHLEVEL, such as \"4.8\"", what);
	return r->host->kernel >= (major << 16 | minor);
}

/* Do includes and excludes let the entry stand? 1, 0, -1. All that an include names must be there;
 * one of what an exclude names is enough. */
static int entry_applies(struct reader *r, const json_t *entry, const char *what)
{
	auto_free char *in_path = xasprintf("%s.includes", what),
		       *ex_path = xasprintf("%s.excludes", what);
	const json_t *in = jsonx_obj(entry, "includes"), *ex = jsonx_obj(entry, "excludes");
	const char *arch = profile_go_arch(r->host->native);
	size_t in_held = 0, ex_held = 0;
	int in_arch, ex_arch, in_kernel, ex_kernel;

	if (jsonx_check(entry, "includes", JSON_OBJECT, what, r->e) < 0 ||
		jsonx_check(entry, "excludes", JSON_OBJECT, what, r->e) < 0)
		return -1;
	in_arch = list_has(r, in, in_path, "arches", arch);
	ex_arch = list_has(r, ex, ex_path, "arches", arch);
	in_kernel = kernel_reached(r, in, in_path);
	ex_kernel = kernel_reached(r, ex, ex_path);
	if (in_arch == -1 || ex_arch == -1 || in_kernel == -1 || ex_kernel == -1 ||
		caps_held(r, in, in_path, &in_held) < 0 || caps_held(r, ex, ex_path, &ex_held) < 0)
		return -1;
	if (ex_arch || ex_held || ex_kernel == 1)
		return 0;
	return (in_arch || !json_array_size(jsonx_arr(in, "arches"))) &&
	       in_held == json_array_size(jsonx_arr(in, "caps")) && in_kernel != 0;
}

static int add(struct reader *r, struct policy_arch *a, uint32_t nr, const struct policy_rule *rule)
{
	if (policy_rule_add(r->policy, a, nr, rule) < 0)
		return err_set(r->e, ERR_INVALID,
			"the profile has more than %d rules with conditions", POLICY_RULES_MAX);
	return 0;
}

static int add_everywhere(struct reader *r, const char *name, const struct policy_rule *rule)
{
	for (size_t i = 0; i < r->policy->n_arches; i++) {
		struct policy_arch *a = &r->policy->arches[i];
		struct policy_rule call = {.action = rule->action, .n_cmps = 1};
		int nr = names_number(a->token, name);
		uint32_t multiplexer, number;

		if (nr >= 0 && add(r, a, (uint32_t)nr, rule) < 0)
			return -1;
		/* A profile that says nothing of the multiplexer means the calls behind it, too. */
		if (rule->n_cmps || !names_multiplexed(a->token, name, &multiplexer, &number) ||
			strv_has(r->multiplexers, multiplexer == 117 ? "ipc" : "socketcall"))
			continue;
		call.cmps[0] = (struct policy_cmp){.op = OP_EQ, .value = number};
		if (add(r, a, multiplexer, &call) < 0)
			return -1;
	}
	return 0;
}

static int check_name(struct reader *r, const json_t *item, const char *what)
{
	const char *name = json_string_value(item);

	if (!name)
		return err_set(r->e, ERR_INVALID, "%s must be text", what);
	for (size_t i = 0; r->host->strict && i < r->policy->n_arches; i++)
		if (names_number(r->policy->arches[i].token, name) == NAMES_UNKNOWN)
			return err_set(r->e, ERR_INVALID, "%s: there is no system call \"%.100s\"",
				what, name);
	return 0;
}

/* The names of an entry: "names", or the one "name" of profiles before Docker 1.13. */
static int entry_names(struct reader *r, const json_t *entry, const char *what, char ***out)
{
	const char *one = jsonx_str(entry, "name", NULL);
	json_t *names, *item;
	size_t i;

	if (!json_is_object(entry))
		return err_set(r->e, ERR_INVALID, "%s must be an object", what);
	if (jsonx_check(entry, "names", JSON_ARRAY, what, r->e) < 0)
		return -1;
	names = jsonx_arr(entry, "names");
	if (json_array_size(names) > NAMES_MAX)
		return err_set(r->e, ERR_INVALID, "%s.names is too long", what);
	json_array_foreach (names, i, item) {
		auto_free char *path = xasprintf("%s.names[%zu]", what, i);

		if (check_name(r, item, path) < 0)
			return -1;
	}
	*out = jsonx_strv(entry, "names");
	if (one && *one)
		strv_add(out, one);
	return *out ? 0 : err_set(r->e, ERR_INVALID, "%s.names is missing", what);
}

static int read_entry(struct reader *r, const json_t *entry, const char *what)
{
	struct policy_cmp cmps[2 * POLICY_ARGS];
	struct policy_rule rule = {0};
	auto_strv char **names = NULL;
	int applies, n, alone;

	if (entry_names(r, entry, what, &names) < 0 ||
		profile_read_action(r, entry, what, "action", "errnoRet", &rule.action) < 0)
		return -1;
	n = read_cmps(r, entry, what, cmps, &alone);
	applies = n < 0 ? -1 : entry_applies(r, entry, what);
	if (applies < 1 || rule.action == r->default_action)
		return applies < 0 ? -1 : 0;
	rule.n_cmps = alone ? 1 : (unsigned)n;
	memcpy(rule.cmps, cmps, rule.n_cmps * sizeof(*cmps));
	strv_foreach (name, names) {
		for (int i = 0; i < (alone ? n : 1); i++) {
			if (alone)
				rule.cmps[0] = cmps[i];
			if (add_everywhere(r, *name, &rule) < 0)
				return -1;
		}
	}
	return 0;
}

/* Which multiplexers do the entries that apply name? */
static int find_multiplexers(struct reader *r, const json_t *entries)
{
	static const char *const words[] = {"socketcall", "ipc"};
	const json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		auto_free char *what = xasprintf("syscalls[%zu]", i);
		int applies = entry_applies(r, entry, what);

		if (applies < 0)
			return -1;
		for (size_t k = 0; applies && k < ARRAY_SIZE(words); k++)
			if (list_has(r, entry, what, "names", words[k]) == 1 &&
				!strv_has(r->multiplexers, words[k]))
				strv_add(&r->multiplexers, words[k]);
	}
	return 0;
}

int profile_read_entries(struct reader *r, const json_t *root)
{
	const json_t *entries = jsonx_arr(root, "syscalls"), *entry;
	size_t i;

	if (jsonx_check(root, "syscalls", JSON_ARRAY, "profile", r->e) < 0)
		return -1;
	if (json_array_size(entries) > ENTRIES_MAX)
		return err_set(r->e, ERR_INVALID,
			"profile.syscalls has %zu entries; at most %d are taken",
			json_array_size(entries), ENTRIES_MAX);
	if (find_multiplexers(r, entries) < 0)
		return -1;
	json_array_foreach (entries, i, entry) {
		auto_free char *what = xasprintf("syscalls[%zu]", i);

		if (read_entry(r, entry, what) < 0)
			return -1;
	}
	return 0;
}
