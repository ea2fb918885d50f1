/* inspect.c: Docker's JSON object of one container: the defaults as Docker prints them, what the
 * row says over them, and what the container is doing now. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/container_store.h"
#include "engine/engine.h"
#include "engine/idrange.h"
#include "engine/mode.h"
#include "engine/net.h"
#include "engine/parts.h"
#include "engine/state.h"
#include "kernel/fs.h"

static const char config_defaults[] =
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
	"\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,"
	"\"StdinOnce\":false,\"Env\":null,\"Cmd\":null,\"Image\":\"\",\"Volumes\":null,"
	"\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{}}";

static const char host_defaults[] =
	"{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"none\",\"Config\":{}},"
	"\"NetworkMode\":\"none\",\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\","
	"\"MaximumRetryCount\":0},\"AutoRemove\":false,\"VolumeDriver\":\"\",\"VolumesFrom\":null,"
	"\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,\"CgroupnsMode\":\"private\","
	"\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,\"GroupAdd\":null,"
	"\"IpcMode\":\"private\",\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\","
	"\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,"
	"\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":67108864,"
	"\"Runtime\":\"hull\",\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,"
	"\"CgroupParent\":\"\",\"BlkioWeight\":0,\"BlkioWeightDevice\":[],"
	"\"BlkioDeviceReadBps\":[],\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],"
	"\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,\"CpuQuota\":0,\"CpuRealtimePeriod\":0,"
	"\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[],"
	"\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,"
	"\"MemorySwap\":0,\"MemorySwappiness\":null,\"OomKillDisable\":false,\"PidsLimit\":null,"
	"\"Ulimits\":[],\"CpuCount\":0,\"CpuPercent\":0,\"IOMaximumIOps\":0,"
	"\"IOMaximumBandwidth\":0,\"MaskedPaths\":[\"/proc/asound\",\"/proc/acpi\","
	"\"/proc/interrupts\",\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\","
	"\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\","
	"\"/sys/firmware\",\"/sys/devices/virtual/powercap\"],\"ReadonlyPaths\":[\"/proc/bus\","
	"\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}";

static const char network_defaults[] =
	"{\"Bridge\":\"\",\"SandboxID\":\"\",\"SandboxKey\":\"\",\"Ports\":{},"
	"\"HairpinMode\":false,\"EndpointID\":\"\",\"Gateway\":\"\",\"IPAddress\":\"\","
	"\"MacAddress\":\"\",\"Networks\":{}}";

static const char endpoint_defaults[] =
	"{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\","
	"\"DriverOpts\":null,\"GwPriority\":0,\"NetworkID\":\"\",\"EndpointID\":\"\","
	"\"Gateway\":\"\",\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\","
	"\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}";

static json_t *text_of_time(int64_t ns)
{
	char text[TIME_TEXT_MAX] = "0001-01-01T00:00:00Z";

	if (ns)
		time_format(ns, text);
	return json_string(text);
}

static json_t *defaults(const char *text)
{
	return jsonx_parse(text, strlen(text), "defaults", NULL);
}

static const char *status_word(enum container_phase p)
{
	return p == PHASE_RUNNING  ? "running"
	       : p == PHASE_EXITED ? "exited"
	       : p == PHASE_DEAD   ? "dead"
				   : "created";
}

static json_t *state_json(const struct container_state *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "Status", json_string(status_word(s->phase)));
	json_object_set_new(o, "Running", json_boolean(s->phase == PHASE_RUNNING));
	json_object_set_new(o, "Paused", json_false());
	json_object_set_new(o, "Restarting", json_false());
	json_object_set_new(o, "OOMKilled", json_boolean(s->oom));
	json_object_set_new(o, "Dead", json_boolean(s->phase == PHASE_DEAD));
	json_object_set_new(o, "Pid", json_integer(s->pid));
	json_object_set_new(o, "ExitCode", json_integer(s->status));
	json_object_set_new(o, "Error", jsonx_string(s->error));
	json_object_set_new(o, "StartedAt", text_of_time(s->started_ns));
	json_object_set_new(o, "FinishedAt", text_of_time(s->finished_ns));
	return o;
}

/* Of the default network Docker repeats the addresses at the top. */
static void repeat_addresses(json_t *o, const json_t *end)
{
	static const char *const keys[] = {"IPAddress", "IPPrefixLen", "Gateway", "MacAddress",
		"GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway"};

	for (size_t i = 0; end && i < ARRAY_SIZE(keys); i++)
		json_object_set(o, keys[i], json_object_get(end, keys[i]));
}

static json_t *network_json(
	struct engine *en, const struct container_row *row, int running, const char *mode)
{
	json_t *o = defaults(network_defaults), *networks = jsonx_obj(o, "Networks");
	auto_json json_t *base = defaults(endpoint_defaults);

	if (str_after(mode, "container:"))
		return o;
	if (streq(mode, "none") || streq(mode, "host") ||
		net_json_networks(en, row->id, base, networks) < 0 || !json_object_size(networks))
		json_object_set(networks, mode, base);
	if (running)
		json_object_set_new(o, "Ports", net_json_ports(en, row->id));
	repeat_addresses(o, json_object_get(networks, NET_DEFAULT));
	return o;
}

