/* shape_write.c: a struct as JSON text by its table, and its release. No JSON tree is built: a
 * config.json is written on the way of every run. */
#include "oci/shape.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "kernel/caps.h"

#define TEXT_MAX (64u << 20)

static void put_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef", letters[] = "btn.fr";
	char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	if (c == '"' || c == '\\') {
		text[1] = (char)c;
		buf_add(b, text, 2);
	} else if (c >= '\b' && c <= '\r' && c != '\v') {
		text[1] = letters[c - '\b'];
		buf_add(b, text, 2);
	} else {
		buf_add(b, text, 6);
	}
}

static void put_string(struct buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text, *run = s;

	buf_putc(b, '"');
	for (;;) {
		size_t n = 0;

		while (*s >= ' ' && *s < 0x7f && *s != '"' && *s != '\\')
			s++;
		if (*s >= 0x80)
			n = utf8_char((const char *)s);
		if (n) {
			s += n;
			continue;
		}
		buf_add(b, run, (size_t)(s - run));
		if (!*s)
			break;
		if (*s >= 0x80)
			buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD */
		else
			put_escape(b, *s);
		run = ++s;
	}
	buf_putc(b, '"');
}

static void put_u64(struct buf *b, uint64_t v)
{
	char text[20], *p = text + sizeof(text);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

static void put_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_putc(b, '-');
	put_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static int put_chunk(const char *text, size_t len, void *b)
{
	buf_add(b, text, len);
	return 0;
}

static void put_json(struct buf *b, const json_t *j)
{
	json_dump_callback(j, put_chunk, b, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void put_comma(struct buf *b)
{
	char last = b->len ? b->data[b->len - 1] : '{';

	if (last != '{' && last != '[' && last != ':')
		buf_putc(b, ',');
}

static void put_name(struct buf *b, const char *name)
{
	put_comma(b);
	buf_putc(b, '"');
	buf_puts(b, name);
	buf_add(b, "\":", 2);
}

static void put_strv(struct buf *b, char *const *v)
{
	buf_putc(b, '[');
	strv_foreach (s, v) {
		if (s != v)
			buf_putc(b, ',');
		put_string(b, *s);
	}
	buf_putc(b, ']');
}

static void put_keys(struct buf *b, char *const *v)
{
	buf_putc(b, '{');
	strv_foreach (s, v) {
		if (s != v)
			buf_putc(b, ',');
		put_string(b, *s);
		buf_puts(b, ":{}");
	}
	buf_putc(b, '}');
}

static void put_u32v(struct buf *b, const uint32_t *v, size_t n)
{
	buf_putc(b, '[');
	for (size_t i = 0; i < n; i++) {
		put_comma(b);
		put_u64(b, v[i]);
	}
	buf_putc(b, ']');
}

static void put_caps(struct buf *b, uint64_t set, char *const *rest)
{
	buf_putc(b, '[');
	for (int i = 0; i < 64; i++) {
		const char *name = set & CAPS_BIT(i) ? caps_name(i) : NULL;

		if (!name)
			continue;
		put_comma(b);
		put_string(b, name);
	}
	strv_foreach (s, rest) {
		put_comma(b);
		put_string(b, *s);
	}
	buf_putc(b, ']');
}

#define AT(type) (*(type const *)((const char *)base + m->off))
#define AUX(type) (*(type const *)((const char *)base + m->aux))

static int member_present(const struct shape_member *m, const void *base)
{
	if (m->flags & SHAPE_ALWAYS)
		return 1;
	if (m->flags & SHAPE_SET)
		return AUX(int);
	switch (m->kind) {
	case SHAPE_STR:
	case SHAPE_STRV:
	case SHAPE_KEYS:
	case SHAPE_STRMAP:
	case SHAPE_RAW:
	case SHAPE_PTR:
		return AT(void *) != NULL;
	case SHAPE_BOOL:
	case SHAPE_INT:
		return AT(int) != 0;
	case SHAPE_U32:
		return AT(uint32_t) != 0;
	case SHAPE_I64:
		return AT(int64_t) != (m->flags & SHAPE_MINUS ? -1 : 0);
	case SHAPE_CAPS:
		return AT(uint64_t) || (m->flags & SHAPE_REST && AUX(void *));
	case SHAPE_U64:
		return AT(uint64_t) != 0;
	case SHAPE_U32V:
	case SHAPE_LIST:
		return AUX(size_t) != 0;
	case SHAPE_CHAR:
		return AT(char) != '\0' && AT(char) != m->words[0];
	case SHAPE_CONST:
	case SHAPE_OBJ:
		return 1;
	}
	return 0;
}

static void put_object(struct buf *b, const struct shape *s, const void *base, const json_t *kept);

static void put_list(struct buf *b, const struct shape_member *m, const void *base)
{
	const char *item = AT(char *);

	buf_putc(b, '[');
	for (size_t i = 0; i < AUX(size_t); i++, item += m->sub->size) {
		put_comma(b);
		put_object(b, m->sub, item, NULL);
	}
	buf_putc(b, ']');
}

static void put_char(struct buf *b, char c)
{
	char text[2] = {c};

	put_string(b, text);
}

static void put_value(struct buf *b, const struct shape_member *m, const void *base)
{
	switch (m->kind) {
	case SHAPE_STR:
		return put_string(b, AT(char *) ? AT(char *) : "");
	case SHAPE_STRV:
		return put_strv(b, AT(char **));
	case SHAPE_KEYS:
		return put_keys(b, AT(char **));
	case SHAPE_STRMAP:
	case SHAPE_RAW:
		return put_json(b, AT(json_t *));
	case SHAPE_BOOL:
		return buf_puts(b, AT(int) ? "true" : "false");
	case SHAPE_INT:
		return put_i64(b, AT(int));
	case SHAPE_U32:
		return put_u64(b, AT(uint32_t));
	case SHAPE_I64:
		return put_i64(b, AT(int64_t));
	case SHAPE_U64:
		return put_u64(b, AT(uint64_t));
	case SHAPE_U32V:
		return put_u32v(b, AT(uint32_t *), AUX(size_t));
	case SHAPE_CHAR:
		return put_char(b, AT(char));
	case SHAPE_CONST:
		return put_string(b, m->words);
	case SHAPE_CAPS:
		return put_caps(b, AT(uint64_t), m->flags & SHAPE_REST ? AUX(char **) : NULL);
	case SHAPE_PTR:
		return put_object(b, m->sub, AT(void *), NULL);
	case SHAPE_LIST:
		return put_list(b, m, base);
	case SHAPE_OBJ:
		return;
	}
}

/* A nested object that turns out empty is taken back, name and all, unless a flag says it is there.
 */
static void put_nested(
	struct buf *b, const struct shape_member *m, const void *base, const json_t *kept)
{
	size_t before = b->len;

	if (m->flags & SHAPE_SET && !AUX(int))
		return;
	if (m->flags & SHAPE_KEEP)
		kept = AUX(json_t *);
	put_name(b, m->name);
	put_object(b, m->sub, (const char *)base + m->off, kept);
	if (m->flags & SHAPE_SET || b->over || memcmp(b->data + b->len - 2, "{}", 2) != 0)
		return;
	b->len = before;
	b->data[before] = '\0';
}

static void put_kept(struct buf *b, const struct shape *s, const json_t *kept)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)kept, key, value) {
		size_t i = 0;

		while (i < s->n && !streq(s->members[i].name, key))
			i++;
		if (i < s->n)
			continue;
		put_comma(b);
		put_string(b, key);
		buf_putc(b, ':');
		put_json(b, value);
	}
}

