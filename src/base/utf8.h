/* utf8.h: characters of text from outside. Pure. */
#pragma once

#include <stddef.h>

/* Length of the well-formed UTF-8 character at s, 1 to 4: no overlong forms, no surrogates, at most
 * U+10FFFF (RFC 3629). 0: none is there. Reads nothing behind a '\0'. */
size_t utf8_char(const char *s);
/* The whole string is. */
int utf8_is_valid(const char *s);
