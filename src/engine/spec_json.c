/* spec_json.c: what inspect shows of a container, without what is as it is by default. */
#include <string.h>

#include "base/mem.h"
#include "engine/spec.h"

static void set_strv(json_t *o, const char *key, char *const *v)
{
	if (v && *v)
		json_object_set_new(o, key, jsonx_from_strv(v));
}

static void set_int(json_t *o, const char *key, json_int_t v)
{
	if (v)
		json_object_set_new(o, key, json_integer(v));
}

static void set_true(json_t *o, const char *key, int v)
{
	if (v)
		json_object_set_new(o, key, json_true());
}

static void set_text(json_t *o, const char *key, const char *v)
{
	if (v && *v)
		json_object_set_new(o, key, jsonx_string(v));
}

/* {"/data":{}} */
static void set_keys(json_t *o, const char *key, char *const *v)
{
	json_t *keys;

	if (!v || !*v)
		return;
	keys = json_object();
	strv_foreach (k, v)
		json_object_set_new(keys, *k, json_object());
	json_object_set_new(o, key, keys);
}

static json_t *config_json(const struct spec *s)
{
	const struct oci_image *i = s->image ? &s->image->config : NULL;
	const struct engine_run *req = s->req;
	json_t *o = json_object();

	set_text(o, "Hostname", s->hostname);
	set_text(o, "Domainname", req->domainname);
	set_text(o, "User", s->user);
	set_true(o, "AttachStdin", req->interactive && !req->detach);
	set_true(o, "AttachStdout", !req->detach);
	set_true(o, "AttachStderr", !req->detach);
	set_true(o, "Tty", req->tty);
	set_true(o, "OpenStdin", req->interactive);
	set_true(o, "StdinOnce", req->interactive && !req->detach);
	set_strv(o, "Env", s->config_env);
	set_strv(o, "Cmd", s->cmd);
	set_strv(o, "Entrypoint", s->entrypoint);
	set_text(o, "WorkingDir",
		(req->workdir && *req->workdir) || (i && i->working_dir && *i->working_dir)
			? s->workdir
			: NULL);
	if (json_object_size(s->labels))
		json_object_set(o, "Labels", s->labels);
	if (i) {
		set_keys(o, "Volumes", i->volumes);
		set_keys(o, "ExposedPorts", i->exposed_ports);
		set_strv(o, "OnBuild", i->on_build);
		set_strv(o, "Shell", i->shell);
		if (i->healthcheck)
			json_object_set(o, "Healthcheck", i->healthcheck);
	}
	set_text(o, "StopSignal",
		req->stop_signal && *req->stop_signal ? req->stop_signal
		: i				      ? i->stop_signal
						      : NULL);
	if (req->stop_timeout_set)
		json_object_set_new(o, "StopTimeout", json_integer(req->stop_timeout));
	return o;
}

/* [{"PathOnHost","PathInContainer","CgroupPermissions"}] */
static void set_devices(json_t *o, char *const *devices)
{
	json_t *list;

	if (!devices || !*devices)
		return;
	list = json_array();
	strv_foreach (d, devices) {
		auto_strv char **parts = strv_split(*d, ":");
		size_t n = strv_len(parts);
		int two_paths = n >= 2 && *parts[1] == '/';
		const char *access = n == 3 ? parts[2] : n == 2 && !two_paths ? parts[1] : "rwm";

		json_array_append_new(
			list, json_pack("{s:o, s:o, s:o}", "PathOnHost", jsonx_string(parts[0]),
				      "PathInContainer", jsonx_string(parts[two_paths ? 1 : 0]),
				      "CgroupPermissions", jsonx_string(access)));
	}
	json_object_set_new(o, "Devices", list);
}

static void set_ulimits(json_t *o, const struct spec *s)
{
	json_t *list;

	if (!s->req->ulimits || !*s->req->ulimits)
		return;
	list = json_array();
	for (size_t i = 0; i < s->oci.process.n_rlimits; i++) {
		const struct oci_rlimit *r = &s->oci.process.rlimits[i];
		char name[32] = "";

		for (size_t j = 0; j < sizeof(name) - 1 && r->type[7 + j]; j++)
			name[j] = (char)(r->type[7 + j] | 0x20);
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I}", "Name", name, "Hard",
				      (json_int_t)r->hard, "Soft", (json_int_t)r->soft));
	}
	json_object_set_new(o, "Ulimits", list);
}

