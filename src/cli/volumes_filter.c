/* volumes_filter.c: which volumes are meant. Values of one key are alternatives, but all labels
 * must fit. */
#include "cli/volumes_filter.h"

#include "base/mem.h"
#include "base/parse.h"

static int check(struct volumes_filter *f, const char *text, const char *const *keys, struct err *e)
{
	size_t len = strcspn(text, "=");
	auto_free char *key = xstrndup(text, len);
	const char *const *k = keys;
	const char *near = parse_nearest(key, keys);

	if (!text[len])
		return err_set(e, ERR_INVALID, "invalid filter '%s': KEY=VALUE is expected", text);
	/* "label!" is what stands before "!=" is cut at its "=". */
	while (*k && !streq(*k, key))
		k++;
	if (!*k)
		return err_set(e, ERR_INVALID, "invalid filter '%s'%s%s%s", key,
			near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	if (streq(key, "dangling") && parse_bool(text + len + 1, &f->dangling) < 0)
		return err_set(e, ERR_INVALID,
			"invalid filter 'dangling=%s': true or false is expected", text + len + 1);
	return 0;
}

int volumes_filter_init(
	struct volumes_filter *f, char *const *filters, const char *const *keys, struct err *e)
{
	*f = (struct volumes_filter){.filters = filters, .dangling = -1};
	strv_foreach (t, filters)
		if (check(f, *t, keys, e) < 0)
			return -1;
	return 0;
}

/* "KEY" or "KEY=VALUE" */
static int has_label(const struct engine_volume *v, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	auto_free char *key = equals ? xstrndup(wanted, (size_t)(equals - wanted))
				     : xstrdup(wanted);
	const json_t *value = v->labels ? json_object_get(v->labels, key) : NULL;

	return value && (!equals || streq(json_string_value(value), equals + 1));
}

int volumes_filter_matches(const struct volumes_filter *f, const struct engine_volume *v)
{
	int names = 0, name_fits = 0, drivers = 0, driver_fits = 0;

	if (f->dangling >= 0 && f->dangling != !v->users)
		return 0;
	strv_foreach (t, f->filters) {
		const char *value = strchr(*t, '=') + 1;
		if (str_after(*t, "label=") && !has_label(v, value))
			return 0;
		if (str_after(*t, "label!=") && has_label(v, value))
			return 0;
		if (str_after(*t, "name=")) {
			names = 1;
			name_fits |= strstr(v->name, value) != NULL;
		} else if (str_after(*t, "driver=")) {
			drivers = 1;
			driver_fits |= streq(value, "local");
		}
	}
	return name_fits == names && driver_fits == drivers;
}
