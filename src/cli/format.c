/* format.c: --format. */
#include "cli/format.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define TEXT_MAX (16UL << 20)

/* As Go prints a value with %v: maps and lists in its own brackets. */
static void print(struct buf *b, const json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		buf_puts(b, json_string_value(v));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%" PRId64, (int64_t)json_integer_value(v));
		break;
	case JSON_REAL:
		buf_printf(b, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_puts(b, json_is_true(v) ? "true" : "false");
		break;
	case JSON_ARRAY:
		buf_putc(b, '[');
		json_array_foreach (v, i, item) {
			if (i)
				buf_putc(b, ' ');
			print(b, item);
		}
		buf_putc(b, ']');
		break;
	case JSON_OBJECT:
		buf_puts(b, "map[");
		i = 0;
		json_object_foreach ((json_t *)v, key, item) {
			buf_printf(b, "%s%s:", i++ ? " " : "", key);
			print(b, item);
		}
		buf_putc(b, ']');
		break;
	case JSON_NULL:
		buf_puts(b, "<no value>");
		break;
	}
}

/* ".A.B" from *text on; moves *text behind it. */
static const json_t *field(
	const char **text, const json_t *object, const char *whole, struct err *e)
{
	const char *p = *text;

	if (*p != '.') {
		err_set(e, ERR_INVALID,
			"template parsing error: only fields, json and index are "
			"understood: %s",
			whole);
		return NULL;
	}
	while (*p == '.') {
		size_t n = strcspn(p + 1, ". \t}|()");
		auto_free char *key = xstrndup(p + 1, n);
		p += 1 + n;
		if (!n)
			break;
		if (!json_is_object(object) || !json_object_get(object, key)) {
			if (*p == '.' || !json_is_object(object)) {
				err_set(e, ERR_INVALID, "template: map has no entry for key \"%s\"",
					key);
				return NULL;
			}
			err_set(e, ERR_INVALID, "template: map has no entry for key \"%s\"", key);
			return NULL;
		}
		object = json_object_get(object, key);
	}
	*text = p;
	return object;
}

static int index_action(
	struct buf *b, const char *p, const json_t *object, const char *whole, struct err *e)
{
	const json_t *v = field(&p, object, whole, e);
	char *end;

	if (!v)
		return -1;
	p += strspn(p, " \t");
	if (*p == '"') {
		size_t n = strcspn(p + 1, "\"");
		auto_free char *key = xstrndup(p + 1, n);
		json_t *item = json_object_get(v, key);
		if (item)
			print(b, item);
		return 0;
	}
	json_t *item = json_array_get(v, strtoul(p, &end, 10));
	if (end == p || !item)
		return err_set(e, ERR_INVALID, "template: error calling index in %s", whole);
	print(b, item);
	return 0;
}

static int action(struct buf *b, const char *p, const json_t *object, struct err *e)
{
	const char *whole = p, *rest = str_after(p, "json ");
	const json_t *v;

	if (str_after(p, "index "))
		return index_action(b, p + 6 + strspn(p + 6, " "), object, whole, e);
	if (rest)
		p = rest + strspn(rest, " ");
	v = field(&p, object, whole, e);
	if (!v)
		return -1;
	if (p[strspn(p, " \t")])
		return err_set(e, ERR_INVALID,
			"template parsing error: only fields, json and index are understood: %s",
			whole);
	if (rest) {
		auto_free char *text = jsonx_text(v, 0);
		buf_puts(b, text);
	} else {
		print(b, v);
	}
	return 0;
}

char *format_text(const char *format, const json_t *object, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);

	if (streq(format, "json"))
		return jsonx_text(object, 0);
	for (const char *p = format; *p;) {
		const char *end = strncmp(p, "{{", 2) == 0 ? strstr(p, "}}") : NULL;
		if (end) {
			const char *from = p + 2 + strspn(p + 2, " ");
			auto_free char *inner = NULL;
			size_t n = from < end ? (size_t)(end - from) : 0;
			while (n && from[n - 1] == ' ')
				n--;
			inner = xstrndup(from, n);
			if (action(&b, inner, object, e) < 0)
				return NULL;
			p = end + 2;
		} else if (strncmp(p, "{{", 2) == 0) {
			err_set(e, ERR_INVALID, "template parsing error: unclosed action");
			return NULL;
		} else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
			buf_putc(&b, p[1] == 't' ? '\t' : '\n');
			p += 2;
		} else {
			buf_putc(&b, *p++);
		}
	}
	return buf_steal(&b);
}