static void set_sysctls(json_t *o, char *const *sysctls)
{
	json_t *map;

	if (!sysctls || !*sysctls)
		return;
	map = json_object();
	strv_foreach (t, sysctls) {
		const char *equals = strchr(*t, '=');
		auto_free char *key = xstrndup(*t, (size_t)(equals - *t));
		json_object_set_new(map, key, jsonx_string(equals + 1));
	}
	json_object_set_new(o, "Sysctls", map);
}

/* "CAP_CHOWN" of "chown", as inspect has them; "ALL" stays. */
static void set_caps(json_t *o, const char *key, char *const *names)
{
	auto_strv char **full = NULL;

	strv_foreach (n, names) {
		auto_free char *upper = xstrdup(*n);
		for (char *p = upper; *p; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 0x20) : *p;
		strv_addf(&full, "%s%s",
			streq(upper, "ALL") || str_after(upper, "CAP_") ? "" : "CAP_", upper);
	}
	set_strv(o, key, full);
}

static void set_tmpfs(json_t *o, char *const *tmpfs)
{
	json_t *map;

	if (!tmpfs || !*tmpfs)
		return;
	map = json_object();
	strv_foreach (t, tmpfs) {
		const char *colon = strchr(*t, ':');
		auto_free char *path = colon ? xstrndup(*t, (size_t)(colon - *t)) : xstrdup(*t);
		json_object_set_new(map, path, jsonx_string(colon ? colon + 1 : ""));
	}
	json_object_set_new(o, "Tmpfs", map);
}

/* [{"Path","Weight"|"Rate"}]: path from the request, number from what was made of it. */
static void set_io(json_t *o, const char *key, const char *value_key, char *const *given,
	const struct oci_io_devices *made)
{
	json_t *list;

	if (!made->n)
		return;
	list = json_array();
	for (size_t i = 0; i < made->n; i++) {
		auto_free char *path = xstrndup(given[i], strcspn(given[i], ":"));
		json_array_append_new(list, json_pack("{s:o, s:I}", "Path", jsonx_string(path),
						    value_key, (json_int_t)made->v[i].value));
	}
	json_object_set_new(o, key, list);
}

static void set_io_limits(json_t *o, const struct spec *s)
{
	const struct oci_resources *r = &s->oci.resources;
	const struct engine_run *req = s->req;

	set_int(o, "BlkioWeight", (json_int_t)r->io_weight);
	set_io(o, "BlkioWeightDevice", "Weight", req->blkio_weight_devices, &r->io_weights);
	set_io(o, "BlkioDeviceReadBps", "Rate", req->device_read_bps, &r->io_read_bps);
	set_io(o, "BlkioDeviceWriteBps", "Rate", req->device_write_bps, &r->io_write_bps);
	set_io(o, "BlkioDeviceReadIOps", "Rate", req->device_read_iops, &r->io_read_iops);
	set_io(o, "BlkioDeviceWriteIOps", "Rate", req->device_write_iops, &r->io_write_iops);
}

/* As they are, not as they were asked for: what this host cannot do is not there. */
static void set_limits(json_t *o, const struct spec *s)
{
	const struct oci_resources *r = &s->oci.resources;
	int own_quota = !s->nano_cpus;

	set_int(o, "Memory", s->memory);
	set_int(o, "MemorySwap", s->memory_swap);
	set_int(o, "MemoryReservation", s->memory_reservation);
	if (r->memory_swappiness_set)
		json_object_set_new(
			o, "MemorySwappiness", json_integer((json_int_t)r->memory_swappiness));
	set_true(o, "OomKillDisable", r->oom_kill_disable);
	set_int(o, "CpuShares", (json_int_t)r->cpu_shares);
	set_int(o, "NanoCpus", s->nano_cpus);
	set_int(o, "CpuPeriod", own_quota ? (json_int_t)r->cpu_period : 0);
	set_int(o, "CpuQuota", own_quota ? r->cpu_quota : 0);
	set_int(o, "CpuRealtimePeriod", (json_int_t)r->cpu_rt_period);
	set_int(o, "CpuRealtimeRuntime", r->cpu_rt_runtime);
	set_text(o, "CpusetCpus", r->cpus);
	set_text(o, "CpusetMems", r->mems);
	if (r->pids_set)
		json_object_set_new(o, "PidsLimit", json_integer(s->req->pids_limit));
	set_io_limits(o, s);
	set_strv(o, "DeviceCgroupRules", s->req->device_cgroup_rules);
}

