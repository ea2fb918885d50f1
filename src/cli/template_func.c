/* template_func.c: the functions of templates, text, lists, comparison. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/template_node.h"

#define TEXT_MAX (16 << 20)

struct call {
	const struct template_env *env;
	struct value *args;
	size_t n;
	const char *name;
	struct value *out;
	int plain;
	struct err *e;
};

/* ---- helpers of the functions ---- */

static int bad(struct call *c, const char *fmt, const char *arg)
{
	char text[300];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), fmt, arg);
#pragma GCC diagnostic pop
	return err_set(c->e, ERR_INVALID, "%s", text);
}

static int give(struct call *c, json_t *j)
{
	c->out->j = j ? j : json_null();
	c->out->hint = NULL;
	return 0;
}

static int give_text(struct call *c, struct buf *b)
{
	if (b->over)
		return bad(c, "the text is too large%s", "");
	return give(c, b->data ? json_stringn_nocheck(b->data, b->len) : json_string(""));
}

/* Argument i as text; NULL and *e when it is something else. */
static const char *text_arg(struct call *c, size_t i)
{
	if (json_is_string(c->args[i].j))
		return json_string_value(c->args[i].j);
	c->plain = 1;
	bad(c, "wrong type for value; expected string; got %s", template_type(&c->args[i]));
	return NULL;
}

static int int_arg(struct call *c, size_t i, json_int_t min, json_int_t max, json_int_t *out)
{
	json_int_t v = json_integer_value(c->args[i].j);

	if (!json_is_integer(c->args[i].j)) {
		c->plain = 1;
		return bad(c, "wrong type for value; expected int; got %s",
			template_type(&c->args[i]));
	}
	if (v < min || v > max) {
		auto_free char *n = xasprintf("%" JSON_INTEGER_FORMAT, v);
		return bad(c, "index out of range: %s", n);
	}
	*out = v;
	return 0;
}

/* ---- text ---- */

static int f_json(struct call *c)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | (c->env->sort_keys ? JSON_SORT_KEYS : 0);
	auto_free char *text = c->args[0].j ? json_dumps(c->args[0].j, flags) : NULL;

	if (c->env->header && json_is_string(c->args[0].j))
		return give(c, json_incref(c->args[0].j));
	return give(c, json_string(text ? text : "null"));
}

/* upper, lower, title */
static int f_case(struct call *c)
{
	const char *s = text_arg(c, 0);
	auto_free char *text = xstrdup(s);
	int word = 0;

	if (!s)
		return -1;
	for (char *p = text; *p && !c->env->header; p++) {
		if (c->name[0] == 'l')
			*p = (char)tolower((unsigned char)*p);
		else if (c->name[0] == 'u' || !word)
			*p = (char)toupper((unsigned char)*p);
		word = isalnum((unsigned char)*p) || *p == '_' || *p == '\'' || (*p & 0x80);
	}
	return give(c, json_string(text));
}

static int f_split(struct call *c)
{
	const char *s = text_arg(c, 0), *sep = s ? text_arg(c, 1) : NULL, *hit;
	json_t *list;

	if (!sep)
		return -1;
	if (c->env->header)
		return give(c, json_incref(c->args[0].j));
	list = json_array();
	while (*sep && (hit = strstr(s, sep))) {
		json_array_append_new(list, json_stringn(s, (size_t)(hit - s)));
		s = hit + strlen(sep);
	}
	json_array_append_new(list, json_string(s));
	return give(c, list);
}

static int f_join(struct call *c)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);
	const char *sep = text_arg(c, 1);
	json_t *item;
	size_t i;

	if (!sep)
		return -1;
	if (c->env->header)
		return give(c, json_incref(c->args[0].j));
	if (c->args[0].j && !json_is_array(c->args[0].j) && !json_is_null(c->args[0].j)) {
		c->plain = 1;
		return bad(c, "wrong type for value; expected []string; got %s",
			template_type(&c->args[0]));
	}
	json_array_foreach (c->args[0].j, i, item) {
		buf_puts(&b, i ? sep : "");
		template_print(&(struct value){item, NULL}, &b);
	}
	return give_text(c, &b);
}

static int f_pad(struct call *c)
{
	const char *s = text_arg(c, 0);
	json_int_t before, after;

	if (!s || int_arg(c, 1, 0, 10000, &before) < 0 || int_arg(c, 2, 0, 10000, &after) < 0)
		return -1;
	auto_free char *text = xasprintf("%*s%s%*s", (int)before, "", s, (int)after, "");
	return give(c, json_string(*s ? text : ""));
}

static int f_truncate(struct call *c)
{
	const char *s = text_arg(c, 0);
	json_int_t len;

	if (!s || int_arg(c, 1, 0, INT64_MAX, &len) < 0)
		return -1;
	if (c->env->header || (size_t)len >= strlen(s))
		return give(c, json_incref(c->args[0].j));
	while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return give(c, json_stringn(s, (size_t)len));
}

