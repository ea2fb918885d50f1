/* cgroup_limit.c: limits of a cgroup, in the words of v1 and of v2. Memory and processes; the rest
 * is in cgroup_limit_cpu.c and cgroup_limit_io.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cgroup_limiter.h"
#include "kernel/cgroup_v2.h"

static void lacks(struct limiter *l, enum cgroup_feature feature)
{
	if (l->want->lacks)
		l->want->lacks(l->want->lacks_ctx, feature);
}

int limiter_use(struct limiter *l, const char *controller, enum cgroup_feature feature)
{
	l->controller = controller;
	l->hier = cgroup_find(l->host, controller);
	if (l->hier)
		return 1;
	lacks(l, feature);
	return 0;
}

int limiter_try(struct limiter *l, const char *file, const char *value)
{
	auto_free char *full = xasprintf("%s%s/%s", l->hier->mount, l->path, file);
	int r = fd_write_value(AT_FDCWD, full, value);

	if (r != -ENOENT || !l->hier->v2)
		return r;
	cgroup_v2_enable(l->host, l->hier, l->path, l->controller);
	return fd_write_value(AT_FDCWD, full, value);
}

static void number_text(const struct limiter *l, int64_t value, char out[32])
{
	if (l->hier->v2 && value < 0)
		str_copy(out, 32, "max");
	else
		snprintf(out, 32, "%" PRId64, value);
}

int limiter_try_number(struct limiter *l, const char *file, int64_t value)
{
	char text[32];

	number_text(l, value, text);
	return limiter_try(l, file, text);
}

int limiter_check(
	struct limiter *l, int r, enum cgroup_feature feature, const char *file, const char *value)
{
	if (r >= 0)
		return 0;
	if (r == -ENOENT && l->hier->v2 && !cgroup_v2_has(l->hier->mount, l->path, l->controller) &&
		cgroup_v2_has(l->hier->mount, "", l->controller))
		return err_set(l->e, ERR_UNSUPPORTED,
			"cannot limit %s: a cgroup above %s%s does not hand the controller down "
			"(one with processes of its own cannot)",
			l->controller, l->hier->mount, l->path);
	if (r == -ENOENT) {
		lacks(l, feature);
		return 0;
	}
	return err_sys(l->e, r, "cannot set %s%s/%s to %s", l->hier->mount, l->path, file, value);
}

int limiter_set(struct limiter *l, enum cgroup_feature feature, const char *file, const char *value)
{
	return limiter_check(l, limiter_try(l, file, value), feature, file, value);
}

int limiter_set_number(
	struct limiter *l, enum cgroup_feature feature, const char *file, int64_t value)
{
	char text[32];

	number_text(l, value, text);
	return limiter_set(l, feature, file, text);
}

static int memory_v1(struct limiter *l)
{
	static const char limit[] = "memory.limit_in_bytes", swap[] = "memory.memsw.limit_in_bytes";
	const struct cgroup_limits *x = l->want;
	char text[32];
	int r;

	if (!x->memory_set)
		return x->swap_set ? limiter_set_number(l, CGROUP_SWAP, swap, x->swap) : 0;
	number_text(l, x->memory, text);
	r = limiter_try(l, limit, text);
	if (r == -EINVAL && x->swap_set) {
		/* Above what memory plus swap may be so far: raise that first. */
		if (limiter_set_number(l, CGROUP_SWAP, swap, x->swap) < 0)
			return -1;
		return limiter_set(l, CGROUP_MEMORY, limit, text);
	}
	if (limiter_check(l, r, CGROUP_MEMORY, limit, text) < 0)
		return -1;
	return x->swap_set ? limiter_set_number(l, CGROUP_SWAP, swap, x->swap) : 0;
}

static int memory_extra_v1(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;

	if (x->reservation_set && limiter_set_number(l, CGROUP_RESERVATION,
					  "memory.soft_limit_in_bytes", x->reservation) < 0)
		return -1;
	if (x->swappiness_set && limiter_set_number(l, CGROUP_SWAPPINESS, "memory.swappiness",
					 (int64_t)x->swappiness) < 0)
		return -1;
	return x->oom_kill_disable
		       ? limiter_set(l, CGROUP_OOM_KILL_DISABLE, "memory.oom_control", "1")
		       : 0;
}

/* OCI's swap is memory plus swap, v2's is swap alone. */
static int memory_v2(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;
	int64_t swap = -1;

	if (x->swap_set && x->swap >= 0) {
		if (!x->memory_set || x->memory < 0)
			return err_set(l->e, ERR_INVALID,
				"cannot limit memory plus swap to %" PRId64
				" bytes without a limit of memory",
				x->swap);
		if (x->swap < x->memory)
			return err_set(l->e, ERR_INVALID,
				"the limit of memory plus swap (%" PRId64
				") is below that of memory (%" PRId64 ")",
				x->swap, x->memory);
		swap = x->swap - x->memory;
	}
	/* Unlimited memory takes a limit of swap with it. */
	if ((x->swap_set || (x->memory_set && x->memory < 0)) &&
		limiter_set_number(l, CGROUP_SWAP, "memory.swap.max", swap) < 0)
		return -1;
	return x->memory_set ? limiter_set_number(l, CGROUP_MEMORY, "memory.max", x->memory) : 0;
}

/* Nothing of v1's swappiness and oom_control has a word in v2. */
static int memory_extra_v2(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;

	if (x->swappiness_set)
		lacks(l, CGROUP_SWAPPINESS);
	if (x->oom_kill_disable)
		lacks(l, CGROUP_OOM_KILL_DISABLE);
	return x->reservation_set
		       ? limiter_set_number(l, CGROUP_RESERVATION, "memory.low", x->reservation)
		       : 0;
}

static int limit_memory(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;

	if (!x->memory_set && !x->swap_set && !x->reservation_set && !x->swappiness_set &&
		!x->oom_kill_disable)
		return 0;
	if (!limiter_use(l, "memory", CGROUP_MEMORY))
		return 0;
	if (l->hier->v2)
		return memory_v2(l) < 0 ? -1 : memory_extra_v2(l);
	return memory_v1(l) < 0 ? -1 : memory_extra_v1(l);
}

static int limit_pids(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;

	if (!x->pids_set || !limiter_use(l, "pids", CGROUP_PIDS))
		return 0;
	if (x->pids < 0)
		return limiter_set(l, CGROUP_PIDS, "pids.max", "max");
	/* 0 would refuse the very first process when it is cloned into the cgroup. */
	return limiter_set_number(l, CGROUP_PIDS, "pids.max", x->pids ? x->pids : 1);
}

int cgroup_limit(
	const struct cgroup_host *h, const char *path, const struct cgroup_limits *l, struct err *e)
{
	struct limiter limiter = {.host = h, .path = path, .want = l, .e = e};

	if (limit_memory(&limiter) < 0 || limit_pids(&limiter) < 0 || limit_cpu(&limiter) < 0 ||
		limit_cpuset(&limiter) < 0 || limit_io(&limiter) < 0)
		return -1;
	return 0;
}
