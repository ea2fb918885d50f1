/* template_value.c: how values of templates print (as fmt's %v) and when they count as true. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/template_node.h"

int template_is_map(const struct value *v)
{
	return json_is_object(v->j) && v->hint && v->hint->kind >= MEMBER_MAP;
}

int template_truth(const struct value *v)
{
	if (!v->j || json_is_null(v->j) || json_is_false(v->j))
		return 0;
	if (json_is_string(v->j))
		return json_string_length(v->j) > 0;
	if (json_is_number(v->j))
		return json_number_value(v->j) != 0;
	if (json_is_array(v->j))
		return json_array_size(v->j) > 0;
	return !template_is_map(v) || json_object_size(v->j) > 0;
}

const char *template_type(const struct value *v)
{
	static const char *const names[] = {
		"object", "list", "string", "int", "float64", "bool", "bool", "nil"};

	return v->j ? names[json_typeof(v->j)] : "no value";
}

static void print_real(double d, struct buf *out)
{
	char text[40];

	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_puts(out, text);
}

static void print_object(const struct value *v, struct buf *out)
{
	int map = template_is_map(v), first = 1;
	/* A map's keys come sorted, a struct's members as they stand. */
	auto_free char *sorted = map ? json_dumps(v->j, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	auto_json json_t *copy = sorted ? json_loads(sorted, 0, NULL) : json_incref(v->j);
	const char *key;
	json_t *item;

	buf_puts(out, map ? "map[" : "{");
	json_object_foreach (copy, key, item) {
		buf_puts(out, first ? "" : " ");
		first = 0;
		if (map)
			buf_printf(out, "%s:", key);
		template_print(&(struct value){item, NULL}, out);
	}
	buf_putc(out, map ? ']' : '}');
}

void template_print(const struct value *v, struct buf *out)
{
	json_t *item;
	size_t i;

	switch (v->j ? (int)json_typeof(v->j) : -1) {
	case -1:
		buf_puts(out, "<no value>");
		break;
	case JSON_STRING:
		buf_add(out, json_string_value(v->j), json_string_length(v->j));
		break;
	case JSON_INTEGER:
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v->j));
		break;
	case JSON_REAL:
		print_real(json_real_value(v->j), out);
		break;
	case JSON_ARRAY:
		buf_putc(out, '[');
		json_array_foreach (v->j, i, item) {
			buf_puts(out, i ? " " : "");
			template_print(&(struct value){item, NULL}, out);
		}
		buf_putc(out, ']');
		break;
	case JSON_OBJECT:
		print_object(v, out);
		break;
	case JSON_NULL:
		buf_puts(out, !v->hint || v->hint->kind < MEMBER_LIST ? "<nil>"
			      : v->hint->kind == MEMBER_LIST	      ? "[]"
								      : "map[]");
		break;
	default:
		buf_puts(out, json_is_true(v->j) ? "true" : "false");
	}
}