static const char *mode_text(const char *given, const char *standard)
{
	return given && *given ? given : standard;
}

/* The name as typed: "NAME", "NAME:key=value", "name=NAME,key=value". */
static json_t *network_mode(const struct spec *s)
{
	const char *first = s->req->networks ? *s->req->networks : NULL, *name;
	auto_free char *cut = NULL;

	if (s->modes.network == NETWORK_CONTAINER)
		return json_sprintf("container:%s", s->join.id);
	if (s->modes.network != NETWORK_OWN)
		return json_string(s->modes.network == NETWORK_HOST ? "host" : "none");
	if (!first)
		return json_string("bridge");
	name = str_after(first, "name=");
	cut = name ? xstrndup(name, strcspn(name, ",")) : xstrndup(first, strcspn(first, ":"));
	return jsonx_string(cut);
}

static json_t *host_config_json(const struct spec *s)
{
	const struct engine_run *req = s->req;
	json_t *o = json_object();

	set_strv(o, "Binds", req->volumes);
	set_text(o, "ContainerIDFile", req->cidfile);
	json_object_set_new(o, "NetworkMode", network_mode(s));
	set_true(o, "AutoRemove", req->remove);
	set_caps(o, "CapAdd", req->cap_add);
	set_caps(o, "CapDrop", req->cap_drop);
	set_text(o, "CgroupnsMode", mode_text(req->cgroupns, NULL));
	set_strv(o, "Dns", req->dns);
	set_strv(o, "DnsOptions", req->dns_option);
	set_strv(o, "DnsSearch", req->dns_search);
	set_strv(o, "ExtraHosts", req->add_hosts);
	set_strv(o, "GroupAdd", req->group_add);
	set_text(o, "IpcMode", mode_text(req->ipc, NULL));
	set_int(o, "OomScoreAdj", req->oom_score_adj);
	set_text(o, "PidMode", req->pid);
	set_true(o, "Privileged", req->privileged);
	set_true(o, "ReadonlyRootfs", req->read_only);
	set_strv(o, "SecurityOpt", req->security_opts);
	set_tmpfs(o, req->tmpfs);
	set_text(o, "UTSMode", req->uts);
	set_text(o, "UsernsMode", s->modes.keep_id ? "keep-id" : s->modes.user_ns ? NULL : "host");
	if (s->shm_size != 64 << 20)
		set_int(o, "ShmSize", s->shm_size);
	set_sysctls(o, req->sysctls);
	set_limits(o, s);
	set_text(o, "CgroupParent", req->cgroup_parent);
	set_devices(o, req->devices);
	set_ulimits(o, s);
	set_true(o, "Init", req->init);
	if (req->privileged || s->unconfined_paths) {
		json_object_set_new(o, "MaskedPaths", json_null());
		json_object_set_new(o, "ReadonlyPaths", json_null());
	}
	if (req->annotations && *req->annotations)
		json_object_set(o, "Annotations", s->oci.annotations);
	return o;
}

json_t *spec_json(const struct spec *s)
{
	char *const *args = s->oci.process.args;
	json_t *o = json_object();

	json_object_set_new(o, "Path", jsonx_string(args[0]));
	json_object_set_new(o, "Args", jsonx_from_strv(args + 1));
	json_object_set_new(o, "Config", config_json(s));
	json_object_set_new(o, "HostConfig", host_config_json(s));
	return o;
}
