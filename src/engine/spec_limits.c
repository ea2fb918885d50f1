/* spec_limits.c: memory, processors, processes. What is wrong is an error before anything is made;
 * what this host cannot do is a warning, and left out (Docker's words for both). */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "engine/parts.h"
#include "engine/spec.h"

#define MEMORY_MIN (INT64_C(6) << 20)
#define CPU_PERIOD_US 100000
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define UNITS_MAX 8192 /* processors or memory nodes in a list: more than any kernel has */

static int is_given(const char *s)
{
	return s && *s;
}

int spec_limit_can(struct engine *en, const struct spec *s, enum cgroup_feature feature)
{
	auto_free char *text = NULL;

	if (cgroup_can(&s->cgroups, feature))
		return 1;
	text = cgroup_cannot_text(feature);
	engine_warn(en, "%s", text);
	return 0;
}

/* ---- memory ---- */

static int parse_memory(struct spec *s, struct err *e)
{
	const struct engine_run *req = s->req;

	if (is_given(req->memory) &&
		spec_parse_size("-m, --memory", req->memory, &s->memory, e) < 0)
		return -1;
	if (is_given(req->memory_reservation) &&
		spec_parse_size("--memory-reservation", req->memory_reservation,
			&s->memory_reservation, e) < 0)
		return -1;
	if (!is_given(req->memory_swap))
		return 0;
	if (!streq(req->memory_swap, "-1"))
		return spec_parse_size("--memory-swap", req->memory_swap, &s->memory_swap, e);
	s->memory_swap = -1;
	return 0;
}

static int check_memory(const struct spec *s, struct err *e)
{
	if (s->memory && s->memory < MEMORY_MIN)
		return err_set(e, ERR_INVALID, "Minimum memory limit allowed is 6MB");
	if (s->memory_swap > 0 && !s->memory)
		return err_set(e, ERR_INVALID,
			"You should always set the Memory limit when using Memoryswap limit, see "
			"usage");
	if (s->memory_swap > 0 && s->memory_swap < s->memory)
		return err_set(e, ERR_INVALID,
			"Minimum memoryswap limit should be larger than memory limit, see usage");
	if (s->memory_reservation && s->memory_reservation < MEMORY_MIN)
		return err_set(e, ERR_INVALID, "Minimum memory reservation allowed is 6MB");
	if (s->memory && s->memory_reservation > s->memory)
		return err_set(e, ERR_INVALID,
			"Minimum memory limit can not be less than memory reservation limit, see "
			"usage");
	return 0;
}

/* --memory-swap: -1 is no limit of swap, unset is as much again. */
static void use_memory(struct engine *en, struct spec *s)
{
	struct oci_resources *r = &s->oci.resources;

	if (s->memory && !spec_limit_can(en, s, CGROUP_MEMORY))
		s->memory = s->memory_swap = 0;
	if (s->memory && !s->memory_swap && s->memory <= INT64_MAX / 2)
		s->memory_swap = 2 * s->memory;
	if (s->memory && s->memory_swap > 0 && !spec_limit_can(en, s, CGROUP_SWAP))
		s->memory_swap = -1;
	if (s->memory_reservation && !spec_limit_can(en, s, CGROUP_RESERVATION))
		s->memory_reservation = 0;
	r->memory_set = s->memory != 0;
	r->memory_limit = s->memory;
	r->memory_swap_set = s->memory_swap != 0 && s->memory != 0;
	r->memory_swap = s->memory_swap;
	r->memory_reservation_set = s->memory_reservation != 0;
	r->memory_reservation = s->memory_reservation;
}

static int set_swappiness(struct engine *en, struct spec *s, struct err *e)
{
	struct oci_resources *r = &s->oci.resources;
	int64_t v = s->req->memory_swappiness;

	if (!s->req->memory_swappiness_set || v == -1)
		return 0;
	if (v < 0 || v > 100)
		return err_set(e, ERR_INVALID,
			"invalid value: %" PRId64 ". Valid memory swappiness range is 0-100", v);
	r->memory_swappiness_set = spec_limit_can(en, s, CGROUP_SWAPPINESS);
	r->memory_swappiness = (uint64_t)v;
	return 0;
}

/* The kernel took these limits back in 5.4, and v2 never had them. */
static int set_kernel_memory(struct engine *en, const struct spec *s, struct err *e)
{
	int64_t size = 0;

	if (!is_given(s->req->kernel_memory))
		return 0;
	if (spec_parse_size("--kernel-memory", s->req->kernel_memory, &size, e) < 0)
		return -1;
	if (size && size < MEMORY_MIN)
		return err_set(e, ERR_INVALID, "Minimum kernel memory limit allowed is 6MB");
	if (size)
		engine_warn(en, "--kernel-memory is deprecated: kernels do not limit it apart from "
				"other memory any more. Limitation discarded.");
	return 0;
}

