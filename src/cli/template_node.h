/* template_node.h: what the parser hands to the executor, and the executor to the functions.
 * Private to template*.c. */
#pragma once

#include "cli/template.h"

enum node_kind {
	NODE_TEXT,
	NODE_ACTION, /* pipe */
	NODE_IF,     /* pipe, body, other */
	NODE_RANGE,
	NODE_WITH,
	NODE_BREAK,
	NODE_CONTINUE,
	NODE_PIPE,    /* body: commands; names: variables that it sets */
	NODE_COMMAND, /* body: operands */
	NODE_FIELD,   /* names: .A.B on dot (none: dot itself) */
	NODE_VAR,     /* text: "$x", names: fields on it */
	NODE_PAREN,   /* pipe, names: fields on it */
	NODE_VALUE,   /* constant */
	NODE_NIL,
	NODE_FUNC, /* text */
};

struct node {
	enum node_kind kind;
	int assign;		  /* NODE_PIPE: "=", not ":=" */
	size_t start, end, where; /* in the source; where: the column an error names */
	char *text;
	char **names;
	json_t *value;
	struct node *pipe, *body, *other, *next;
};

struct template
{
	char *source;
	struct node *body;
};

/* A value under way. j: own reference, NULL is "no value" (a missing map key). hint: what is known
 * about the member it came from. */
struct value {
	json_t *j;
	const struct template_member *hint;
};

/* The function of that name, or -1. */
int template_func_find(const char *name);
const char *template_func_name(int func);
/* Call it. 0 and *out, or -1 and *e with only the cause ("index out of range: 3"); *out_plain: the
 * cause is the whole story, not to be put behind "error calling NAME". */
int template_func_call(int func, const struct template_env *env, struct value *args, size_t n,
	struct value *out, int *out_plain, struct err *e);
int template_truth(const struct value *v);
/* As fmt's %v. */
void template_print(const struct value *v, struct buf *out);
int template_is_map(const struct value *v);
const char *template_type(const struct value *v);
