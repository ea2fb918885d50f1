/* ps_filter.c: --filter of `hull ps`. */
#include "cli/ps_filter.h"

#include <regex.h>

#include "base/mem.h"
#include "base/parse.h"

struct value;
struct listing;

struct key {
	const char *name;
	/* Does one value fit the container? */
	int (*matches)(const struct value *v, const struct engine_container *c);
	int (*check)(struct value *v, const struct listing *l, struct err *e);
	int together; /* all values must fit, not one of them */
};

/* What a value is checked against. */
struct listing {
	struct engine *en;
	const struct engine_container *all;
	size_t n;
};

struct value {
	const struct key *key;
	const char *text;
	regex_t regex;
	int has_regex;
	char *image_id; /* ancestor: what the name means now; NULL: no such image */
	int64_t number; /* exited: the status; before, since: a time */
};

struct ps_filter {
	struct value *values;
	size_t n;
};

static const char *const states[] = {
	"created", "restarting", "running", "removing", "paused", "exited", "dead", NULL};

const char *ps_state(const struct engine_container *c)
{
	switch (c->state) {
	case ENGINE_CREATED:
		return "created";
	case ENGINE_RUNNING:
		return "running";
	case ENGINE_EXITED:
		return "exited";
	default:
		return "dead";
	}
}

/* ---- checks of values ---- */

static int bad_value(const struct value *v, const char *why, struct err *e)
{
	return err_set(e, ERR_INVALID, "invalid filter '%s=%s': %s", v->key->name, v->text, why);
}

static int check_regex(struct value *v, const struct listing *l, struct err *e)
{
	if (regcomp(&v->regex, v->text, REG_EXTENDED | REG_NOSUB) != 0)
		return bad_value(v, "it is no regular expression", e);
	v->has_regex = 1;
	return 0;
}

static int check_state(struct value *v, const struct listing *l, struct err *e)
{
	auto_free char *why = NULL;

	for (size_t i = 0; states[i]; i++)
		if (streq(states[i], v->text))
			return 0;
	auto_free char *known = strv_join((char *const *)(void *)states, ", ");
	why = xasprintf("the states are %s", known);
	return bad_value(v, why, e);
}

static int check_number(struct value *v, const struct listing *l, struct err *e)
{
	return parse_i64(v->text, &v->number) < 0 ? bad_value(v, "a whole number is expected", e)
						  : 0;
}

/* before=X, since=X: the time of X. */
static int check_container(struct value *v, const struct listing *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct engine_container *c = &l->all[i];
		if (streq(c->name, v->text) || (*v->text && str_after(c->id, v->text))) {
			v->number = c->created_ns;
			return 0;
		}
	}
	return bad_value(v, "no such container", e);
}

static int check_bool(struct value *v, const struct listing *l, struct err *e)
{
	int yes;

	return parse_bool(v->text, &yes) < 0 ? bad_value(v, "true or false is expected", e) : 0;
}

static int check_health(struct value *v, const struct listing *l, struct err *e)
{
	return streq(v->text, "none") ? 0 : bad_value(v, "health checks are not available yet", e);
}

/* The image may be gone, and its containers still there: no error. */
static int check_image(struct value *v, const struct listing *l, struct err *e)
{
	struct err ignored;
	auto_json json_t *image = engine_image_inspect(l->en, v->text, &ignored);

	v->image_id = xstrdup(jsonx_str(image, "Id", NULL));
	return 0;
}

/* ---- matching ---- */

static int match_id(const struct value *v, const struct engine_container *c)
{
	return regexec(&v->regex, c->id, 0, NULL, 0) == 0;
}

/* Docker's names begin with a slash, and people write ^/name$. */
static int match_name(const struct value *v, const struct engine_container *c)
{
	auto_free char *slash = xasprintf("/%s", c->name);

	return regexec(&v->regex, c->name, 0, NULL, 0) == 0 ||
	       regexec(&v->regex, slash, 0, NULL, 0) == 0;
}

static int match_status(const struct value *v, const struct engine_container *c)
{
	return streq(ps_state(c), v->text);
}

static int match_exited(const struct value *v, const struct engine_container *c)
{
	return c->state == ENGINE_EXITED && c->status == v->number;
}

