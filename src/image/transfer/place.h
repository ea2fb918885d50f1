/* place.h: from an entry's name to the folder it belongs in. The folder of the last entry is kept
 * open: in most archives the next one lies in the same. */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "base/err.h"

struct place {
	int rootfd;
	int fd; /* of the folder `parent`, O_PATH; -1: none */
	char parent[PATH_MAX];
	uint64_t made; /* folders that had no entry of their own yet */
};

/* A name as archives have it ("./usr//bin/", "/etc") as a path beneath the root ("usr/bin", "etc",
 * "" for the root itself). -1 *e when it has a ".." or is too long. */
int place_clean(const char *name, char out[PATH_MAX], struct err *e);
/* The folder that path (cleaned, not "") lies in, which is made when it is missing, and its last
 * component. The descriptor stays p's. */
int place_parent(struct place *p, const char *path, const char **out_name, struct err *e);
/* The same for what was there once: nothing is made, -errno when it is gone. */
int place_look(struct place *p, const char *path, const char **out_name);
/* After anything was replaced: what is kept may be something else by now. */
void place_forget(struct place *p);