/* print (blanks only between two that are no text), println */
static int f_print(struct call *c)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);
	int line = streq(c->name, "println");

	for (size_t i = 0; i < c->n; i++) {
		if (i && (line || !(json_is_string(c->args[i].j) ||
					  json_is_string(c->args[i - 1].j))))
			buf_putc(&b, ' ');
		template_print(&c->args[i], &b);
	}
	buf_puts(&b, line ? "\n" : "");
	return give_text(c, &b);
}

/* One verb: spec is "%-10" or the like without the verb. */
static void format_verb(const char *spec, char verb, const struct value *v, struct buf *out)
{
	auto_buf struct buf text = BUF_MAX(TEXT_MAX);
	auto_free char *fmt = NULL;
	int number = json_is_number(v->j);

	template_print(v, &text);
	const char *s = text.data ? text.data : "";
	auto_free char *quoted = verb == 'q' && json_is_string(v->j)
					 ? json_dumps(v->j, JSON_ENCODE_ANY)
					 : NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strchr("dxXo", verb) && json_is_integer(v->j)) {
		fmt = xasprintf("%sll%c", spec, verb);
		buf_printf(out, fmt, (long long)json_integer_value(v->j));
	} else if (strchr("feg", verb) && number) {
		fmt = xasprintf("%s%c", spec, verb);
		buf_printf(out, fmt, json_number_value(v->j));
	} else if (verb == 'v' || (verb == 's' && !number) || quoted ||
		   (verb == 't' && json_is_boolean(v->j))) {
		fmt = xasprintf("%ss", spec);
		buf_printf(out, fmt, quoted ? quoted : s);
	} else {
		buf_printf(out, "%%!%c(%s=%s)", verb, template_type(v), s);
	}
#pragma GCC diagnostic pop
}

static int f_printf(struct call *c)
{
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);
	const char *s = text_arg(c, 0);
	size_t next = 1;

	while (s && *s) {
		size_t len = 1 + strspn(s + 1, "-+ 0");
		char spec[24];
		if (*s != '%') {
			buf_putc(&b, *s++);
			continue;
		}
		/* Three digits each are plenty for a width and a precision. */
		for (int i = 0; i < 3 && isdigit((unsigned char)s[len]); i++)
			len++;
		if (s[len] == '.')
			for (int i = 0; i < 4 && (i == 0 || isdigit((unsigned char)s[len])); i++)
				len++;
		snprintf(spec, sizeof(spec), "%.*s", (int)len, s);
		s += len;
		if (*s == '%')
			buf_putc(&b, '%');
		else if (!isalpha((unsigned char)*s) || len >= sizeof(spec))
			buf_puts(&b, "%!(NOVERB)");
		else if (next < c->n)
			format_verb(spec, *s, &c->args[next++], &b);
		else
			buf_printf(&b, "%%!%c(MISSING)", *s);
		s += isalpha((unsigned char)*s) || *s == '%';
	}
	for (size_t i = next; s && i < c->n; i++) {
		buf_printf(&b, "%s%s=", i == next ? "%!(EXTRA " : ", ", template_type(&c->args[i]));
		template_print(&c->args[i], &b);
		buf_puts(&b, i + 1 == c->n ? ")" : "");
	}
	return s ? give_text(c, &b) : -1;
}

/* ---- lists ---- */

static int index_one(struct call *c, struct value *v, size_t i)
{
	const struct template_member *hint = v->hint;
	struct value found = {0};
	json_int_t at;

	if (json_is_object(v->j) || (json_is_null(v->j) && hint && hint->kind >= MEMBER_MAP)) {
		const char *key = text_arg(c, i);
		if (!key)
			return -1;
		found.j = json_incref(json_object_get(v->j, key));
		if (!found.j)
			found.j = hint && hint->kind == MEMBER_MAP ? json_string("") : json_null();
		static const struct template_member list = {.name = "", .kind = MEMBER_LIST};
		found.hint = hint && hint->kind == MEMBER_MAP_OF_LISTS ? &list : NULL;
	} else if (json_is_array(v->j) || json_is_string(v->j) || (v->j && hint)) {
		size_t size = json_is_string(v->j) ? json_string_length(v->j)
						   : json_array_size(v->j);
		if (int_arg(c, i, 0, (json_int_t)size - 1, &at) < 0)
			return -1;
		found.j = json_is_array(v->j)
				  ? json_incref(json_array_get(v->j, (size_t)at))
				  : json_integer((unsigned char)json_string_value(v->j)[at]);
	} else if (!v->j || json_is_null(v->j)) {
		return bad(c, "index of untyped nil%s", "");
	} else {
		return bad(c, "can't index item of type %s", template_type(v));
	}
	json_decref(v->j);
	*v = found;
	return 0;
}

static int f_index(struct call *c)
{
	struct value v = {json_incref(c->args[0].j), c->args[0].hint};

	for (size_t i = 1; i < c->n; i++) {
		if (index_one(c, &v, i) < 0) {
			json_decref(v.j);
			return -1;
		}
	}
	*c->out = v;
	return 0;
}

