/* cgroup_setup.c: the container's cgroup, its limits and its devices, from the configuration.
 * Process: the parent, before the child is cloned. */
#define _GNU_SOURCE
#include "runtime/cgroup_setup.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

static void warn(const struct runtime_create *req, const char *text)
{
	if (req->warn)
		req->warn(req->warn_ctx, text);
}

static void on_lack(void *ctx, enum cgroup_feature feature)
{
	auto_free char *text = cgroup_cannot_text(feature);

	warn(ctx, text);
}

static struct cgroup_io *io_array(const struct oci_resources *r, size_t *out_n)
{
	const struct {
		enum cgroup_feature what;
		const struct oci_io_devices *list;
	} lists[] = {
		{CGROUP_IO_WEIGHT_DEVICE, &r->io_weights},
		{CGROUP_IO_READ_BPS, &r->io_read_bps},
		{CGROUP_IO_WRITE_BPS, &r->io_write_bps},
		{CGROUP_IO_READ_IOPS, &r->io_read_iops},
		{CGROUP_IO_WRITE_IOPS, &r->io_write_iops},
	};
	struct cgroup_io *all = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t j = 0; j < lists[i].list->n; j++) {
			const struct oci_io_device *d = &lists[i].list->v[j];
			all = xreallocarray(all, n + 1, sizeof(*all));
			all[n++] = (struct cgroup_io){lists[i].what, d->major, d->minor, d->value};
		}
	*out_n = n;
	return all;
}

/* l->io is the caller's to free. */
static void fill_limits(const struct runtime_create *req, struct cgroup_limits *l)
{
	const struct oci_resources *r = &req->config->resources;

	*l = (struct cgroup_limits){
		.memory_set = r->memory_set,
		.swap_set = r->memory_swap_set,
		.reservation_set = r->memory_reservation_set,
		.swappiness_set = r->memory_swappiness_set,
		.oom_kill_disable = r->oom_kill_disable,
		.pids_set = r->pids_set,
		.cpu_set = r->cpu_quota_set || r->cpu_period_set,
		.shares_set = r->cpu_shares_set,
		.memory = r->memory_limit,
		.swap = r->memory_swap,
		.reservation = r->memory_reservation,
		.swappiness = r->memory_swappiness,
		.pids = r->pids_limit,
		.cpu_quota_us = r->cpu_quota_set ? r->cpu_quota : 0,
		.cpu_period_us = r->cpu_period_set ? (int64_t)r->cpu_period : 0,
		.rt_runtime_us = r->cpu_rt_runtime,
		.rt_period_us = (int64_t)r->cpu_rt_period,
		.cpu_shares = r->cpu_shares,
		.cpus = r->cpus,
		.mems = r->mems,
		.io_weight = r->io_weight,
		.lacks = on_lack,
		.lacks_ctx = (void *)req,
	};
	l->io = io_array(r, &l->n_io);
}

static int limits_wanted(const struct runtime_create *req)
{
	const struct oci_resources *r = &req->config->resources;

	return r->memory_set || r->memory_swap_set || r->memory_reservation_set ||
	       r->memory_swappiness_set || r->oom_kill_disable || r->pids_set || r->cpu_quota_set ||
	       r->cpu_period_set || r->cpu_shares_set || r->cpu_rt_runtime || r->cpu_rt_period ||
	       r->cpus || r->mems || r->io_weight || r->io_weights.n || r->io_read_bps.n ||
	       r->io_write_bps.n || r->io_read_iops.n || r->io_write_iops.n;
}

static unsigned access_bits(const char *access)
{
	if (!access)
		return CGROUP_DEVICE_ALL;
	return (strchr(access, 'r') ? CGROUP_DEVICE_READ : 0) |
	       (strchr(access, 'w') ? CGROUP_DEVICE_WRITE : 0) |
	       (strchr(access, 'm') ? CGROUP_DEVICE_MKNOD : 0);
}

/* The configuration's rules; after "nothing" also what every container may use (runtime-spec,
 * config-linux.md, Default Devices; nodes may be made, but not opened). *out_n 0: all is allowed.
 */
