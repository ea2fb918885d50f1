/* idrange.h: which user and group ids of the host a container gets. Ids from IDRANGE_FIRST on are
 * cut into slots of 65536; a container has one slot, or several in a row when its image holds
 * larger ids. What belongs to somebody (lines of /etc/subuid and /etc/subgid, users and groups of
 * the host) is never given out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"

#define IDRANGE_FIRST UINT32_C(524288)
#define IDRANGE_LAST UINT32_C(1879048191)
#define IDRANGE_SIZE UINT32_C(65536)
#define IDRANGE_SLOTS ((int64_t)(((uint64_t)IDRANGE_LAST + 1 - IDRANGE_FIRST) / IDRANGE_SIZE))
#define IDRANGE_SLOTS_MAX 1024 /* for one container: 64 Mi ids */

struct idrange_taken { /* slots that are not ours to give, first to last */
	struct {
		int64_t first, last;
	} * v;
	size_t n;
};

/* Quiet. The ids start..start+count-1 belong to somebody. */
void idrange_taken_add(struct idrange_taken *t, uint64_t start, uint64_t count);
/* The lines of a file: subid: "name:start:count"; else passwd or group: the third field is an id.
 */
void idrange_taken_parse(struct idrange_taken *t, char *text, int subid);
/* Those of this host. */
void idrange_taken_read(struct idrange_taken *t);
void idrange_taken_done(struct idrange_taken *t);
/* 0 when slots first..first+n-1 are free of them, else the slot behind the last one in the way. */
int64_t idrange_taken_hit(const struct idrange_taken *t, int64_t first, int64_t n);

/* n free slots in a row, found from a random start: one look into the index of containers as long
 * as few are taken. Within a transaction. Speaking. */
int idrange_find(
	struct db *db, const struct idrange_taken *t, int64_t n, int64_t *out_slot, struct err *e);
/* Slots that a container needs whose highest id is id_max; -1: too many. */
int64_t idrange_slots(int64_t id_max);
static inline uint32_t idrange_host_id(int64_t slot)
{
	return IDRANGE_FIRST + (uint32_t)slot * IDRANGE_SIZE;
}