static int f_len(struct call *c)
{
	const struct value *v = &c->args[0];

	if (json_is_string(v->j))
		return give(c, json_integer((json_int_t)json_string_length(v->j)));
	if (json_is_array(v->j) || template_is_map(v) ||
		(json_is_null(v->j) && v->hint && v->hint->kind >= MEMBER_LIST))
		return give(c,
			json_integer((json_int_t)(json_array_size(v->j) + json_object_size(v->j))));
	return !v->j || json_is_null(v->j) ? bad(c, "len of nil pointer%s", "")
					   : bad(c, "len of type %s", template_type(v));
}

static int f_slice(struct call *c)
{
	json_t *j = c->args[0].j, *list;
	json_int_t from = 0, size, to;

	if (!json_is_string(j) && !json_is_array(j))
		return bad(c, "can't slice item of type %s", template_type(&c->args[0]));
	size = (json_int_t)(json_is_string(j) ? json_string_length(j) : json_array_size(j));
	to = size;
	if (c->n > 2 && int_arg(c, 2, 0, size, &to) < 0)
		return -1;
	if (c->n > 1 && int_arg(c, 1, 0, to, &from) < 0)
		return -1;
	if (json_is_string(j)) /* cut inside a character: the bytes are no text any more */
		return give(
			c, json_stringn_nocheck(json_string_value(j) + from, (size_t)(to - from)));
	list = json_array();
	for (json_int_t i = from; i < to; i++)
		json_array_append(list, json_array_get(j, (size_t)i));
	return give(c, list);
}

/* ---- comparison ---- */

/* <0, 0, >0, or 2 when they cannot be compared (order: must have an order). */
static int compare(const struct value *a, const struct value *b, int order)
{
	if (json_is_string(a->j) && json_is_string(b->j)) {
		int r = strcmp(json_string_value(a->j), json_string_value(b->j));
		return (r > 0) - (r < 0);
	}
	if (json_is_integer(a->j) && json_is_integer(b->j)) {
		json_int_t x = json_integer_value(a->j), y = json_integer_value(b->j);
		return (x > y) - (x < y);
	}
	if (json_is_number(a->j) && json_is_number(b->j)) {
		double x = json_number_value(a->j), y = json_number_value(b->j);
		return (x > y) - (x < y);
	}
	if (order)
		return 2;
	if (json_is_boolean(a->j) && json_is_boolean(b->j))
		return json_is_true(a->j) - json_is_true(b->j);
	int nil_a = !a->j || json_is_null(a->j), nil_b = !b->j || json_is_null(b->j);
	return nil_a || nil_b ? nil_a != nil_b : 2;
}

static int f_eq(struct call *c)
{
	int equal = 0;

	for (size_t i = 1; i < c->n && !equal; i++) {
		int r = compare(&c->args[0], &c->args[i], 0);
		if (r == 2)
			return bad(c, "incompatible types for comparison%s", "");
		equal = r == 0;
	}
	return give(c, json_boolean(streq(c->name, "eq") ? equal : !equal));
}

static int f_order(struct call *c)
{
	int r = compare(&c->args[0], &c->args[1], 1), yes;

	if (r == 2)
		return bad(c, "incompatible types for comparison%s", "");
	yes = c->name[0] == 'l' ? r < 0 : r > 0;
	return give(c, json_boolean(yes || (c->name[1] == 'e' && r == 0)));
}

static int f_not(struct call *c)
{
	return give(c, json_boolean(!template_truth(&c->args[0])));
}

static const struct {
	const char *name;
	int min, max; /* -1: any */
	int (*call)(struct call *c);
} funcs[] = {
	{"and", 1, -1, NULL}, /* the executor's own: they do not look at all arguments */
	{"or", 1, -1, NULL},
	{"not", 1, 1, f_not},
	{"eq", 2, -1, f_eq},
	{"ne", 2, 2, f_eq},
	{"lt", 2, 2, f_order},
	{"le", 2, 2, f_order},
	{"gt", 2, 2, f_order},
	{"ge", 2, 2, f_order},
	{"index", 1, -1, f_index},
	{"len", 1, 1, f_len},
	{"slice", 1, 3, f_slice},
	{"print", 0, -1, f_print},
	{"println", 0, -1, f_print},
	{"printf", 1, -1, f_printf},
	{"json", 1, 1, f_json},
	{"join", 2, 2, f_join},
	{"split", 2, 2, f_split},
	{"lower", 1, 1, f_case},
	{"upper", 1, 1, f_case},
	{"title", 1, 1, f_case},
	{"pad", 3, 3, f_pad},
	{"truncate", 2, 2, f_truncate},
};

int template_func_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
		if (streq(funcs[i].name, name))
			return (int)i;
	return -1;
}

int template_func_call(int func, const struct template_env *env, struct value *args, size_t n,
	struct value *out, int *out_plain, struct err *e)
{
	struct call c = {env, args, n, funcs[func].name, out, 0, e};
	int min = funcs[func].min, max = funcs[func].max, r = -1;

	if (!funcs[func].call || (int)n < min || (max >= 0 && (int)n > max)) {
		c.plain = 1;
		err_set(e, ERR_INVALID, "wrong number of args for %s: want %s%d got %zu",
			funcs[func].name, min == max ? "" : "at least ", min, n);
	} else {
		r = funcs[func].call(&c);
	}
	*out_plain = c.plain;
	return r;
}
