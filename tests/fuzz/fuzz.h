/* fuzz.h: what the fuzz targets have in common. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(int condition)
{
	if (!condition)
		abort();
}

/* The input as up to n texts, cut at NULs (a corpus file has them as they are); those that are
 * missing stay NULL. Caller frees each. */
static inline void fuzz_texts(const uint8_t *data, size_t size, char **out, size_t n)
{
	const char *p = (const char *)data, *end = p + size;

	for (size_t i = 0; i < n && p <= end; i++) {
		size_t len = i + 1 < n ? strnlen(p, (size_t)(end - p)) : (size_t)(end - p);

		out[i] = xstrndup(p, len);
		p += len + 1;
	}
}
