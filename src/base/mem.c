/* mem.c: allocation that aborts, and string vectors. */
#define _GNU_SOURCE
#include "base/mem.h"

#include <stdio.h>
#include <unistd.h>

static void *check(void *p)
{
	if (!p) {
		static const char text[] = "hull: out of memory\n";
		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			_exit(126);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return check(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return check(realloc(p, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return check(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return s ? check(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return check(strndup(s, n));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return check(s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void str_set(char **dst, const char *src)
{
	char *copy = xstrdup(src);

	free(*dst);
	*dst = copy;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

int str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

size_t strv_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

void strv_free(char **v)
{
	if (!v)
		return;
	for (char **s = v; *s; s++)
		free(*s);
	free(v);
}

void strv_take(char ***v, char *s)
{
	size_t n = strv_len(*v);

	/* Room grows by doubling; the length is found by walking, lists here are short. */
	if (!*v || (n & (n + 1)) == 0)
		*v = xreallocarray(*v, (n + 1) * 2, sizeof(char *));
	(*v)[n] = s;
	(*v)[n + 1] = NULL;
}

void strv_add(char ***v, const char *s)
{
	strv_take(v, xstrdup(s));
}

void strv_addf(char ***v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(v, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_extend(char ***v, char *const *more)
{
	strv_foreach (s, more)
		strv_add(v, *s);
}

char **strv_dup(char *const *v)
{
	char **copy = NULL;

	strv_extend(&copy, v);
	return copy;
}

char **strv_split(const char *s, const char *separators)
{
	char **v = NULL;

	for (;;) {
		size_t n = strcspn(s, separators);
		strv_take(&v, xstrndup(s, n));
		if (!s[n])
			return v;
		s += n + 1;
	}
}

char *strv_join(char *const *v, const char *separator)
{
	size_t len = 1, sep = strlen(separator);
	char *out, *p;

	strv_foreach (s, v)
		len += strlen(*s) + sep;
	p = out = xmalloc(len);
	strv_foreach (s, v) {
		if (p != out)
			p = mempcpy(p, separator, sep);
		p = mempcpy(p, *s, strlen(*s));
	}
	*p = '\0';
	return out;
}

int strv_has(char *const *v, const char *s)
{
	strv_foreach (i, v)
		if (streq(*i, s))
			return 1;
	return 0;
}

static char **env_find(char **v, const char *key, size_t len)
{
	for (; v && *v; v++)
		if (strncmp(*v, key, len) == 0 && (*v)[len] == '=')
			return v;
	return NULL;
}

void strv_env_set(char ***v, const char *assignment)
{
	char **old = env_find(*v, assignment, strcspn(assignment, "="));

	if (old)
		str_set(old, assignment);
	else
		strv_add(v, assignment);
}

void strv_env_unset(char **v, const char *key)
{
	char **old = env_find(v, key, strlen(key));

	if (!old)
		return;
	free(*old);
	for (; *old; old++)
		*old = old[1];
}

const char *strv_env_get(char *const *v, const char *key)
{
	size_t len = strlen(key);
	char **found = env_find((char **)v, key, len);

	return found ? *found + len + 1 : NULL;
}
