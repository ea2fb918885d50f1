/* bootstrap.h: inside the image folder only: what the machine's apt knows. */
#pragma once

#include "base/buf.h"

/* The first archive of `distribution` ("debian", "ubuntu") in apt's sources: one-line and deb822
 * files beneath etc ("/etc/apt"). Caller frees; NULL when there is none. */
char *bootstrap_mirror(const char *etc, const char *distribution);
/* The same for the text of one file; 1: *out is set. */
int bootstrap_mirror_line(const char *text, const char *distribution, char **out);
int bootstrap_mirror_deb822(const char *text, const char *distribution, char **out);
