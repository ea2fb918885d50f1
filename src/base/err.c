/* err.c: filling struct err. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void one_line(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

static int fill(struct err *e, enum err_kind kind, int errnum, const char *fmt, va_list ap)
{
	if (!e)
		return -1;
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->errnum = errnum;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	one_line(e->text);
	return -1;
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!e)
		return -1;
	if (errnum < 0)
		errnum = -errnum;
	va_start(ap, fmt);
	fill(e, errnum == EACCES || errnum == EPERM ? ERR_DENIED : ERR_SYSTEM, errnum, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(errnum));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	va_list ap;
	size_t len;

	if (!e)
		return -1;
	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	/* A prefix that fills the line leaves no room: the cut is wanted. */
	if (len + 3 < sizeof(e->text)) {
		memcpy(e->text + len, ": ", 2);
		len += 2;
		size_t n = strnlen(old, sizeof(old) - 1);
		if (n > sizeof(e->text) - 1 - len)
			n = sizeof(e->text) - 1 - len;
		memcpy(e->text + len, old, n);
		e->text[len + n] = '\0';
	}
	one_line(e->text);
	return -1;
}

int err_status(struct err *e, int status)
{
	if (e)
		e->status = status;
	return -1;
}
