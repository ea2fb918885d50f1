/* users.h: who a container's program runs as, by the image's own passwd and group files, which are
 * hostile input. Speaking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct users_who {
	uint32_t uid, gid;
	uint32_t *groups; /* supplementary, gid first (CVE-2022-36109) */
	size_t n_groups;
	char *home; /* "/" when passwd does not say */
};
void users_who_done(struct users_who *w);

/* user: "", "name", "uid", "name:group", "uid:gid". group_add: names and numbers. Reads /etc/passwd
 * and /etc/group through the layers (layered.h). */
int users_look_up(char *const *layers, const char *user, char *const *group_add,
	struct users_who *out, struct err *e);
/* The same from the texts of the files (NULL: there is no such file). */
int users_resolve(const char *passwd, const char *group, const char *user, char *const *group_add,
	struct users_who *out, struct err *e);
