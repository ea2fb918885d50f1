/* tar_header.h: the 512 bytes before each member of a tar archive (pax(1), "ustar Interchange
 * Format"; tar(5)): where the fields lie, and how they are written. In the header: hull and its
 * worker share it, and neither links the other's code. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TAR_UNIT ((size_t)512)

enum {
	AT_NAME = 0,
	AT_MODE = 100,
	AT_UID = 108,
	AT_GID = 116,
	AT_SIZE = 124,
	AT_MTIME = 136,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_LINK = 157,
	AT_MAGIC = 257,
	AT_MAJOR = 329,
	AT_MINOR = 337,
	AT_PREFIX = 345,
	AT_STAR = 508,
	NAME_SIZE = 100,
	PREFIX_SIZE = 155,
	STAR_PREFIX_SIZE = 131,
};

static inline void tar_header_start(uint8_t h[TAR_UNIT], char type)
{
	memset(h, 0, TAR_UNIT);
	h[AT_TYPE] = (uint8_t)type;
	memcpy(h + AT_MAGIC, "ustar\00000", 8);
}

/* Into a field of len (8 or 12) bytes: 0 when v fits into its octal digits; -1, and nothing is
 * written. */
static inline int tar_header_number(uint8_t *field, size_t len, uint64_t v)
{
	char text[32];

	if (len < 12 ? v >> (3 * (len - 1)) : v >> 33)
		return -1;
	snprintf(text, sizeof(text), "%0*llo", (int)len - 1, (unsigned long long)v);
	memcpy(field, text, len);
	return 0;
}

/* The last thing: the sum over all of it. */
static inline void tar_header_sum(uint8_t h[TAR_UNIT])
{
	char text[12];
	unsigned sum = 0;

	memset(h + AT_SUM, ' ', 8);
	for (size_t i = 0; i < TAR_UNIT; i++)
		sum += h[i];
	snprintf(text, sizeof(text), "%06o", sum & 0777777);
	memcpy(h + AT_SUM, text, 7);
}
