/* template.h: the part of Go's text/template that people type behind --format, over JSON values.
 * Speaking; errors have Go's words ("template: :1:2: executing "" at <.X>: ..."). */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* Docker's templates see Go structs, we see JSON. What the JSON does not say about a member is said
 * here: which objects are maps (their keys are data, so a missing one is no error) and what null or
 * a missing member stands for. */
struct template_member {
	const char *name;
	enum {
		MEMBER_OBJECT, /* null and missing: <nil> */
		MEMBER_TEXT,   /* "" */
		MEMBER_NUMBER, /* 0 */
		MEMBER_LIST,   /* [] */
		MEMBER_MAP,    /* of texts: index of a missing key is "" */
		MEMBER_MAP_OF_LISTS,
		MEMBER_MAP_OF_OBJECTS,
	} kind;
	int optional; /* may be missing */
};

struct template_env {
	const struct template_member *members; /* closed by a NULL name; may be NULL */
	const json_t *labels;		       /* what `.Label "key"` reads; may be NULL */
	int header;    /* the table's heading: functions that shape text leave it as it is */
	int sort_keys; /* `json` sorts keys */
	int rows;      /* Docker's words for an unknown field: those of a table's rows */
};

struct template;

/* NULL and *e when the text is no template; the text is copied. */
struct template *template_parse(const char *text, struct err *e);
void template_free(struct template *t); /* NULL is accepted */
/* Append to out what the template makes of dot. Stops with an error after some ten million steps.
 */
int template_run(const struct template *t, json_t *dot, const struct template_env *env,
	struct buf *out, struct err *e);

static inline void template_free_ptr(struct template **t)
{
	template_free(*t);
}
#define auto_template __attribute__((cleanup(template_free_ptr)))
