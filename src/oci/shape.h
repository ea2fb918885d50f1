/* shape.h: a JSON object and the C struct it becomes, described once by a table. Reading, writing
 * and releasing all follow the same table, so that they cannot disagree. Private to oci/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

enum shape_kind {
	SHAPE_STR,    /* char *, NULL unset */
	SHAPE_STRV,   /* char **, list of text */
	SHAPE_KEYS,   /* char **, the keys of an object whose values do not matter (Volumes) */
	SHAPE_STRMAP, /* json_t *, object of text */
	SHAPE_RAW,    /* json_t *, anything */
	SHAPE_BOOL,   /* int */
	SHAPE_INT,    /* int */
	SHAPE_U32,    /* uint32_t */
	SHAPE_I64,    /* int64_t */
	SHAPE_U64,    /* uint64_t; above INT64_MAX as jsonx_parse_u64 gives it */
	SHAPE_U32V,   /* uint32_t *, count at aux */
	SHAPE_CHAR,   /* char, one of the letters in `words` */
	SHAPE_CONST,  /* nothing in the struct: the text `words`, always written, checked when read
		       */
	SHAPE_CAPS,   /* uint64_t bit set, from names; unknown names go to the strv at aux */
	SHAPE_OBJ, /* a sub-object; its struct lies at off (0 with the same struct: only nesting) */
	SHAPE_PTR, /* pointer to a struct of its own, NULL when the object is missing */
	SHAPE_LIST, /* pointer to an array of structs, count at aux */
};

enum shape_flag {
	SHAPE_REQ = 1,	  /* missing is an error */
	SHAPE_ALWAYS = 2, /* written even when it is zero or empty */
	SHAPE_SET = 4,	  /* aux is an int that says whether the member is there */
	SHAPE_KEEP = 8, /* aux is a json_t *: the whole object, members not in the table are written
			   back from it */
	SHAPE_MINUS = 16, /* -1 means unset */
	SHAPE_REST = 32,  /* CAPS: unknown names are written back here */
};

struct shape;

struct shape_member {
	const char *name;
	enum shape_kind kind;
	unsigned flags;
	size_t off, aux;
	int64_t min, max; /* of numbers; both 0: whatever the C type takes */
	const struct shape *sub;
	const char *words;
};

struct shape_at;

struct shape {
	size_t size; /* of the struct, for PTR and LIST */
	size_t n;
	const struct shape_member *members;
	/* More than types can say, run after the members; NULL for none. */
	int (*check)(void *base, const struct shape_at *at, struct err *e);
};

/* One member of the struct that the file's F() is about, one that only nests, and the table. */
#define MEMBER(text, type, flag, field, ...)                                            \
	{                                                                               \
		.name = (text), .kind = SHAPE_##type, .flags = (flag), .off = F(field), \
		##__VA_ARGS__                                                           \
	}
#define NESTED(text, shape, ...)                                                  \
	{                                                                         \
		.name = (text), .kind = SHAPE_OBJ, .sub = &(shape), ##__VA_ARGS__ \
	}
#define SHAPE(table, type, function)                                              \
	{                                                                         \
		.size = sizeof(type), .n = ARRAY_SIZE(table), .members = (table), \
		.check = (function)                                               \
	}

/* Where a reader stands, so that an error can name the member: printed only then. */
struct shape_at {
	const struct shape_at *up; /* NULL: the document */
	const char *name;	   /* NULL: a list item */
	size_t index;
};

/* err_set with the path in front: "process.args[1] must be text". */
int shape_err(struct err *e, const struct shape_at *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Set what is not unset by zero (SHAPE_MINUS). The struct is zeroed before. */
void shape_init(const struct shape *s, void *base);
/* json (must be an object) into the initialised struct. Lists longer than list_max are refused.
 * Speaking; release with shape_done in either case. */
int shape_read(
	const struct shape *s, const json_t *json, void *base, size_t list_max, struct err *e);
/* The reverse, as compact text; caller frees. NULL when it would cross 64 MiB. */
char *shape_text(const struct shape *s, const void *base);
/* Free everything the table names; the struct itself is the caller's. */
void shape_done(const struct shape *s, void *base);
