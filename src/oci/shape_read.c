/* shape_read.c: a JSON object into a struct by its table. null counts as missing, as Go's decoder
 * (which wrote most of these documents) has it. */
#include "oci/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kernel/caps.h"

struct reader {
	size_t list_max;
	struct err *e;
};

static void at_text(const struct shape_at *at, struct buf *b)
{
	if (!at)
		return;
	at_text(at->up, b);
	if (!at->name)
		buf_printf(b, "[%zu]", at->index);
	else
		buf_printf(b, "%s%s", b->len ? "." : "", at->name);
}

int shape_err(struct err *e, const struct shape_at *at, const char *fmt, ...)
{
	auto_buf struct buf path = BUF_MAX(300);
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	at_text(at, &path);
	return err_set(e, ERR_INVALID, "%s %s", path.len ? path.data : "the document", text);
}

#define AT(type) (*(type *)((char *)base + m->off))
#define AUX(type) (*(type *)((char *)base + m->aux))

void shape_init(const struct shape *s, void *base)
{
	for (const struct shape_member *m = s->members; m < s->members + s->n; m++) {
		if (m->flags & SHAPE_MINUS)
			AT(int64_t) = -1;
		else if (m->kind == SHAPE_CHAR)
			AT(char) = m->words[0];
		else if (m->kind == SHAPE_OBJ)
			shape_init(m->sub, (char *)base + m->off);
	}
}

static int read_str(struct reader *r, const struct shape_at *at, const json_t *j, char **out)
{
	if (!json_is_string(j))
		return shape_err(r->e, at, "must be text");
	str_set(out, json_string_value(j));
	return 0;
}

static int check_list(struct reader *r, const struct shape_at *at, const json_t *j)
{
	if (!json_is_array(j))
		return shape_err(r->e, at, "must be a list");
	if (json_array_size(j) > r->list_max)
		return shape_err(r->e, at, "has %zu items; at most %zu are taken",
			json_array_size(j), r->list_max);
	return 0;
}

static int check_object(struct reader *r, const struct shape_at *at, const json_t *j)
{
	if (!json_is_object(j))
		return shape_err(r->e, at, "must be an object");
	if (json_object_size(j) > r->list_max)
		return shape_err(r->e, at, "has %zu members; at most %zu are taken",
			json_object_size(j), r->list_max);
	return 0;
}

/* Made in one piece: strv_add walks the vector for each string. Its room is the power of two that
 * strv_add expects to find, so that the caller may go on adding. */
static char **strv_room(size_t n)
{
	size_t room = 1;

	while (room < n + 1)
		room *= 2;
	return n ? xcalloc(room, sizeof(char *)) : NULL;
}

static int read_strv(struct reader *r, const struct shape_at *up, const json_t *j, char ***out)
{
	size_t n = json_array_size(j);

	if (check_list(r, up, j) < 0)
		return -1;
	strv_free(*out);
	*out = strv_room(n);
	for (size_t i = 0; i < n; i++) {
		struct shape_at at = {.up = up, .index = i};

		if (read_str(r, &at, json_array_get(j, i), *out + i) < 0)
			return -1;
	}
	return 0;
}

static int read_keys(struct reader *r, const struct shape_at *at, json_t *j, char ***out)
{
	const char *key;
	json_t *value;
	size_t i = 0;

	if (check_object(r, at, j) < 0)
		return -1;
	strv_free(*out);
	*out = strv_room(json_object_size(j));
	json_object_foreach (j, key, value)
		(*out)[i++] = xstrdup(key);
	return 0;
}

static int read_strmap(struct reader *r, const struct shape_at *up, json_t *j, json_t **out)
{
	const char *key;
	json_t *value;

	if (check_object(r, up, j) < 0)
		return -1;
	json_object_foreach (j, key, value) {
		struct shape_at at = {.up = up, .name = key};

		if (!json_is_string(value))
			return shape_err(r->e, &at, "must be text");
	}
	json_decref(*out);
	*out = json_incref(j);
	return 0;
}

static int read_number(struct reader *r, const struct shape_at *at, const json_t *j, int64_t min,
	int64_t max, int64_t *out)
{
	if (!json_is_integer(j))
		return shape_err(r->e, at, "must be a whole number");
	if (json_integer_value(j) < min || json_integer_value(j) > max)
		return shape_err(r->e, at, "is %lld; it must be from %lld to %lld",
			(long long)json_integer_value(j), (long long)min, (long long)max);
	*out = json_integer_value(j);
	return 0;
}

static int read_u32v(
	struct reader *r, const struct shape_at *up, const json_t *j, uint32_t **out, size_t *out_n)
{
	size_t n = json_array_size(j);

	if (check_list(r, up, j) < 0)
		return -1;
	free(*out);
	*out = n ? xcalloc(n, sizeof(**out)) : NULL;
	*out_n = n;
	for (size_t i = 0; i < n; i++) {
		struct shape_at at = {.up = up, .index = i};
		int64_t v;

		if (read_number(r, &at, json_array_get(j, i), 0, UINT32_MAX, &v) < 0)
			return -1;
		(*out)[i] = (uint32_t)v;
	}
	return 0;
}

static int read_caps(struct reader *r, const struct shape_at *at, const json_t *j, uint64_t *out,
	char ***unknown)
{
	auto_strv char **names = NULL;

	if (read_strv(r, at, j, &names) < 0)
		return -1;
	*out = 0;
	strv_foreach (s, names) {
		int number = caps_number(*s);

		if (number >= 0)
			*out |= CAPS_BIT(number);
		else if (strv_len(*unknown) < 64 && !strv_has(*unknown, *s))
			strv_add(unknown, *s); /* for a warning: 64 names say enough */
	}
	return 0;
}

