/* list.h: what `ps`, `images` and `history` share: rows of named texts, printed as Docker prints
 * them: a table, "table TEMPLATE", "json", "raw", a template for each row, or only ids. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

struct list_field {
	const char *name, *heading;
};

struct list {
	const struct list_field *fields; /* closed by a NULL name: all that a row has */
	const char *columns;		 /* the default table, as a template */
	const char *id;			 /* what -q prints, as a template */
	const char *raw;		 /* "raw", as a template; NULL: none */
};

/* A member of this name in a row is no field, but the object that `.Label "key"` reads. */
#define LIST_LABELS " labels"

/* rows: array of objects with a text for each field; the labels are taken out of them. quiet wins
 * over a format. */
int list_print(const struct list *l, const char *format, int quiet, json_t *rows, FILE *out,
	struct err *e);
