/* idrange.c: which ids of the host a container gets.
 *
 * How it works: a random place is tried; what lies in the way there (a container's range, which one
 * look into the index on "slot" tells, or somebody's subordinate ids) is stepped over, and so on
 * around the ring. As long as most of the 28,664 slots are free that is one look, whatever the
 * number of containers. Random, because ids that a container had a moment ago should not be
 * another's the next moment: what the first left behind (a file on a bind mount, a kernel's
 * per-user count) would be the second's. */
#define _GNU_SOURCE
#include "engine/idrange.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/parse.h"

#define FILE_MAX_BYTES (16 << 20)

void idrange_taken_add(struct idrange_taken *t, uint64_t start, uint64_t count)
{
	uint64_t last;

	if (!count || start > IDRANGE_LAST)
		return;
	last = count - 1 > IDRANGE_LAST - start ? IDRANGE_LAST : start + count - 1;
	if (last < IDRANGE_FIRST)
		return;
	start = start < IDRANGE_FIRST ? IDRANGE_FIRST : start;
	t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n].first = (int64_t)((start - IDRANGE_FIRST) / IDRANGE_SIZE);
	t->v[t->n++].last = (int64_t)((last - IDRANGE_FIRST) / IDRANGE_SIZE);
}

/* The field's number, or -1. *field is moved behind the colon, NULL at the end of the line. */
static int64_t next_number(char **field)
{
	char *text = strsep(field, ":");
	uint32_t value;

	return text && parse_u32(text, &value) == 0 ? (int64_t)value : -1;
}

void idrange_taken_parse(struct idrange_taken *t, char *text, int subid)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		int64_t start, count = 1;

		strsep(&line, ":");
		if (!subid)
			strsep(&line, ":");
		start = line ? next_number(&line) : -1;
		if (subid)
			count = line ? next_number(&line) : -1;
		if (start >= 0 && count > 0)
			idrange_taken_add(t, (uint64_t)start, (uint64_t)count);
	}
}

void idrange_taken_read(struct idrange_taken *t)
{
	static const struct {
		const char *path;
		int subid;
	} files[] = {
		{"/etc/subuid", 1},
		{"/etc/subgid", 1},
		{"/etc/passwd", 0},
		{"/etc/group", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_buf struct buf b = BUF_MAX(FILE_MAX_BYTES);

		if (fd_read_file(AT_FDCWD, files[i].path, &b) == 0 && b.data)
			idrange_taken_parse(t, b.data, files[i].subid);
	}
}

void idrange_taken_done(struct idrange_taken *t)
{
	free(t->v);
	*t = (struct idrange_taken){0};
}

int64_t idrange_taken_hit(const struct idrange_taken *t, int64_t first, int64_t n)
{
	int64_t behind = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].first < first + n && t->v[i].last >= first && t->v[i].last >= behind)
			behind = t->v[i].last + 1;
	return behind;
}

/* The same for containers: the last range that begins before the end of ours must end before us. */
static int container_hit(struct db *db, int64_t first, int64_t n, int64_t *out, struct err *e)
{
	int64_t end = 0;
	int r = db_int(db, &end, e,
		"SELECT max(ifnull((SELECT slot + n_slots FROM main.containers WHERE slot < ?1 "
		"ORDER BY "
		"slot DESC LIMIT 1), 0), ifnull((SELECT slot + n_slots FROM run.containers WHERE "
		"slot < "
		"?1 ORDER BY slot DESC LIMIT 1), 0))",
		"i", first + n);

	*out = r == 1 && end > first ? end : 0;
	return r < 0 ? -1 : 0;
}

int idrange_find(
	struct db *db, const struct idrange_taken *t, int64_t n, int64_t *out_slot, struct err *e)
{
	int64_t room = IDRANGE_SLOTS - n, at, start, behind;
	uint32_t random;
	int wrapped = 0;

	if (hash_random_bytes(&random, sizeof(random)) < 0)
		random = 0;
	at = start = (int64_t)random % (room + 1);
	for (;;) {
		behind = idrange_taken_hit(t, at, n);
		if (!behind && container_hit(db, at, n, &behind, e) < 0)
			return -1;
		if (!behind) {
			*out_slot = at;
			return 0;
		}
		at = behind;
		if (at > room) {
			wrapped++;
			at = 0;
		}
		if (wrapped > 1 || (wrapped && at > start))
			return err_set(e, ERR_CONFLICT,
				"no range of %lld free user ids is left between %u and %u: remove "
				"containers, or lines of /etc/subuid",
				(long long)(n * IDRANGE_SIZE), IDRANGE_FIRST, IDRANGE_LAST);
	}
}

int64_t idrange_slots(int64_t id_max)
{
	int64_t n = (id_max < 0 ? 0 : id_max) / IDRANGE_SIZE + 1;

	return n > IDRANGE_SLOTS_MAX ? -1 : n;
}
