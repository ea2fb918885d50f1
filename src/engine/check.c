/* check.c: hull system check: everything is accounted for.
 *
 * How it works: first it only looks. What others are at at this moment can look like damage for an
 * instant, so what was found is looked for again a moment later, and only what is there both times
 * counts. A repair looks a third time, at each thing under the lock that its users hold: the
 * database's write lock for the store, a container's lock for what it has, and the lock of the run
 * folder for what is made before there is a container (launch.c). */
#define _GNU_SOURCE
#include "engine/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/delegate.h"
#include "engine/mode.h"
#include "image/store_check.h"

#define AGAIN_MS 200
#define ALONE_TRIES 200 /* each 5 ms */
#define REPAIR_ROUNDS 5

static void add(struct engine_check *out, int state, const char *kind, const char *name,
	const char *problem, const char *repair)
{
	out->v = xreallocarray(out->v, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct engine_finding){.kind = xstrdup(kind),
		.name = xstrdup(name),
		.problem = xstrdup(problem),
		.repair = xstrdup(repair),
		.state = state};
}

void check_tell(struct check *c, int r, const char *kind, const char *name, const char *repair,
	const char *fmt, ...)
{
	const char *why = c->why.text[0] ? c->why.text : strerror(r < 0 ? -r : 0);
	auto_free char *problem = NULL, *failed = NULL;
	va_list ap;

	va_start(ap, fmt);
	problem = xvasprintf(fmt, ap);
	va_end(ap);
	if (c->repair && r < 0)
		failed = xasprintf("%s (repair failed: %s)", problem, why);
	c->why = (struct err){0};
	add(c->out,
		!c->repair ? FINDING_FOUND
		: r < 0	   ? FINDING_FAILED
			   : FINDING_REPAIRED,
		kind, name, failed ? failed : problem, repair);
}

void check_leave(struct check *c, const char *kind, const char *name, const char *advice,
	const char *fmt, ...)
{
	auto_free char *problem = NULL;
	va_list ap;

	va_start(ap, fmt);
	problem = xvasprintf(fmt, ap);
	va_end(ap);
	add(c->out, FINDING_LEFT, kind, name, problem, advice);
}

const struct container_row *check_row(const struct check *c, const char *id)
{
	for (size_t i = 0; i < c->n_rows; i++)
		if (streq(c->rows[i].id, id))
			return &c->rows[i];
	return NULL;
}

int check_is_id(const char *name)
{
	return strlen(name) == ENGINE_ID_LEN && strspn(name, "0123456789abcdef") == ENGINE_ID_LEN;
}

/* ---- the store */

static void from_store(void *ctx, const struct store_finding *f)
{
	static const int states[] = {
		[STORE_FOUND] = FINDING_FOUND,
		[STORE_REPAIRED] = FINDING_REPAIRED,
		[STORE_LEFT] = FINDING_LEFT,
		[STORE_FAILED] = FINDING_FAILED,
	};
	struct check *c = ctx;

	add(c->out, states[f->state], f->kind, f->name, f->problem, f->repair);
}

static int image_user(void *ctx, const char *image_id, char container_id[65])
{
	struct check *c = ctx;

	return container_store_image_user(c->en->db, image_id, container_id, NULL) != 0;
}

static int check_store(struct check *c, struct err *e)
{
	struct store_check s = {.repair = c->repair,
		.deep = c->deep,
		.found = from_store,
		.in_use = image_user,
		.ctx = c};

	if (store_check(c->en->store, &s, e) < 0)
		return -1;
	c->out->images = s.n_images;
	c->out->layers = s.n_layers;
	c->out->blobs = s.n_blobs;
	c->out->busy += s.n_busy;
	if (c->deep) {
		c->out->read_layers = c->deep->n_layers;
		c->out->read_blobs = c->deep->n_blobs;
		c->out->unread_layers = c->deep->n_unknown;
	}
	return 0;
}

/* ---- one look at everything */

/* The lock that every starting hull shares until its container has its own (launch.c). When one
 * does not end, nothing of what it may be at is judged. */
