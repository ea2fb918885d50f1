/* tar_number.c: the ways numbers are written in tar. */
#include <string.h>

#include "image/transfer/tar_parts.h"

/* GNU and star: first byte 0x80 positive, 0xff negative, the rest two's complement, big-endian. */
static int base256(const uint8_t *f, size_t len, int64_t *out)
{
	uint64_t v = f[0] == 0xff ? UINT64_MAX : 0;
	uint8_t sign = f[0] == 0xff ? 0xff : 0;

	if (f[0] != 0x80 && f[0] != 0xff)
		return -1;
	for (size_t i = 1; i < len; i++) {
		/* What is shifted out must be sign, and the sign must stay. */
		if ((uint8_t)(v >> 56) != sign)
			return -1;
		v = v << 8 | f[i];
	}
	if ((v >> 63) != (sign & 1))
		return -1;
	*out = (int64_t)v;
	return 0;
}

int tar_number(const uint8_t *f, size_t len, int64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	if (f[0] & 0x80)
		return base256(f, len, out);
	while (i < len && f[i] == ' ')
		i++;
	for (; i < len && f[i] >= '0' && f[i] <= '7'; i++) {
		if (v >> 60)
			return -1;
		v = v << 3 | (uint64_t)(f[i] - '0');
	}
	/* Closed by a blank or NUL (or the field's end); old writers leave rubbish behind it. */
	if (i < len && f[i] && f[i] != ' ')
		return -1;
	*out = (int64_t)v;
	return 0;
}

int tar_decimal(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -1;
	}
	if (v > max)
		return -1;
	*out = v;
	return 0;
}

/* Digits behind the point: nine count, the others are cut off. */
static int fraction(const char *s, long *out)
{
	long v = 0, scale = 100000000;

	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v += (*s - '0') * scale;
		scale /= 10;
	}
	*out = v;
	return 0;
}

int tar_time(const char *s, struct timespec *out)
{
	int negative = *s == '-';
	const char *point;
	char whole[24];
	uint64_t sec;
	long nsec = 0;
	size_t n;

	s += negative;
	point = strchr(s, '.');
	n = point ? (size_t)(point - s) : strlen(s);
	if (n >= sizeof(whole))
		return -1;
	memcpy(whole, s, n);
	whole[n] = '\0';
	if (tar_decimal(whole, INT64_MAX - 1, &sec) < 0 ||
		(point && fraction(point + 1, &nsec) < 0))
		return -1;
	out->tv_sec = negative ? -(time_t)sec : (time_t)sec;
	out->tv_nsec = nsec;
	if (negative && nsec) {
		out->tv_sec--;
		out->tv_nsec = 1000000000 - nsec;
	}
	return 0;
}
