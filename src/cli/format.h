/* format.h: --format of one object: "json" or a Go template (template.h). Lists have list.h. */
#pragma once

#include "base/err.h"
#include "base/json.h"

struct template_member;

/* 0, or -1 and *e with Docker's exit status 64 when the text is no template. */
int format_check(const char *format, struct err *e);
/* The text for one object, without a newline at the end; NULL with *e. members (closed by a NULL
 * name, may be NULL) says which of the object's members are maps and which may be missing. */
char *format_text(
	const char *format, json_t *object, const struct template_member *members, struct err *e);
