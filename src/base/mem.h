/* mem.h: allocation that aborts with one line instead of failing, scope-bound release, and
 * NULL-terminated string vectors (strv). */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void mem_free_ptr(void *p)
{
	free(*(void **)p);
}
#define auto_free __attribute__((cleanup(mem_free_ptr)))

/* Hand a pointer over: returns it and leaves NULL behind. */
#define take_ptr(p)                        \
	({                                 \
		__typeof__(p) *pp_ = &(p); \
		__typeof__(p) v_ = *pp_;   \
		*pp_ = NULL;               \
		v_;                        \
	})

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* Replace *dst (freed) by a copy of src. */
void str_set(char **dst, const char *src);

static inline int streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
/* src into dst[size], cut where it does not fit, always closed. */
static inline void str_copy(char *dst, size_t size, const char *src)
{
	if (!memccpy(dst, src, '\0', size - 1))
		dst[size - 1] = '\0';
}
/* After the prefix, or NULL. */
const char *str_after(const char *s, const char *prefix);
int str_ends(const char *s, const char *suffix);

/* A strv is a malloc'ed array of malloc'ed strings closed by NULL; NULL is an empty one. */
size_t strv_len(char *const *v);
void strv_free(char **v);
void strv_add(char ***v, const char *s); /* copies s */
void strv_take(char ***v, char *s);	 /* takes s */
void strv_addf(char ***v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_extend(char ***v, char *const *more); /* copies */
char **strv_dup(char *const *v);
char **strv_split(const char *s, const char *separators); /* empty parts are kept */
char *strv_join(char *const *v, const char *separator);
int strv_has(char *const *v, const char *s);
/* Environment lists ("K=V"): set replaces by key, get returns the value or NULL. */
void strv_env_set(char ***v, const char *assignment);
void strv_env_unset(char **v, const char *key);
const char *strv_env_get(char *const *v, const char *key);

static inline void strv_free_ptr(char ***v)
{
	strv_free(*v);
}
#define auto_strv __attribute__((cleanup(strv_free_ptr)))
#define strv_foreach(s, v) for (char *const *s = (v); s && *s; s++)