static struct cgroup_device_rule *device_rules(const struct oci_resources *res, size_t *out_n)
{
	static const struct cgroup_device_rule always[] = {
		{1, 'c', -1, -1, CGROUP_DEVICE_MKNOD}, {1, 'b', -1, -1, CGROUP_DEVICE_MKNOD},
		{1, 'c', 1, 3, CGROUP_DEVICE_ALL},    /* null */
		{1, 'c', 1, 5, CGROUP_DEVICE_ALL},    /* zero */
		{1, 'c', 1, 7, CGROUP_DEVICE_ALL},    /* full */
		{1, 'c', 1, 8, CGROUP_DEVICE_ALL},    /* random */
		{1, 'c', 1, 9, CGROUP_DEVICE_ALL},    /* urandom */
		{1, 'c', 5, 0, CGROUP_DEVICE_ALL},    /* tty */
		{1, 'c', 5, 2, CGROUP_DEVICE_ALL},    /* ptmx */
		{1, 'c', 136, -1, CGROUP_DEVICE_ALL}, /* pts */
	};
	struct cgroup_device_rule *rules = xcalloc(
		res->n_devices + ARRAY_SIZE(always), sizeof(*rules));
	size_t n = 0;
	int closed = 0;

	for (size_t i = 0; i < res->n_devices; i++) {
		const struct oci_device_rule *d = &res->devices[i];
		char type = d->type ? d->type : 'a';

		rules[n++] = (struct cgroup_device_rule){
			d->allow, type, d->major, d->minor, access_bits(d->access)};
		if (type == 'a' && d->major < 0 && d->minor < 0 &&
			rules[n - 1].access == CGROUP_DEVICE_ALL)
			closed = !d->allow;
	}
	memcpy(rules + n, always, sizeof(always));
	*out_n = closed ? n + ARRAY_SIZE(always) : 0;
	return rules;
}

static int limit_devices(const struct runtime_create *req, struct err *e)
{
	size_t n;
	auto_free struct cgroup_device_rule *rules = device_rules(&req->config->resources, &n);
	int r = n ? cgroup_devices(req->cgroups, req->config->cgroups_path, rules, n) : 0;

	if (r >= 0)
		return 0;
	if (r == -E2BIG)
		return err_set(e, ERR_INVALID,
			"the rules about devices are too many for one program of this kernel");
	/* EPERM: only the machine's root may, here not even by owning the files (`unshare -r`). */
	if (r != -ENOSYS && r != -EPERM && r != -EACCES)
		return err_sys(e, r, "limit the devices of the container");
	/* In a user namespace little is lost: no node can be made there. */
	if (!oci_config_namespace(req->config, "user"))
		warn(req,
			"Your kernel does not support device programs of cgroup v2: which devices "
			"the container opens is not limited.");
	return 0;
}

static const char no_cgroup[] = "limits of memory, processors and processes are discarded: this "
				"machine gives you no control group for them";

static int make_half(const struct runtime_create *req, int v2, struct err *e)
{
	const char *path = req->config->cgroups_path;
	int r = cgroup_make_half(req->cgroups, path, v2);

	if (r >= 0)
		return 0;
	if (r == -EROFS || r == -EACCES || r == -EPERM) {
		if (limits_wanted(req))
			warn(req, no_cgroup);
		return CGROUP_WITHOUT;
	}
	return err_sys(e, r, "make the cgroup %s", path);
}

int cgroup_begin(const struct runtime_create *req, char ***out_paths, struct err *e)
{
	int r;

	if (!req->config->cgroups_path || !req->cgroups)
		return CGROUP_WITHOUT;
	if (req->cgroups->layout == CGROUP_NONE) {
		if (limits_wanted(req))
			warn(req, no_cgroup);
		return CGROUP_WITHOUT;
	}
	r = make_half(req, 1, e);
	if (r == 0)
		*out_paths = cgroup_paths(req->cgroups, req->config->cgroups_path);
	return r;
}

/* What could not be made is another's: only the half that we made may be removed. */
static void forget_v1(const struct cgroup_host *h, char **paths)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++)
		if (h->hiers[i].v2)
			paths[kept++] = paths[i];
		else
			free(paths[i]);
	paths[kept] = NULL;
}

int cgroup_finish(const struct runtime_create *req, char **paths, struct err *e)
{
	struct cgroup_limits l;
	int r = make_half(req, 0, e);

	if (r != 0) {
		forget_v1(req->cgroups, paths);
		return r;
	}
	fill_limits(req, &l);
	r = cgroup_limit(req->cgroups, req->config->cgroups_path, &l, e);
	free((void *)l.io);
	return r < 0 ? -1 : limit_devices(req, e);
}
