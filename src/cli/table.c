/* table.c: columns as Docker prints them. */
#include "cli/table.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"

#define MIN_WIDTH 10
#define GAP 3

/* Code points: continuation bytes of UTF-8 take no place of their own. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_start(struct table *t, const char *const *headings, size_t n)
{
	*t = (struct table){.columns = n};
	for (size_t i = 0; i < n; i++)
		table_cell(t, headings[i]);
}

void table_cell(struct table *t, const char *text)
{
	char *copy = xstrdup(text);

	/* What an image or a user named must not move the terminal's cursor. */
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = xreallocarray(t->cells, t->cap, sizeof(*t->cells));
	}
	t->cells[t->n++] = copy;
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	table_cell(t, text);
}

void table_print(struct table *t, FILE *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < t->n; i++) {
		size_t w = width(t->cells[i]) + GAP, *max = &widths[i % t->columns];
		if (w > *max)
			*max = w;
	}
	for (size_t i = 0; i < t->n; i++) {
		size_t column = i % t->columns, w = widths[column];
		fputs(t->cells[i], out);
		if (column + 1 == t->columns) {
			fputc('\n', out);
			continue;
		}
		if (w < MIN_WIDTH)
			w = MIN_WIDTH;
		fprintf(out, "%*s", (int)(w - width(t->cells[i])), "");
	}
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}

const char *table_id(const char *id, int full, char buf[72])
{
	const char *hex = str_after(id, "sha256:");

	if (full)
		return id;
	snprintf(buf, 72, "%.12s", hex ? hex : id);
	return buf;
}

char *table_cut(const char *text, size_t max)
{
	const char *p = text;
	size_t n = 0;

	if (width(text) <= max)
		return xstrdup(text);
	for (; *p; p++)
		if (((unsigned char)*p & 0xc0) != 0x80 && n++ == max - 1)
			break;
	return xasprintf("%.*s…", (int)(p - text), text);
}

const char *table_ago(int64_t ns, char buf[48])
{
	char words[TIME_TEXT_MAX];

	if (ns <= 0)
		return "N/A";
	time_ago((time_now_ns() - ns) / 1000000000, words);
	snprintf(buf, 48, "%s ago", words);
	return buf;
}

const char *table_time(int64_t ns, char buf[48])
{
	time_t seconds = ns / 1000000000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(buf, 48, "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return buf;
}

char *table_quote(const char *text)
{
	static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";
	auto_buf struct buf b = BUF_MAX(strlen(text) * 4 + 2);

	buf_putc(&b, '"');
	for (; *text; text++) {
		const char *hit = strchr(from, *text);
		if (hit)
			buf_printf(&b, "\\%c", to[hit - from]);
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			buf_printf(&b, "\\x%02x", (unsigned char)*text);
		else
			buf_putc(&b, *text);
	}
	buf_putc(&b, '"');
	return buf_steal(&b);
}