static int match_label(const struct value *v, const struct engine_container *c)
{
	size_t n = strcspn(v->text, "=");
	auto_free char *key = xstrndup(v->text, n);
	const char *have = jsonx_str(c->labels, key, NULL);

	return have && (!v->text[n] || streq(have, v->text + n + 1));
}

static int match_ancestor(const struct value *v, const struct engine_container *c)
{
	return streq(c->image, v->text) || streq(c->image_id, v->text) ||
	       (v->image_id && streq(c->image_id, v->image_id));
}

static int match_before(const struct value *v, const struct engine_container *c)
{
	return c->created_ns < v->number;
}

static int match_since(const struct value *v, const struct engine_container *c)
{
	return c->created_ns > v->number;
}

static int match_network(const struct value *v, const struct engine_container *c)
{
	return c->network && streq(c->network, v->text);
}

static int match_volume(const struct value *v, const struct engine_container *c)
{
	return strv_has(c->mounts, v->text);
}

static int match_task(const struct value *v, const struct engine_container *c)
{
	int yes = 0;

	parse_bool(v->text, &yes);
	return !yes;
}

static int match_any(const struct value *v, const struct engine_container *c)
{
	return 1;
}

/* publish, expose: no container has a port yet. */
static int match_none(const struct value *v, const struct engine_container *c)
{
	return 0;
}

static const struct key keys[] = {
	{"ancestor", match_ancestor, check_image, 0},
	{"before", match_before, check_container, 0},
	{"exited", match_exited, check_number, 0},
	{"expose", match_none, NULL, 0},
	{"health", match_any, check_health, 0},
	{"id", match_id, check_regex, 0},
	{"is-task", match_task, check_bool, 0},
	{"label", match_label, NULL, 1},
	{"name", match_name, check_regex, 0},
	{"network", match_network, NULL, 0},
	{"publish", match_none, NULL, 0},
	{"since", match_since, check_container, 0},
	{"status", match_status, check_state, 0},
	{"volume", match_volume, NULL, 0},
};

static int add(struct ps_filter *f, const char *text, const struct listing *l, struct err *e)
{
	size_t len = strcspn(text, "=");
	auto_free char *name = xstrndup(text, len);
	const char *names[ARRAY_SIZE(keys) + 1] = {NULL}, *near;
	struct value *v = &f->values[f->n];

	if (!text[len])
		return err_set(e, ERR_INVALID, "invalid filter '%s': KEY=VALUE is expected", text);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		names[i] = keys[i].name;
		if (!streq(keys[i].name, name))
			continue;
		*v = (struct value){.key = &keys[i], .text = text + len + 1};
		f->n++;
		return v->key->check ? v->key->check(v, l, e) : 0;
	}
	near = parse_nearest(name, names);
	return err_set(e, ERR_INVALID, "invalid filter '%s'%s%s%s", name,
		near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

struct ps_filter *ps_filter_new(struct engine *en, char *const *filters,
	const struct engine_container *all, size_t n, struct err *e)
{
	const struct listing l = {en, all, n};
	struct ps_filter *f = xcalloc(1, sizeof(*f));

	f->values = xcalloc(strv_len(filters) + 1, sizeof(*f->values));
	strv_foreach (text, filters) {
		if (add(f, *text, &l, e) < 0) {
			ps_filter_free(f);
			return NULL;
		}
	}
	return f;
}

void ps_filter_free(struct ps_filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		if (f->values[i].has_regex)
			regfree(&f->values[i].regex);
		free(f->values[i].image_id);
	}
	free(f->values);
	free(f);
}

static int key_fits(
	const struct ps_filter *f, const struct key *key, const struct engine_container *c)
{
	int asked = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (f->values[i].key != key)
			continue;
		int fits = key->matches(&f->values[i], c);
		if (fits != key->together)
			return fits;
		asked = 1;
	}
	return !asked || key->together;
}

int ps_filter_matches(const struct ps_filter *f, const struct engine_container *c)
{
	for (size_t i = 0; f->n && i < ARRAY_SIZE(keys); i++)
		if (!key_fits(f, &keys[i], c))
			return 0;
	return 1;
}

int ps_filter_wants_all(char *const *filters)
{
	strv_foreach (f, filters)
		if (str_after(*f, "status=") || str_after(*f, "exited="))
			return 1;
	return 0;
}