static void put_object(struct buf *b, const struct shape *s, const void *base, const json_t *kept)
{
	buf_putc(b, '{');
	for (const struct shape_member *m = s->members; m < s->members + s->n; m++) {
		if (m->kind == SHAPE_OBJ) {
			put_nested(b, m, base, json_object_get(kept, m->name));
		} else if (member_present(m, base)) {
			put_name(b, m->name);
			put_value(b, m, base);
		}
	}
	put_kept(b, s, kept);
	buf_putc(b, '}');
}

char *shape_text(const struct shape *s, const void *base)
{
	struct buf b = BUF_MAX(TEXT_MAX);

	buf_room(&b, 8191); /* the usual size: grow once */
	put_object(&b, s, base, NULL);
	if (b.over)
		buf_done(&b);
	return b.data;
}

static void member_done(const struct shape_member *m, void *base)
{
	char *item;

	switch (m->kind) {
	case SHAPE_STR:
	case SHAPE_U32V:
		free(AT(void *));
		break;
	case SHAPE_STRV:
	case SHAPE_KEYS:
		strv_free(AT(char **));
		break;
	case SHAPE_STRMAP:
	case SHAPE_RAW:
		json_decref(AT(json_t *));
		break;
	case SHAPE_CAPS:
		if (m->flags & SHAPE_REST)
			strv_free(AUX(char **));
		break;
	case SHAPE_OBJ:
		shape_done(m->sub, (char *)base + m->off);
		if (m->flags & SHAPE_KEEP)
			json_decref(AUX(json_t *));
		break;
	case SHAPE_PTR:
		if (AT(void *))
			shape_done(m->sub, AT(void *));
		free(AT(void *));
		break;
	case SHAPE_LIST:
		item = AT(char *);
		for (size_t i = 0; i < AUX(size_t); i++)
			shape_done(m->sub, item + i * m->sub->size);
		free(item);
		break;
	default:
		break;
	}
}

void shape_done(const struct shape *s, void *base)
{
	for (size_t i = 0; i < s->n; i++)
		member_done(&s->members[i], base);
}
