/* parse.c: numbers and sizes as they are typed and read. */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

int parse_i64(const char *s, int64_t *out)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)s[*s == '-' || *s == '+']))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*out = v;
	return 0;
}

int parse_u32(const char *s, uint32_t *out)
{
	int64_t v;
	int r;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	r = parse_i64(s, &v);
	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*out = (uint32_t)v;
	return 0;
}

int parse_bool(const char *s, int *out)
{
	static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
	static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (streq(s, yes[i]) || streq(s, no[i])) {
			*out = streq(s, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

/* digits[.digits]; returns where it ended or NULL. strtod would take "inf", "0x1" and exponents. */
static const char *number(const char *s, double *out)
{
	const char *p = s + strspn(s, "0123456789");
	char *end;

	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (p == s || (p == s + 1 && *s == '.'))
		return NULL;
	*out = strtod(s, &end);
	return end == p ? p : NULL;
}

int parse_bytes(const char *s, int64_t *out)
{
	static const char units[] = "kmgtp";
	const char *p, *unit;
	double v;

	p = number(s, &v);
	if (!p)
		return -EINVAL;
	if (*p == ' ')
		p++;
	if (*p && (unit = strchr(units, tolower((unsigned char)*p)))) {
		v *= (double)(INT64_C(1) << (10 * (unit - units + 1)));
		p++;
		if (tolower((unsigned char)*p) == 'i')
			p++;
	}
	if (tolower((unsigned char)*p) == 'b')
		p++;
	if (*p)
		return -EINVAL;
	if (v >= 9.2e18)
		return -ERANGE;
	*out = (int64_t)v;
	return 0;
}

int parse_nano(const char *s, int64_t *out)
{
	double v;
	const char *end = number(s, &v);
	const char *dot = strchr(s, '.');

	if (!end || *end || (dot && strlen(dot) > 10))
		return -EINVAL;
	if (v >= 9.2e9)
		return -ERANGE;
	*out = llround(v * 1e9);
	return 0;
}

void format_size(int64_t bytes, char out[PARSE_SIZE_MAX])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1000.0 && i + 1 < ARRAY_SIZE(units)) {
		v /= 1000.0;
		i++;
	}
	snprintf(out, PARSE_SIZE_MAX, "%.3g%s", v, units[i]);
	if (strchr(out, 'e')) /* 999.5 and up would be printed as 1e+03 */
		snprintf(out, PARSE_SIZE_MAX, "%.0f%s", v, units[i]);
}

static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(a), m = strlen(b);

	if (n >= ARRAY_SIZE(row) || m >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[m];
}

const char *parse_nearest(const char *word, const char *const *words)
{
	size_t limit = strlen(word) / 3 > 2 ? strlen(word) / 3 : 2, best = limit + 1;
	const char *found = NULL;

	for (; *words; words++) {
		size_t d = distance(word, *words);
		if (d < best && d < strlen(word)) {
			best = d;
			found = *words;
		}
	}
	return found;
}
