/* json.h: what we add to jansson: scope-bound references, parsing with an error that says where,
 * typed getters with defaults. Everything that is parsed has a size limit (the caller's buffer) and
 * jansson's depth limit (2048). */
#pragma once

#include <jansson.h>

#include "base/err.h"

static inline void json_unref_ptr(json_t **j)
{
	json_decref(*j);
}
#define auto_json __attribute__((cleanup(json_unref_ptr)))

/* Once, at the start of the program: an allocation that fails ends it, as everywhere else. jansson
 * would go on with what it has, and a document would lack a member. */
void jsonx_init(void);
/* Parse exactly one document; duplicate keys are refused. `what` names it in the error.
 * Returns a new reference or NULL with *e filled. */
json_t *jsonx_parse(const char *text, size_t len, const char *what, struct err *e);
/* The same for documents with unsigned 64-bit numbers (RLIM_INFINITY, seccomp masks), which jansson
 * has no type for: those above INT64_MAX come out as the negative number with the same bits. */
json_t *jsonx_parse_u64(const char *text, size_t len, const char *what, struct err *e);
/* Compact (indent 0) or indented text with a final newline when indented; caller frees. */
char *jsonx_text(const json_t *j, int indent);

/* Borrowed values; the default (or NULL) when the key is missing or null.
 * A value of another type counts as missing: use the check functions where that matters. */
const char *jsonx_str(const json_t *obj, const char *key, const char *def);
json_int_t jsonx_int(const json_t *obj, const char *key, json_int_t def);
int jsonx_bool(const json_t *obj, const char *key, int def);
json_t *jsonx_obj(const json_t *obj, const char *key); /* object or NULL */
json_t *jsonx_arr(const json_t *obj, const char *key); /* array or NULL */
char **jsonx_strv(
	const json_t *obj, const char *key); /* copies of the string members; caller frees */

/* Refuse a member of the wrong type: 0 when missing, null or of that type, else -1 and *e. */
int jsonx_check(
	const json_t *obj, const char *key, json_type type, const char *what, struct err *e);

json_t *jsonx_from_strv(char *const *v); /* new array; empty for NULL */
/* Like json_string, but text that is not UTF-8 has its bad bytes replaced by U+FFFD. Never NULL. */
json_t *jsonx_string(const char *s);
void jsonx_set_str(json_t *obj, const char *key, const char *value); /* skips NULL */