static int lock_starters(struct engine *en)
{
	auto_fd int fd = openat(en->runroot_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && i < ALONE_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return take_fd(&fd);
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return -1;
}

static int look(struct engine *en, int repair, struct store_deep *deep, struct engine_check *out,
	struct err *e)
{
	struct check c = {.en = en, .repair = repair, .deep = deep, .out = out};
	auto_fd int starters = -1;
	int r = -1, damaged;

	if (delegate_probe(&c.cgroups, NULL) < 0)
		c.cgroups = (struct cgroup_host){0};
	/* Containers first: what they no longer use is the store's garbage. */
	damaged = check_databases(&c);
	if (damaged) {
		r = 0; /* what else there is cannot be judged */
	} else if (container_store_list(en->db, &c.rows, &c.n_rows, e) == 0) {
		check_rows(&c);
		check_kept_folders(&c);
		check_processes(&c);
		check_ids(&c);
		check_cgroups(&c);
		check_mounts(&c);
		r = check_store(&c, e);
		starters = lock_starters(en);
		c.alone = starters >= 0;
		check_run_folders(&c);
		check_networks(&c);
		check_caches(&c);
	}
	for (size_t i = 0; i < c.n_rows; i++)
		container_row_done(&c.rows[i]);
	free(c.rows);
	cgroup_host_done(&c.cgroups);
	return r;
}

static void finding_done(struct engine_finding *f)
{
	free(f->kind);
	free(f->name);
	free(f->problem);
	free(f->repair);
}

void engine_check_done(struct engine_check *c)
{
	for (size_t i = 0; i < c->n; i++)
		finding_done(&c->v[i]);
	free(c->v);
	*c = (struct engine_check){0};
}

static int has(const struct engine_check *c, const struct engine_finding *f)
{
	for (size_t i = 0; i < c->n; i++)
		if (streq(c->v[i].kind, f->kind) && streq(c->v[i].name, f->name) &&
			streq(c->v[i].problem, f->problem))
			return 1;
	return 0;
}

/* Of c only what `before` has, too. */
static void keep_common(struct engine_check *c, const struct engine_check *before)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (has(before, &c->v[i]))
			c->v[n++] = c->v[i];
		else
			finding_done(&c->v[i]);
	}
	c->n = n;
}

static int look_twice(
	struct engine *en, struct store_deep *deep, struct engine_check *out, struct err *e)
{
	struct engine_check first = {0};
	int r = look(en, 0, deep, &first, e);

	if (r < 0 || !first.n) {
		*out = first;
		return r;
	}
	nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
	r = look(en, 0, deep, out, e);
	if (r == 0)
		keep_common(out, &first);
	engine_check_done(&first);
	return r;
}

/* The findings of `from` move to the end of `to`; its counts take the place of the older ones. */
static void merge(struct engine_check *to, struct engine_check *from, int only_repaired)
{
	struct engine_check old = *to;

	*to = *from;
	to->v = xreallocarray(old.v, old.n + from->n + 1, sizeof(*old.v));
	to->n = old.n;
	for (size_t i = 0; i < from->n; i++) {
		if (only_repaired && from->v[i].state != FINDING_REPAIRED)
			finding_done(&from->v[i]);
		else
			to->v[to->n++] = from->v[i];
	}
	free(from->v);
	*from = (struct engine_check){0};
}

static int any_repaired(const struct engine_check *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].state == FINDING_REPAIRED)
			return 1;
	return 0;
}

/* Until nothing more turns up: what a container no longer needs is found when it is gone. */
static int repair_all(
	struct engine *en, struct store_deep *deep, struct engine_check *out, struct err *e)
{
	int more = 1;

	for (int i = 0; more; i++) {
		struct engine_check now = {0};

		if (look(en, 1, deep, &now, e) < 0) {
			engine_check_done(&now);
			return -1;
		}
		more = any_repaired(&now) && i < REPAIR_ROUNDS;
		merge(out, &now, more);
	}
	return 0;
}

static int check_opened(struct engine *en, int repair, struct store_deep *deep,
	struct engine_check *out, struct err *e)
{
	struct engine_check now = {0};

	if (mode_enter(en, e) < 0 || look_twice(en, deep, &now, e) < 0)
		return -1;
	if (!repair || !now.n) {
		merge(out, &now, 0);
		return 0;
	}
	engine_check_done(&now);
	return repair_all(en, deep, out, e);
}

int engine_check(const struct engine_options *o, int flags, struct engine_check *out, struct err *e)
{
	const int repair = (flags & CHECK_REPAIR) != 0;
	struct store_deep deep = {0};
	struct engine *en = NULL;
	struct err why = {0};
	int r;

	*out = (struct engine_check){0};
	if (engine_open(o, &en, &why) < 0) {
		r = check_lost_databases(o, repair, &why, out);
		if (r < 0) {
			if (e)
				*e = why;
			return -1;
		}
		if (r == 0)
			return 0;
		if (engine_open(o, &en, e) < 0)
			return -1;
	}
	r = check_opened(en, repair, flags & CHECK_DEEP ? &deep : NULL, out, e);
	store_deep_done(&deep);
	engine_close(en);
	return r;
}