static int read_char(
	struct reader *r, const struct shape_at *at, const json_t *j, const char *words, char *out)
{
	const char *s = json_string_value(j);

	if (!s || strlen(s) != 1 || !strchr(words, *s))
		return shape_err(r->e, at, "must be one letter of \"%s\"", words);
	*out = *s;
	return 0;
}

static int read_object(struct reader *r, const struct shape_at *up, const struct shape *s,
	const json_t *j, void *base);

static int read_list(struct reader *r, const struct shape_at *up, const struct shape_member *m,
	const json_t *j, void *base)
{
	size_t n = json_array_size(j);
	char *items;

	if (check_list(r, up, j) < 0)
		return -1;
	items = AT(char *) = n ? xcalloc(n, m->sub->size) : NULL;
	AUX(size_t) = n;
	for (size_t i = 0; i < n; i++)
		shape_init(m->sub, items + i * m->sub->size);
	for (size_t i = 0; i < n; i++) {
		struct shape_at at = {.up = up, .index = i};

		if (read_object(r, &at, m->sub, json_array_get(j, i), items + i * m->sub->size) < 0)
			return -1;
	}
	return 0;
}

static int read_nested(struct reader *r, const struct shape_at *at, const struct shape_member *m,
	json_t *j, void *base)
{
	if (m->kind == SHAPE_OBJ) {
		if (m->flags & SHAPE_KEEP)
			AUX(json_t *) = json_incref(j);
		return read_object(r, at, m->sub, j, (char *)base + m->off);
	}
	AT(void *) = xcalloc(1, m->sub->size);
	shape_init(m->sub, AT(void *));
	return read_object(r, at, m->sub, j, AT(void *));
}

static int read_integer(struct reader *r, const struct shape_at *at, const struct shape_member *m,
	const json_t *j, void *base)
{
	int64_t min = m->min, max = m->max, v;

	if (!min && !max) {
		min = m->kind == SHAPE_INT ? INT32_MIN : m->kind == SHAPE_U32 ? 0 : INT64_MIN;
		max = m->kind == SHAPE_INT   ? INT32_MAX
		      : m->kind == SHAPE_U32 ? UINT32_MAX
					     : INT64_MAX;
	}
	if (read_number(r, at, j, min, max, &v) < 0)
		return -1;
	if (m->kind == SHAPE_INT)
		AT(int) = (int)v;
	else if (m->kind == SHAPE_U32)
		AT(uint32_t) = (uint32_t)v;
	else
		AT(int64_t) = v; /* U64 too: the same bits */
	return 0;
}

static int read_value(struct reader *r, const struct shape_at *at, const struct shape_member *m,
	json_t *j, void *base)
{
	switch (m->kind) {
	case SHAPE_STR:
		return read_str(r, at, j, &AT(char *));
	case SHAPE_STRV:
		return read_strv(r, at, j, &AT(char **));
	case SHAPE_KEYS:
		return read_keys(r, at, j, &AT(char **));
	case SHAPE_STRMAP:
		return read_strmap(r, at, j, &AT(json_t *));
	case SHAPE_RAW:
		AT(json_t *) = json_incref(j);
		return 0;
	case SHAPE_BOOL:
		AT(int) = json_is_true(j);
		return json_is_boolean(j) ? 0 : shape_err(r->e, at, "must be true or false");
	case SHAPE_INT:
	case SHAPE_U32:
	case SHAPE_I64:
	case SHAPE_U64:
		return read_integer(r, at, m, j, base);
	case SHAPE_U32V:
		return read_u32v(r, at, j, &AT(uint32_t *), &AUX(size_t));
	case SHAPE_CHAR:
		return read_char(r, at, j, m->words, &AT(char));
	case SHAPE_CONST:
		if (json_is_string(j) && streq(json_string_value(j), m->words))
			return 0;
		return shape_err(r->e, at, "must be \"%s\"", m->words);
	case SHAPE_CAPS:
		return read_caps(r, at, j, &AT(uint64_t), &AUX(char **));
	case SHAPE_OBJ:
	case SHAPE_PTR:
		return read_nested(r, at, m, j, base);
	case SHAPE_LIST:
		return read_list(r, at, m, j, base);
	}
	return -1;
}

static int read_object(struct reader *r, const struct shape_at *up, const struct shape *s,
	const json_t *j, void *base)
{
	if (!json_is_object(j))
		return shape_err(r->e, up, "must be an object");
	for (const struct shape_member *m = s->members; m < s->members + s->n; m++) {
		struct shape_at at = {.up = up, .name = m->name};
		json_t *value = json_object_get(j, m->name);

		if (value && m->flags & SHAPE_SET &&
			(m->kind == SHAPE_STRV || !json_is_null(value)))
			AUX(int) = 1;
		if ((!value || json_is_null(value)) && m->flags & SHAPE_REQ)
			return shape_err(r->e, &at, "is missing");
		if (!value || json_is_null(value))
			continue;
		if (read_value(r, &at, m, value, base) < 0)
			return -1;
	}
	return s->check ? s->check(base, up, r->e) : 0;
}

int shape_read(
	const struct shape *s, const json_t *json, void *base, size_t list_max, struct err *e)
{
	struct reader r = {.list_max = list_max, .e = e};

	return read_object(&r, NULL, s, json, base);
}
