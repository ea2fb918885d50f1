/* words.c: the arguments of a Dockerfile instruction. */
#include "oci/words.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

#define WORD_MAX (64u << 10)

/* $NAME, ${NAME}, ${NAME:-else}, ${NAME:+then}. s points behind the dollar; returns what follows.
 */
static const char *put_variable(char *const *env, const char *s, struct buf *b)
{
	int braces = *s == '{';
	const char *name = s + braces, *p = name, *value, *word, *end;
	auto_free char *key = NULL;

	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	end = braces ? strchr(p, '}') : p;
	if (p == name || !end) {
		buf_putc(b, '$');
		return s;
	}
	key = xstrndup(name, (size_t)(p - name));
	value = strv_env_get(env, key);
	if (!value)
		value = "";
	word = p + 2;
	if (braces && p[0] == ':' && p[1] == '-' && !*value)
		buf_add(b, word, (size_t)(end - word));
	else if (braces && p[0] == ':' && p[1] == '+')
		buf_add(b, word, *value ? (size_t)(end - word) : 0);
	else
		buf_puts(b, value);
	return end + braces;
}

/* The next word of *text, moved on; NULL at the end of the line or when a quote is not closed (then
 * *e is filled). Caller frees. */
static char *next_word(char *const *env, const char **text, struct err *e)
{
	struct buf b = BUF_MAX(WORD_MAX);
	const char *s = *text + strspn(*text, " \t");
	char quote = 0;

	if (!*s)
		return NULL;
	while (*s && (quote || (*s != ' ' && *s != '\t'))) {
		if (quote ? *s == quote : *s == '"' || *s == '\'') {
			quote = quote ? 0 : *s;
			s++;
		} else if (*s == '\\' && s[1] && quote != '\'') {
			buf_putc(&b, s[1]);
			s += 2;
		} else if (*s == '$' && quote != '\'') {
			s = put_variable(env, s + 1, &b);
		} else {
			buf_putc(&b, *s++);
		}
	}
	*text = s;
	if (!quote && !b.over)
		return buf_steal(&b);
	buf_done(&b);
	err_set(e, ERR_INVALID, quote ? "a quote (%c) is not closed" : "a word is too long%.0d",
		quote);
	return NULL;
}

int words_read(char *const *env, const char *text, char ***out, struct err *e)
{
	struct err problem = {0};
	char *word;

	while ((word = next_word(env, &text, &problem)))
		strv_take(out, word);
	if (problem.kind) {
		if (e)
			*e = problem;
		return -1;
	}
	return *out ? 0 : err_set(e, ERR_INVALID, "an argument is missing");
}

int words_json(const char *text, char ***out)
{
	auto_json json_t *list = NULL;
	json_t *item;
	size_t i;

	if (*text != '[')
		return 0;
	list = json_loadb(text, strlen(text), 0, NULL);
	if (!json_is_array(list) || json_array_size(list) > WORDS_MAX)
		return 0;
	json_array_foreach (list, i, item)
		if (!json_is_string(item))
			return 0;
	json_array_foreach (list, i, item)
		strv_add(out, json_string_value(item));
	return 1;
}

int words_add(char ***list, const char *s, struct err *e)
{
	if (strv_has(*list, s))
		return 0;
	if (strv_len(*list) >= WORDS_MAX)
		return err_set(e, ERR_INVALID, "more than %d entries", WORDS_MAX);
	strv_add(list, s);
	return 0;
}
