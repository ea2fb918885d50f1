/* cgroup_limit_cpu.c: processor time, its weight, real time, and which processors. */
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
#include "kernel/cgroup_limiter.h"

/* Two files that the kernel checks against each other: a new period may not fit the old amount, so
 * it is tried once more after the new one. */
static int set_pair(struct limiter *l, enum cgroup_feature feature, const char *amount_file,
	int64_t amount, const char *period_file, int64_t period)
{
	char text[32];
	int r = period ? limiter_try_number(l, period_file, period) : 0;

	snprintf(text, sizeof(text), "%" PRId64, period);
	if (r < 0 && (r != -EINVAL || !amount))
		return limiter_check(l, r, feature, period_file, text);
	if (amount && limiter_set_number(l, feature, amount_file, amount) < 0)
		return -1;
	return r < 0 ? limiter_set(l, feature, period_file, text) : 0;
}

/* "QUOTA PERIOD"; what is not given stays as it is. */
static int quota_v2(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;
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
	return limiter_set(l, CGROUP_CPU_CFS, "cpu.max", value.data);
}

static int set_quota(struct limiter *l)
{
	if (!l->want->cpu_set)
		return 0;
	return l->hier->v2 ? quota_v2(l)
			   : set_pair(l, CGROUP_CPU_CFS, "cpu.cfs_quota_us", l->want->cpu_quota_us,
				     "cpu.cfs_period_us", l->want->cpu_period_us);
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

static int set_shares(struct limiter *l)
{
	uint64_t shares = l->want->shares_set ? l->want->cpu_shares : 0;

	if (!shares)
		return 0;
	return l->hier->v2
		       ? limiter_set_number(
				 l, CGROUP_CPU_SHARES, "cpu.weight", weight_of_shares(shares))
		       : limiter_set_number(l, CGROUP_CPU_SHARES, "cpu.shares", (int64_t)shares);
}

static int64_t read_number(const char *path)
{
	auto_buf struct buf text = BUF_MAX(64);

	return fd_read_file(AT_FDCWD, path, &text) == 0 && text.data ? strtoll(text.data, NULL, 10)
								     : -1;
}

static int rt_write(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;
	int r = x->rt_period_us ? limiter_try_number(l, "cpu.rt_period_us", x->rt_period_us) : 0;

	if (r == 0 && x->rt_runtime_us)
		r = limiter_try_number(l, "cpu.rt_runtime_us", x->rt_runtime_us);
	return r;
}

/* A cgroup gives only what it has, and a new one has no real time. Each of those above gets more by
 * what this one needs, from the top down; what cannot be is left. It stays there when the container
 * is gone, and so serves the next. */
static void rt_raise_parents(const struct limiter *l)
{
	int64_t period = l->want->rt_period_us ? l->want->rt_period_us : 1000000;
	auto_free char *dir = xasprintf("%s%s", l->hier->mount, l->path);
	char *p = strchr(dir + strlen(l->hier->mount) + 1, '/');

	for (; p; p = strchr(p + 1, '/')) {
		auto_free char *runtime_file = NULL, *period_file = NULL;
		int64_t own_period, more;
		char text[32];

		*p = '\0';
		runtime_file = xasprintf("%s/cpu.rt_runtime_us", dir);
		period_file = xasprintf("%s/cpu.rt_period_us", dir);
		*p = '/';
		own_period = read_number(period_file);
		if (own_period <= 0 || own_period > 1000000000)
			continue;
		more = (int64_t)ceil(
			(double)l->want->rt_runtime_us * (double)own_period / (double)period);
		snprintf(text, sizeof(text), "%" PRId64, read_number(runtime_file) + more);
		fd_write_value(AT_FDCWD, runtime_file, text);
	}
}

/* Needs CONFIG_RT_GROUP_SCHED; v2 has no word for it. */
static int set_realtime(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;
	char text[64];
	int r;

	if (!x->rt_runtime_us && !x->rt_period_us)
		return 0;
	if (l->hier->v2) {
		if (x->lacks)
			x->lacks(x->lacks_ctx, CGROUP_CPU_RT);
		return 0;
	}
	r = rt_write(l);
	if (r == -EINVAL) {
		rt_raise_parents(l);
		r = rt_write(l);
	}
	snprintf(text, sizeof(text), "%" PRId64 " (period %" PRId64 ")", x->rt_runtime_us,
		x->rt_period_us);
	if (r == -EINVAL)
		return err_set(l->e, ERR_INVALID,
			"cannot set %s%s/cpu.rt_runtime_us to %s: the cgroups above have no more "
			"real time to give",
			l->hier->mount, l->path, text);
	return limiter_check(l, r, CGROUP_CPU_RT, "cpu.rt_runtime_us", text);
}

int limit_cpu(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;

	if (!x->cpu_set && !(x->shares_set && x->cpu_shares) && !x->rt_runtime_us &&
		!x->rt_period_us)
		return 0;
	if (!limiter_use(l, "cpu", CGROUP_CPU_CFS))
		return 0;
	return set_quota(l) < 0 || set_shares(l) < 0 || set_realtime(l) < 0 ? -1 : 0;
}

int limit_cpuset(struct limiter *l)
{
	const char *cpus = l->want->cpus, *mems = l->want->mems;

	if ((!cpus || !*cpus) && (!mems || !*mems))
		return 0;
	if (!limiter_use(l, "cpuset", CGROUP_CPUSET))
		return 0;
	if (cpus && *cpus && limiter_set(l, CGROUP_CPUSET, "cpuset.cpus", cpus) < 0)
		return -1;
	return mems && *mems ? limiter_set(l, CGROUP_CPUSET, "cpuset.mems", mems) : 0;
}