static void set_paths(json_t *o, struct engine *en, const struct container_row *row)
{
	static const char *const names[][2] = {{"ResolvConfPath", "resolv.conf"},
		{"HostnamePath", "hostname"}, {"HostsPath", "hosts"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = xasprintf("%s/" ENGINE_CONTAINERS "/%s/%s",
			row->ephemeral ? en->runroot : en->root, row->id, names[i][1]);
		json_object_set_new(o, names[i][0], jsonx_string(path));
	}
	json_object_set_new(o, "LogPath", json_string(""));
}

/* The folders that the root file system is put together from. */
static json_t *driver_json(struct engine *en, const struct container_row *row)
{
	auto_free char *folder = xasprintf("%s/" ENGINE_CONTAINERS "/%s", en->root, row->id);
	json_t *o = json_object(), *data = json_object();
	struct store_image *image = NULL;
	auto_free char *lower = NULL, *upper = NULL, *work = NULL;

	if (*row->image_id && store_image_find(en->store, row->image_id, &image, NULL) == 0)
		lower = strv_join(image->layers, ":");
	else if (!*row->image_id)
		lower = xstrdup(row->image);
	upper = xasprintf("%s/upper", folder);
	work = xasprintf("%s/work", folder);
	json_object_set_new(data, "LowerDir", jsonx_string(lower ? lower : ""));
	json_object_set_new(data, "UpperDir", jsonx_string(upper));
	json_object_set_new(data, "WorkDir", jsonx_string(work));
	json_object_set_new(o, "Name", json_string("overlay"));
	json_object_set_new(o, "Data", data);
	store_image_free(image);
	return o;
}

/* Our own, which Docker does not have: the range of host ids. */
static json_t *idmap_json(const struct container_row *row)
{
	if (row->slot < 0)
		return json_null();
	return json_pack("{s:I, s:I}", "HostID", (json_int_t)idrange_host_id(row->slot), "Size",
		(json_int_t)row->n_slots * IDRANGE_SIZE);
}

static json_t *mounts_json(const json_t *config)
{
	json_t *list = json_deep_copy(jsonx_arr(config, "Mounts")), *m;
	size_t i;

	if (!list)
		return json_array();
	json_array_foreach (list, i, m)
		json_object_del(m, "Anonymous");
	return list;
}

static void set_sizes(json_t *o, struct engine *en, const struct container_row *row)
{
	auto_fd int folder = engine_container_folder(en->root_fd, row->id), upper = -1;
	struct store_image *image = NULL;
	int64_t used = 0, base = 0;

	if (folder >= 0)
		upper = openat(folder, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper >= 0)
		fs_tree_usage(upper, &used);
	if (*row->image_id && store_image_find(en->store, row->image_id, &image, NULL) == 0)
		base = image->size;
	store_image_free(image);
	json_object_set_new(o, "SizeRw", json_integer(used));
	json_object_set_new(o, "SizeRootFs", json_integer(base + used));
}

static json_t *merged(const char *standard, const json_t *given)
{
	json_t *o = defaults(standard);

	if (given)
		json_object_update(o, (json_t *)given);
	return o;
}

static void set_names(json_t *o, const struct container_row *row)
{
	auto_free char *name = xasprintf("/%s", row->name);

	json_object_set_new(o, "Image", jsonx_string(row->image_id));
	json_object_set_new(o, "Name", jsonx_string(name));
	json_object_set_new(o, "RestartCount", json_integer(0));
	json_object_set_new(o, "Driver", json_string("overlay"));
	json_object_set_new(o, "Platform", json_string("linux"));
	json_object_set_new(o, "MountLabel", json_string(""));
	json_object_set_new(o, "ProcessLabel", json_string(""));
	json_object_set_new(o, "AppArmorProfile", json_string(""));
	json_object_set_new(o, "ExecIDs", json_null());
}

static json_t *container_json(struct engine *en, const struct container_row *row,
	const struct container_state *s, const json_t *config, int size)
{
	json_t *o = json_object(), *host, *inner;

	json_object_set_new(o, "Id", jsonx_string(row->id));
	json_object_set_new(o, "Created", text_of_time(row->created_ns));
	json_object_set(o, "Path", json_object_get(config, "Path"));
	json_object_set(o, "Args", json_object_get(config, "Args"));
	json_object_set_new(o, "State", state_json(s));
	set_paths(o, en, row);
	set_names(o, row);
	host = merged(host_defaults, jsonx_obj(config, "HostConfig"));
	inner = merged(config_defaults, jsonx_obj(config, "Config"));
	json_object_set_new(inner, "Image", jsonx_string(row->image));
	json_object_set_new(o, "HostConfig", host);
	json_object_set_new(o, "GraphDriver", driver_json(en, row));
	json_object_set_new(o, "Mounts", mounts_json(config));
	json_object_set_new(o, "Config", inner);
	json_object_set_new(o, "NetworkSettings",
		network_json(en, row, s->phase == PHASE_RUNNING,
			jsonx_str(host, "NetworkMode", "none")));
	json_object_set_new(o, "IDMap", idmap_json(row));
	if (size)
		set_sizes(o, en, row);
	return o;
}

json_t *engine_container_inspect(struct engine *en, const char *name, int size, struct err *e)
{
	struct container_row row;
	struct container_state s;
	auto_json json_t *config = NULL;
	json_t *o = NULL;

	if (size && mode_enter(en, e) < 0) /* folders that are closed to all but the container's */
		return NULL;
	if (container_store_find(en->db, name, &row, e) < 0)
		return NULL;
	container_state_read(en, &row, &s);
	if (s.phase == PHASE_GARBAGE) {
		engine_container_cleanup(en, row.id, NULL);
		err_set(e, ERR_NOT_FOUND, "No such container: %.400s", name);
	} else {
		config = jsonx_parse(row.config, strlen(row.config), "a container", e);
		if (config)
			o = container_json(en, &row, &s, config, size);
	}
	container_state_done(&s);
	container_row_done(&row);
	return o;
}