static int set_memory(struct engine *en, struct spec *s, struct err *e)
{
	if (parse_memory(s, e) < 0 || check_memory(s, e) < 0)
		return -1;
	use_memory(en, s);
	if (set_swappiness(en, s, e) < 0 || set_kernel_memory(en, s, e) < 0)
		return -1;
	if (!s->req->oom_kill_disable)
		return 0;
	s->oci.resources.oom_kill_disable = spec_limit_can(en, s, CGROUP_OOM_KILL_DISABLE);
	if (s->oci.resources.oom_kill_disable && !s->memory)
		engine_warn(en, "OOM killer is disabled for the container, but no memory limit is "
				"set, this can result in the system running out of resources.");
	return 0;
}

/* ---- processors ---- */

static int set_nano_cpus(struct spec *s, struct err *e)
{
	const struct engine_run *req = s->req;
	struct oci_resources *r = &s->oci.resources;
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (!is_given(req->cpus))
		return 0;
	if (parse_nano(req->cpus, &s->nano_cpus) < 0)
		return err_set(e, ERR_INVALID,
			"invalid argument \"%s\" for \"--cpus\" flag: failed to parse %s as a "
			"rational number",
			req->cpus, req->cpus);
	if (!s->nano_cpus)
		return 0;
	if (s->nano_cpus < 10000000 || s->nano_cpus > n * 1000000000LL)
		return err_set(e, ERR_INVALID,
			"--cpus=%s: Range of CPUs is from 0.01 to %ld.00, as there are only %ld "
			"CPUs available",
			req->cpus, n, n);
	if (req->cpu_period)
		return err_set(e, ERR_INVALID,
			"Conflicting options: Nano CPUs and CPU Period cannot both be set");
	if (req->cpu_quota)
		return err_set(e, ERR_INVALID,
			"Conflicting options: Nano CPUs and CPU Quota cannot both be set");
	if (!cgroup_can(&s->cgroups, CGROUP_CPU_CFS))
		return err_set(e, ERR_UNSUPPORTED,
			"NanoCPUs can not be set, as your kernel does not support CPU CFS "
			"scheduler or the cgroup is not mounted");
	r->cpu_quota_set = r->cpu_period_set = 1;
	r->cpu_period = CPU_PERIOD_US;
	r->cpu_quota = s->nano_cpus * CPU_PERIOD_US / 1000000000;
	return 0;
}

