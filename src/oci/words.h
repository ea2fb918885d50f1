/* words.h: the arguments of a Dockerfile instruction. Private to oci/. */
#pragma once

#include "base/err.h"

#define WORDS_MAX 4096

/* The words of a line, quotes and backslashes removed, variables ($NAME, ${NAME}, ${NAME:-else},
 * ${NAME:+then}) put in from env and from nowhere else. Speaking: none at all is an error, too. */
int words_read(char *const *env, const char *text, char ***out, struct err *e);
/* A JSON list of text -> 1; anything else -> 0, for Docker takes a broken list for shell text. */
int words_json(const char *text, char ***out);
/* Add s once; speaking: refuses more than WORDS_MAX. */
int words_add(char ***list, const char *s, struct err *e);
