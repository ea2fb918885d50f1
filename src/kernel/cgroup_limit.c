/* cgroup_limit.c: limits of a cgroup, in the words of v1 and of v2. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_v2.h"

struct limiter {
	const struct cgroup_host *host;
	const char *path;
	struct err *e;
	const struct cgroup_hier *hier; /* of the controller at hand */
	const char *controller;
};

/* Choose the controller's hierarchy. */
static int use(struct limiter *l, const char *controller)
{
	l->controller = controller;
	l->hier = cgroup_find(l->host, controller);
	if (l->hier)
		return 0;
	return err_set(l->e, ERR_UNSUPPORTED,
		"cannot limit %s: this host has no cgroup hierarchy with the %s controller",
		controller, controller);
}

/* -errno; on v2 the controller is enabled when its file is missing. */
static int try_write(struct limiter *l, const char *file, const char *value)
{
	auto_free char *full = xasprintf("%s%s/%s", l->hier->mount, l->path, file);
	int r = fd_write_value(AT_FDCWD, full, value);

	if (r != -ENOENT || !l->hier->v2)
		return r;
	cgroup_v2_enable(l->hier->mount, l->path, l->controller);
	return fd_write_value(AT_FDCWD, full, value);
}

static int try_number(struct limiter *l, const char *file, int64_t value)
{
	char text[32];

	if (l->hier->v2 && value < 0)
		str_copy(text, sizeof(text), "max");
	else
		snprintf(text, sizeof(text), "%" PRId64, value);
	return try_write(l, file, text);
}

/* Turn the result of try_* into an error that names file and value. */
static int check(struct limiter *l, int r, const char *file, int64_t value)
{
	if (r >= 0)
		return 0;
	if (r == -ENOENT)
		return err_set(l->e, ERR_UNSUPPORTED,
			"cannot limit %s: %s%s has no %s (the kernel lacks it, or a cgroup above "
			"does not hand the controller down)",
			l->controller, l->hier->mount, l->path, file);
	return err_sys(
		l->e, r, "cannot set %s%s/%s to %" PRId64, l->hier->mount, l->path, file, value);
}

static int set(struct limiter *l, const char *file, int64_t value)
{
	return check(l, try_number(l, file, value), file, value);
}

/* Kernels that do not account swap have no file for it; memory alone is limited there. */
static int set_swap(struct limiter *l, const char *file, int64_t value)
{
	int r = try_number(l, file, value);

	return r == -ENOENT ? 0 : check(l, r, file, value);
}

static int memory_v1(struct limiter *l, const struct cgroup_limits *x)
{
	static const char limit[] = "memory.limit_in_bytes", swap[] = "memory.memsw.limit_in_bytes";
	int r;

	if (!x->memory_set)
		return set_swap(l, swap, x->swap);
	r = try_number(l, limit, x->memory);
	if (r == -EINVAL && x->swap_set) {
		/* Above what memory plus swap may be so far: raise that first. */
		if (set_swap(l, swap, x->swap) < 0)
			return -1;
		return set(l, limit, x->memory);
	}
	if (check(l, r, limit, x->memory) < 0)
		return -1;
	return x->swap_set ? set_swap(l, swap, x->swap) : 0;
}

/* OCI's swap is memory plus swap, v2's is swap alone. */
static int memory_v2(struct limiter *l, const struct cgroup_limits *x)
{
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
		set_swap(l, "memory.swap.max", swap) < 0)
		return -1;
	return x->memory_set ? set(l, "memory.max", x->memory) : 0;
}

static int cpu_v1(struct limiter *l, const struct cgroup_limits *x)
{
	static const char quota[] = "cpu.cfs_quota_us", period[] = "cpu.cfs_period_us";
	int r = x->cpu_period_us ? try_number(l, period, x->cpu_period_us) : 0;

	/* A new period may not fit the old quota (or the parent's): once more after the new one. */
	if (r < 0 && (r != -EINVAL || !x->cpu_quota_us))
		return check(l, r, period, x->cpu_period_us);
	if (x->cpu_quota_us && set(l, quota, x->cpu_quota_us) < 0)
		return -1;
	return r < 0 ? set(l, period, x->cpu_period_us) : 0;
}

/* "QUOTA PERIOD"; what is not given stays as it is. */
static int cpu_v2(struct limiter *l, const struct cgroup_limits *x)
{
	auto_free char *file = xasprintf("%s%s/cpu.max", l->hier->mount, l->path);
	auto_buf struct buf old = BUF_MAX(128), value = BUF_MAX(128);

	if (x->cpu_quota_us < 0)
		buf_puts(&value, "max");
	else if (x->cpu_quota_us)
		buf_printf(&value, "%" PRId64, x->cpu_quota_us);
	else if (fd_read_file(AT_FDCWD, file, &old) == 0 && old.len)
		buf_add(&value, old.data, strcspn(old.data, " \n"));
	else
		buf_puts(&value, "max");
	if (x->cpu_period_us)
		buf_printf(&value, " %" PRId64, x->cpu_period_us);
	return check(l, try_write(l, "cpu.max", value.data), "cpu.max", x->cpu_quota_us);
}

/* 2..262144 shares, 1024 by default, as 1..10000, 100 by default: the curve of runc 1.3.2 and
 * crun 1.23 goes through all six points. */
static int64_t weight_of_shares(uint64_t shares)
{
	double l;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2((double)shares);
	return (int64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
}

static int limit_cpu(struct limiter *l, const struct cgroup_limits *x)
{
	int shares = x->shares_set && x->cpu_shares;

	if (!x->cpu_set && !shares)
		return 0;
	if (use(l, "cpu") < 0)
		return -1;
	if (x->cpu_set && (l->hier->v2 ? cpu_v2(l, x) : cpu_v1(l, x)) < 0)
		return -1;
	if (!shares)
		return 0;
	return l->hier->v2 ? set(l, "cpu.weight", weight_of_shares(x->cpu_shares))
			   : set(l, "cpu.shares", (int64_t)x->cpu_shares);
}

static int limit_pids(struct limiter *l, const struct cgroup_limits *x)
{
	if (!x->pids_set)
		return 0;
	if (use(l, "pids") < 0)
		return -1;
	if (x->pids < 0)
		return check(l, try_write(l, "pids.max", "max"), "pids.max", x->pids);
	/* 0 would refuse the very first process when it is cloned into the cgroup. */
	return set(l, "pids.max", x->pids ? x->pids : 1);
}

static int limit_memory(struct limiter *l, const struct cgroup_limits *x)
{
	if (!x->memory_set && !x->swap_set)
		return 0;
	if (use(l, "memory") < 0)
		return -1;
	return l->hier->v2 ? memory_v2(l, x) : memory_v1(l, x);
}

int cgroup_limit(
	const struct cgroup_host *h, const char *path, const struct cgroup_limits *l, struct err *e)
{
	struct limiter limiter = {.host = h, .path = path, .e = e};

	if (limit_memory(&limiter, l) < 0 || limit_pids(&limiter, l) < 0 ||
		limit_cpu(&limiter, l) < 0)
		return -1;
	return 0;
}