static int set_quota(struct engine *en, struct spec *s, struct err *e)
{
	struct oci_resources *r = &s->oci.resources;
	int64_t period = s->req->cpu_period, quota = s->req->cpu_quota;

	if (!period && !quota)
		return 0;
	if (period && (period < 1000 || period > 1000000))
		return err_set(e, ERR_INVALID,
			"CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s "
			"(i.e. 1000000)");
	if (quota && quota != -1 && quota < 1000)
		return err_set(
			e, ERR_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	if (!spec_limit_can(en, s, CGROUP_CPU_CFS))
		return 0;
	r->cpu_period_set = period != 0;
	r->cpu_period = (uint64_t)period;
	r->cpu_quota_set = quota != 0;
	r->cpu_quota = quota;
	return 0;
}

static int set_shares(struct engine *en, struct spec *s, struct err *e)
{
	int64_t shares = s->req->cpu_shares;

	if (!shares)
		return 0;
	if (shares < SHARES_MIN || shares > SHARES_MAX)
		return err_set(e, ERR_INVALID,
			"--cpu-shares %" PRId64 ": the %s allowed cpu-shares is %d", shares,
			shares < SHARES_MIN ? "minimum" : "maximum",
			shares < SHARES_MIN ? SHARES_MIN : SHARES_MAX);
	if (!spec_limit_can(en, s, CGROUP_CPU_SHARES))
		return 0;
	s->oci.resources.cpu_shares_set = 1;
	s->oci.resources.cpu_shares = (uint64_t)shares;
	return 0;
}

static int set_realtime(struct spec *s, struct err *e)
{
	int64_t period = s->req->cpu_rt_period, runtime = s->req->cpu_rt_runtime;

	if (!period && !runtime)
		return 0;
	if (period < 0 || runtime < 0)
		return err_set(
			e, ERR_INVALID, "cpu real-time period and runtime cannot be below zero");
	if (!cgroup_can(&s->cgroups, CGROUP_CPU_RT))
		return err_set(
			e, ERR_UNSUPPORTED, "Your kernel does not support CPU real-time scheduler");
	if (period && runtime > period)
		return err_set(e, ERR_INVALID,
			"cpu real-time runtime cannot be higher than cpu real-time period");
	s->oci.resources.cpu_rt_period = (uint64_t)period;
	s->oci.resources.cpu_rt_runtime = runtime;
	return 0;
}

/* "0-3,7" into a set; -EINVAL. */
static int parse_units(const char *text, unsigned char set[UNITS_MAX])
{
	memset(set, 0, UNITS_MAX);
	for (const char *p = text;; p++) {
		unsigned long from, to;
		char *end;

		if (!isdigit((unsigned char)*p))
			return -EINVAL;
		from = to = strtoul(p, &end, 10);
		p = end;
		if (*p == '-') {
			if (!isdigit((unsigned char)*++p))
				return -EINVAL;
			to = strtoul(p, &end, 10);
			p = end;
		}
		if (from > to || to >= UNITS_MAX || (*p && *p != ','))
			return -EINVAL;
		memset(set + from, 1, to - from + 1);
		if (!*p)
			return 0;
	}
}

/* What the highest cgroup that is ours to use may use; caller frees, NULL: not known. */
static char *available(const struct spec *s, const char *file)
{
	const struct cgroup_hier *hier = cgroup_find(&s->cgroups, "cpuset");
	const char *bases[] = {s->cgroups.delegated, ""};
	auto_buf struct buf text = BUF_MAX(65536);

	for (size_t i = 0; hier && i < ARRAY_SIZE(bases); i++) {
		auto_free char *path = NULL;

		if (!bases[i])
			continue;
		path = xasprintf("%s%s/cpuset.%s%s", hier->mount, bases[i], file,
			hier->v2 ? ".effective" : "");
		if (fd_read_file(AT_FDCWD, path, &text) == 0 && text.data) {
			text.data[strcspn(text.data, "\n")] = '\0';
			return buf_steal(&text);
		}
	}
	return NULL;
}

static int check_units(
	const struct spec *s, const char *wanted, const char *file, const char *name, struct err *e)
{
	auto_free unsigned char *want = xmalloc(UNITS_MAX), *has = xmalloc(UNITS_MAX);
	auto_free char *there = available(s, file);

	if (parse_units(wanted, want) < 0)
		return err_set(e, ERR_INVALID,
			"Invalid value %.200s for cpuset %s: the form is 0-3,7", wanted, file);
	if (!there || parse_units(there, has) < 0)
		return 0;
	for (size_t i = 0; i < UNITS_MAX; i++)
		if (want[i] && !has[i])
			return err_set(e, ERR_INVALID,
				"Requested %s are not available - requested %.200s, available: "
				"%.200s",
				name, wanted, there);
	return 0;
}

static int set_cpuset(struct engine *en, struct spec *s, struct err *e)
{
	const char *cpus = s->req->cpuset_cpus, *mems = s->req->cpuset_mems;

	if (!is_given(cpus) && !is_given(mems))
		return 0;
	if (is_given(cpus) && check_units(s, cpus, "cpus", "CPUs", e) < 0)
		return -1;
	if (is_given(mems) && check_units(s, mems, "mems", "memory nodes", e) < 0)
		return -1;
	if (!spec_limit_can(en, s, CGROUP_CPUSET))
		return 0;
	if (is_given(cpus))
		s->oci.resources.cpus = xstrdup(cpus);
	if (is_given(mems))
		s->oci.resources.mems = xstrdup(mems);
	return 0;
}

/* ---- processes ---- */

static void set_pids(struct engine *en, struct spec *s)
{
	struct oci_resources *r = &s->oci.resources;
	int64_t limit = s->req->pids_limit_set ? s->req->pids_limit : 0;

	/* 0 and below are "no limit" (Docker). */
	if (!limit || (limit > 0 && !spec_limit_can(en, s, CGROUP_PIDS)))
		return;
	r->pids_set = 1;
	r->pids_limit = limit < 0 ? -1 : limit;
}

int spec_limits(struct engine *en, struct spec *s, struct err *e)
{
	if (set_memory(en, s, e) < 0 || set_nano_cpus(s, e) < 0 || set_quota(en, s, e) < 0 ||
		set_shares(en, s, e) < 0 || set_realtime(s, e) < 0 || set_cpuset(en, s, e) < 0)
		return -1;
	set_pids(en, s);
	return spec_limits_io(en, s, e);
}
