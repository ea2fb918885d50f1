/* parse.h: numbers and sizes as Docker's users type them, and sizes as they read them. Quiet:
 * 0 or -EINVAL / -ERANGE. */
#pragma once

#include <stdint.h>

int parse_i64(const char *s, int64_t *out);  /* whole text, decimal, sign allowed */
int parse_u32(const char *s, uint32_t *out); /* digits only */
int parse_bool(const char *s, int *out); /* Go's: 1 t T TRUE true True 0 f F FALSE false False */
/* Bytes: a decimal number with [bkmgtp][i][b], base 1024, case-blind ("64m", "1.5g", "1024"). */
int parse_bytes(const char *s, int64_t *out);
/* "1.5" -> 1500000000 (nano CPUs); at most nine decimals. */
int parse_nano(const char *s, int64_t *out);

#define PARSE_SIZE_MAX 32
/* Docker's decimal sizes: "7.8MB", "118MB", 3 significant digits. */
void format_size(int64_t bytes, char out[PARSE_SIZE_MAX]);
/* The known word that is nearest to `word`, or NULL when none is near (edit distance at most
 * a third of its length, at least 2). words: NULL-terminated. */
const char *parse_nearest(const char *word, const char *const *words);
