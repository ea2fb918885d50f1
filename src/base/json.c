/* json.c: what we add to jansson. */
#include "base/json.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void jsonx_init(void)
{
	json_set_alloc_funcs(xmalloc, free);
}

json_t *jsonx_parse(const char *text, size_t len, const char *what, struct err *e)
{
	json_error_t je;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

	if (!j)
		err_set(e, ERR_INVALID, "%s is not valid JSON: line %d column %d: %s", what,
			je.line, je.column, je.text);
	return j;
}

/* A copy of the document with each whole number above INT64_MAX replaced by its two's complement.
 */
static void fold_u64(const char *text, size_t len, struct buf *b)
{
	const char *p = text, *end = text + len, *start;
	int in_text = 0;

	while (p < end) {
		start = p;
		if (in_text || *p < '0' || *p > '9') {
			if (*p == '"')
				in_text = !in_text;
			else if (in_text && *p == '\\' && p + 1 < end)
				p++;
			buf_add(b, start, (size_t)(++p - start));
			continue;
		}
		while (p < end && strchr("0123456789.eE+-", *p) && *p)
			p++;
		auto_free char *digits = xstrndup(start, (size_t)(p - start));
		char *rest;
		errno = 0;
		unsigned long long v = strtoull(digits, &rest, 10);
		int negative = start > text && start[-1] == '-';
		if (!errno && !*rest && !negative && v > INT64_MAX)
			buf_printf(b, "%lld", (long long)v);
		else
			buf_puts(b, digits);
	}
}

json_t *jsonx_parse_u64(const char *text, size_t len, const char *what, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(len * 2 + 1);
	json_error_t je;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

	if (j || json_error_code(&je) != json_error_numeric_overflow)
		return j ? j : jsonx_parse(text, len, what, e);
	fold_u64(text, len, &b);
	return jsonx_parse(b.data ? b.data : "", b.len, what, e);
}

char *jsonx_text(const json_t *j, int indent)
{
	size_t flags = JSON_ENCODE_ANY | (indent ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
	char *s = json_dumps(j, flags), *out;

	if (!s)
		return xstrdup("null");
	if (!indent)
		return s;
	out = xasprintf("%s\n", s);
	free(s);
	return out;
}

const char *jsonx_str(const json_t *obj, const char *key, const char *def)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_string(v) ? json_string_value(v) : def;
}

json_int_t jsonx_int(const json_t *obj, const char *key, json_int_t def)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? json_integer_value(v) : def;
}

int jsonx_bool(const json_t *obj, const char *key, int def)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_boolean(v) ? json_is_true(v) : def;
}

json_t *jsonx_obj(const json_t *obj, const char *key)
{
	json_t *v = json_object_get(obj, key);

	return json_is_object(v) ? v : NULL;
}

json_t *jsonx_arr(const json_t *obj, const char *key)
{
	json_t *v = json_object_get(obj, key);

	return json_is_array(v) ? v : NULL;
}

char **jsonx_strv(const json_t *obj, const char *key)
{
	json_t *arr = jsonx_arr(obj, key), *item;
	char **v = NULL;
	size_t i;

	json_array_foreach (arr, i, item)
		if (json_is_string(item))
			strv_add(&v, json_string_value(item));
	return v;
}

int jsonx_check(const json_t *obj, const char *key, json_type type, const char *what, struct err *e)
{
	static const char *const names[] = {
		"an object", "a list", "text", "a whole number", "a number", "true or false"};
	const json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v) || json_typeof(v) == type)
		return 0;
	if ((type == JSON_TRUE || type == JSON_FALSE) && json_is_boolean(v))
		return 0;
	if (type == JSON_REAL && json_is_number(v))
		return 0;
	return err_set(e, ERR_INVALID, "%s: \"%s\" must be %s", what, key,
		names[type > JSON_TRUE ? JSON_TRUE : type]);
}

json_t *jsonx_from_strv(char *const *v)
{
	json_t *arr = json_array();

	strv_foreach (s, v)
		json_array_append_new(arr, jsonx_string(*s));
	return arr;
}

json_t *jsonx_string(const char *s)
{
	json_t *j = json_string(s);
	auto_buf struct buf b = BUF_MAX(strlen(s) * 3 + 1);

	if (j)
		return j;
	/* A byte at a time: each one is either the start of a good sequence or replaced. */
	while (*s) {
		size_t n = 1;
		json_t *probe = NULL;
		for (; n <= 4 && strnlen(s, n) == n; n++) {
			probe = json_stringn(s, n);
			if (probe)
				break;
		}
		if (probe) {
			json_decref(probe);
			buf_add(&b, s, n);
			s += n;
		} else {
			buf_puts(&b, "\xef\xbf\xbd");
			s++;
		}
	}
	j = json_string(b.data ? b.data : "");
	return j ? j : json_null();
}

void jsonx_set_str(json_t *obj, const char *key, const char *value)
{
	if (value)
		json_object_set_new(obj, key, jsonx_string(value));
}
