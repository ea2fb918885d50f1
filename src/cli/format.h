/* format.h: --format: "json", and the field look-ups of Go templates that scripts type most:
 * {{.State.Status}}, {{json .Mounts}}, {{index .Config.Labels "k"}}, text around them, \t and \n.
 */
#pragma once

#include "base/err.h"
#include "base/json.h"

/* The text for one object, without a newline at the end; NULL with *e. */
char *format_text(const char *format, const json_t *object, struct err *e);
