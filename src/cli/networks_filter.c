/* networks_filter.c: which networks are meant. Values of one key are alternatives, but all labels
 * must fit. */
#include "cli/networks_filter.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"

int networks_is_builtin(const json_t *network)
{
	const char *name = jsonx_str(network, "Name", "");

	return streq(name, "bridge") || streq(name, "host") || streq(name, "none");
}

/* "24h", "30m": so long ago; or a time. */
static int parse_until(const char *text, int64_t *out_ns)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
	size_t len = strlen(text);
	auto_free char *number = len ? xstrndup(text, len - 1) : NULL;
	int64_t n;

	for (size_t i = 0; number && i < ARRAY_SIZE(units); i++)
		if (text[len - 1] == units[i].unit && parse_i64(number, &n) == 0 && n >= 0 &&
			n < 1000000000) {
			*out_ns = time_now_ns() - n * units[i].seconds * 1000000000;
			return 0;
		}
	if (parse_i64(text, &n) == 0 && n > 0 && n < 9000000000) {
		*out_ns = n * 1000000000;
		return 0;
	}
	return time_parse(text, out_ns);
}

static int check_value(struct networks_filter *f, const char *key, const char *value, struct err *e)
{
	if (streq(key, "dangling") && parse_bool(value, &f->dangling) < 0)
		return err_set(e, ERR_INVALID,
			"invalid filter 'dangling=%s': true or false is expected", value);
	if (streq(key, "until") && parse_until(value, &f->until_ns) < 0)
		return err_set(e, ERR_INVALID,
			"invalid filter 'until=%s': a duration (24h) or a time is expected", value);
	if (streq(key, "type") && !streq(value, "custom") && !streq(value, "builtin"))
		return err_set(e, ERR_INVALID,
			"invalid filter: 'type'='%s': custom or builtin is expected", value);
	return 0;
}

static int check(
	struct networks_filter *f, const char *text, const char *const *keys, struct err *e)
{
	size_t len = strcspn(text, "=");
	auto_free char *key = xstrndup(text, len);
	const char *const *k = keys;
	const char *near = parse_nearest(key, keys);

	if (!text[len])
		return err_set(e, ERR_INVALID, "invalid filter '%s': KEY=VALUE is expected", text);
	while (*k && !streq(*k, key))
		k++;
	if (!*k)
		return err_set(e, ERR_INVALID, "invalid filter '%s'%s%s%s", key,
			near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	return check_value(f, key, text + len + 1, e);
}

int networks_filter_init(
	struct networks_filter *f, char *const *filters, const char *const *keys, struct err *e)
{
	*f = (struct networks_filter){.filters = filters, .dangling = -1};
	strv_foreach (t, filters)
		if (check(f, *t, keys, e) < 0)
			return -1;
	return 0;
}

/* "KEY" or "KEY=VALUE" */
static int has_label(const json_t *network, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	auto_free char *key = equals ? xstrndup(wanted, (size_t)(equals - wanted))
				     : xstrdup(wanted);
	const json_t *value = json_object_get(jsonx_obj(network, "Labels"), key);

	return value && (!equals || streq(json_string_value(value), equals + 1));
}

static int value_fits(const json_t *n, const char *key, const char *value)
{
	if (streq(key, "name"))
		return strstr(jsonx_str(n, "Name", ""), value) != NULL;
	if (streq(key, "id"))
		return str_after(jsonx_str(n, "Id", ""), value) != NULL;
	if (streq(key, "driver"))
		return streq(jsonx_str(n, "Driver", ""), value);
	if (streq(key, "scope"))
		return streq(jsonx_str(n, "Scope", ""), value);
	return streq(value, "builtin") == networks_is_builtin(n);
}

/* One of the values, where there are any. */
static int key_fits(const struct networks_filter *f, const json_t *network, const char *key)
{
	int there = 0, fits = 0;

	strv_foreach (t, f->filters) {
		const char *rest = str_after(*t, key);
		if (!rest || *rest != '=')
			continue;
		there = 1;
		fits |= value_fits(network, key, rest + 1);
	}
	return fits == there;
}

int networks_filter_matches(const struct networks_filter *f, const json_t *network)
{
	static const char *const keys[] = {"name", "id", "driver", "scope", "type"};
	int64_t created = 0;

	if (f->dangling >= 0 &&
		f->dangling != (!networks_is_builtin(network) &&
				       !json_object_size(jsonx_obj(network, "Containers"))))
		return 0;
	if (f->until_ns && (time_parse(jsonx_str(network, "Created", ""), &created) < 0 ||
				   created >= f->until_ns))
		return 0;
	strv_foreach (t, f->filters) {
		const char *with = str_after(*t, "label="), *without = str_after(*t, "label!=");
		if ((with && !has_label(network, with)) || (without && has_label(network, without)))
			return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!key_fits(f, network, keys[i]))
			return 0;
	return 1;
}
