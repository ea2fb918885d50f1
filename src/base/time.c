/* time.c: times as users read them. */
#define _GNU_SOURCE
#include "base/time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define SECOND INT64_C(1000000000)

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

int64_t time_now_ns(void)
{
	return now(CLOCK_REALTIME);
}

int64_t time_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

void time_format(int64_t ns, char out[TIME_TEXT_MAX])
{
	time_t sec = ns / SECOND;
	long frac = ns % SECOND;
	struct tm tm;
	char digits[12];
	size_t n;

	if (frac < 0) {
		frac += SECOND;
		sec--;
	}
	gmtime_r(&sec, &tm);
	n = strftime(out, TIME_TEXT_MAX - 12, "%Y-%m-%dT%H:%M:%S", &tm);
	if (frac) {
		snprintf(digits, sizeof(digits), ".%09ld", frac);
		for (size_t len = strlen(digits); digits[len - 1] == '0'; len--)
			digits[len - 1] = '\0';
		str_copy(out + n, TIME_TEXT_MAX - n, digits);
		n += strlen(digits);
	}
	str_copy(out + n, TIME_TEXT_MAX - n, "Z");
}

int time_parse(const char *s, int64_t *out_ns)
{
	struct tm tm = {0};
	int64_t frac = 0, offset = 0, scale = SECOND / 10;
	int h, m;
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!p)
		return -1;
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++, scale /= 10)
			frac += (*p - '0') * scale;
	if (*p == '+' || *p == '-') {
		if (sscanf(p + 1, "%2d:%2d", &h, &m) != 2 || strlen(p) != 6)
			return -1;
		offset = (h * 60 + m) * 60 * (*p == '-' ? -1 : 1);
	} else if (strcmp(p, "Z") != 0) {
		return -1;
	}
	*out_ns = (timegm(&tm) - offset) * SECOND + frac;
	return 0;
}

void time_ago(int64_t s, char out[TIME_TEXT_MAX])
{
	int64_t minutes = s / 60, hours = (s + 1800) / 3600;

	if (s < 1)
		str_copy(out, TIME_TEXT_MAX, "Less than a second");
	else if (s == 1)
		str_copy(out, TIME_TEXT_MAX, "1 second");
	else if (s < 60)
		snprintf(out, TIME_TEXT_MAX, "%d seconds", (int)s);
	else if (minutes == 1)
		str_copy(out, TIME_TEXT_MAX, "About a minute");
	else if (minutes < 60)
		snprintf(out, TIME_TEXT_MAX, "%d minutes", (int)minutes);
	else if (hours == 1)
		str_copy(out, TIME_TEXT_MAX, "About an hour");
	else if (hours < 48)
		snprintf(out, TIME_TEXT_MAX, "%d hours", (int)hours);
	else if (hours < 24 * 14)
		snprintf(out, TIME_TEXT_MAX, "%d days", (int)(hours / 24));
	else if (hours < 24 * 60)
		snprintf(out, TIME_TEXT_MAX, "%d weeks", (int)(hours / 24 / 7));
	else if (hours < 24 * 365 * 2)
		snprintf(out, TIME_TEXT_MAX, "%d months", (int)(hours / 24 / 30));
	else
		snprintf(out, TIME_TEXT_MAX, "%d years", (int)(hours / 24 / 365));
}
