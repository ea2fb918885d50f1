/* config.c: the OCI runtime configuration as tables (runtime-spec 1.3, config.md and
 * config-linux.md), with what types alone cannot say, and helpers for those who build one. */
#include "oci/config.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "oci/shape.h"

#define LIST_MAX 65536

static const char *const namespace_types[] = {
	"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", NULL};
static const char *const rlimit_types[] = {"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA",
	"RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",
	"RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
	"RLIMIT_SIGPENDING", "RLIMIT_STACK", NULL};

/* The type must be one of words, and only once in the list. seen: one bit a word. */
static int check_type(const char *type, const char *const *words, unsigned *seen,
	const struct shape_at *at, struct err *e)
{
	const char *near;
	unsigned i = 0;

	while (words[i] && !streq(words[i], type))
		i++;
	if (!words[i]) {
		near = parse_nearest(type, words);
		return shape_err(e, at, "has the unknown type \"%s\"%s%s%s", type,
			near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
	if (*seen & 1u << i)
		return shape_err(e, at, "has \"%s\" twice", type);
	*seen |= 1u << i;
	return 0;
}

static int check_namespaces(void *base, const struct shape_at *up, struct err *e)
{
	struct shape_at at = {.up = up, .name = "namespaces"};
	struct oci_config *c = base;
	unsigned seen = 0;

	for (size_t i = 0; i < c->n_namespaces; i++)
		if (check_type(c->namespaces[i].type, namespace_types, &seen, &at, e) < 0)
			return -1;
	return 0;
}

static int check_rlimits(void *base, const struct shape_at *up, struct err *e)
{
	struct shape_at at = {.up = up, .name = "rlimits"};
	struct oci_process *p = base;
	unsigned seen = 0;

	for (size_t i = 0; i < p->n_rlimits; i++)
		if (check_type(p->rlimits[i].type, rlimit_types, &seen, &at, e) < 0)
			return -1;
	return 0;
}

static int check_hook(void *base, const struct shape_at *up, struct err *e)
{
	struct shape_at at = {.up = up, .name = "path"};
	struct oci_hook *h = base;

	return *h->path == '/' ? 0 : shape_err(e, &at, "must be absolute, not \"%s\"", h->path);
}

static int check_rule(void *base, const struct shape_at *up, struct err *e)
{
	struct shape_at at = {.up = up, .name = "access"};
	struct oci_device_rule *r = base;

	if (r->access && strspn(r->access, "rwm") != strlen(r->access))
		return shape_err(e, &at, "may hold r, w and m only, not \"%s\"", r->access);
	return 0;
}

static int check_device(void *base, const struct shape_at *up, struct err *e)
{
	struct oci_device *d = base;

	if (*d->path != '/')
		return shape_err(e, up, "has the path \"%s\"; it must be absolute", d->path);
	if (d->type != 'p' && (d->major < 0 || d->minor < 0))
		return shape_err(e, up, "(%s) needs major and minor", d->path);
	return 0;
}

#define F(member) offsetof(struct oci_idmap, member)
static const struct shape_member idmap_members[] = {
	MEMBER("containerID", U32, SHAPE_REQ | SHAPE_ALWAYS, container_id),
	MEMBER("hostID", U32, SHAPE_REQ | SHAPE_ALWAYS, host_id),
	MEMBER("size", U32, SHAPE_REQ | SHAPE_ALWAYS, size),
};
static const struct shape idmap_shape = SHAPE(idmap_members, struct oci_idmap, NULL);

#undef F
#define F(member) offsetof(struct oci_mount, member)
static const struct shape_member mount_members[] = {
	MEMBER("destination", STR, SHAPE_REQ, destination),
	MEMBER("type", STR, 0, type),
	MEMBER("source", STR, 0, source),
	MEMBER("options", STRV, 0, options),
	MEMBER("uidMappings", LIST, 0, uids.v, .aux = F(uids.n), .sub = &idmap_shape),
	MEMBER("gidMappings", LIST, 0, gids.v, .aux = F(gids.n), .sub = &idmap_shape),
};
static const struct shape mount_shape = SHAPE(mount_members, struct oci_mount, NULL);

#undef F
#define F(member) offsetof(struct oci_rlimit, member)
static const struct shape_member rlimit_members[] = {
	MEMBER("type", STR, SHAPE_REQ, type),
	MEMBER("hard", U64, SHAPE_REQ | SHAPE_ALWAYS, hard),
	MEMBER("soft", U64, SHAPE_REQ | SHAPE_ALWAYS, soft),
};
static const struct shape rlimit_shape = SHAPE(rlimit_members, struct oci_rlimit, NULL);

#undef F
#define F(member) offsetof(struct oci_namespace, member)
static const struct shape_member namespace_members[] = {
	MEMBER("type", STR, SHAPE_REQ, type),
	MEMBER("path", STR, 0, path),
};
static const struct shape namespace_shape = SHAPE(namespace_members, struct oci_namespace, NULL);

/* Device numbers: 12 bits of major, 20 of minor in the kernel; cgroups take 32 each. */
#define DEVICE_NUMBER_MAX UINT32_MAX

#undef F
#define F(member) offsetof(struct oci_device, member)
static const struct shape_member device_members[] = {
	MEMBER("path", STR, SHAPE_REQ, path),
	MEMBER("type", CHAR, SHAPE_REQ | SHAPE_ALWAYS, type, .words = "cbup"),
	MEMBER("major", I64, SHAPE_MINUS, major, .min = -1, .max = DEVICE_NUMBER_MAX),
	MEMBER("minor", I64, SHAPE_MINUS, minor, .min = -1, .max = DEVICE_NUMBER_MAX),
	MEMBER("fileMode", I64, SHAPE_MINUS, file_mode, .min = 0, .max = UINT32_MAX),
	MEMBER("uid", I64, SHAPE_MINUS, uid, .min = 0, .max = UINT32_MAX),
	MEMBER("gid", I64, SHAPE_MINUS, gid, .min = 0, .max = UINT32_MAX),
};
static const struct shape device_shape = SHAPE(device_members, struct oci_device, check_device);

#undef F
#define F(member) offsetof(struct oci_device_rule, member)
static const struct shape_member rule_members[] = {
	MEMBER("allow", BOOL, SHAPE_ALWAYS, allow),
	MEMBER("type", CHAR, 0, type, .words = "abc"),
	MEMBER("major", I64, SHAPE_MINUS, major, .min = -1, .max = DEVICE_NUMBER_MAX),
	MEMBER("minor", I64, SHAPE_MINUS, minor, .min = -1, .max = DEVICE_NUMBER_MAX),
	MEMBER("access", STR, 0, access),
};
static const struct shape rule_shape = SHAPE(rule_members, struct oci_device_rule, check_rule);

#undef F
#define F(member) offsetof(struct oci_hook, member)
static const struct shape_member hook_members[] = {
	MEMBER("path", STR, SHAPE_REQ, path),
	MEMBER("args", STRV, 0, args),
	MEMBER("env", STRV, 0, env),
	MEMBER("timeout", INT, 0, timeout, .min = 0, .max = INT32_MAX),
};
static const struct shape hook_shape = SHAPE(hook_members, struct oci_hook, check_hook);

#undef F
#define F(member) offsetof(struct oci_process, member)
/* A missing one is 0, as in runc: what is 0 is left out when it is written. */
static const struct shape_member console_members[] = {
	MEMBER("height", U32, 0, console_height),
	MEMBER("width", U32, 0, console_width),
};
static const struct shape console_shape = SHAPE(console_members, struct oci_process, NULL);

static const struct shape_member user_members[] = {
	MEMBER("uid", U32, SHAPE_ALWAYS, uid),
	MEMBER("gid", U32, SHAPE_ALWAYS, gid),
	MEMBER("umask", I64, SHAPE_MINUS, umask, .min = 0, .max = 0777),
	MEMBER("additionalGids", U32V, 0, additional_gids, .aux = F(n_additional_gids)),
};
static const struct shape user_shape = SHAPE(user_members, struct oci_process, NULL);

#define CAPS(text, member, flags) MEMBER(text, CAPS, flags, member, .aux = F(caps_unknown))
static const struct shape_member caps_members[] = {
	CAPS("bounding", caps_bounding, SHAPE_REST),
	CAPS("effective", caps_effective, 0),
	CAPS("permitted", caps_permitted, 0),
	CAPS("inheritable", caps_inheritable, 0),
	CAPS("ambient", caps_ambient, 0),
};
static const struct shape caps_shape = SHAPE(caps_members, struct oci_process, NULL);

static const struct shape_member process_members[] = {
	MEMBER("terminal", BOOL, 0, terminal),
	NESTED("consoleSize", console_shape),
	NESTED("user", user_shape),
	MEMBER("args", STRV, 0, args),
	MEMBER("env", STRV, 0, env),
	MEMBER("cwd", STR, 0, cwd),
	NESTED("capabilities", caps_shape, .flags = SHAPE_SET, .aux = F(caps_set)),
	MEMBER("rlimits", LIST, 0, rlimits, .aux = F(n_rlimits), .sub = &rlimit_shape),
	MEMBER("noNewPrivileges", BOOL, 0, no_new_privileges),
	MEMBER("apparmorProfile", STR, 0, apparmor_profile),
	MEMBER("selinuxLabel", STR, 0, selinux_label),
	MEMBER("oomScoreAdj", INT, SHAPE_SET, oom_score_adj, .aux = F(oom_score_adj_set),
		.min = -1000, .max = 1000),
};
static const struct shape process_shape = SHAPE(process_members, struct oci_process, check_rlimits);

#undef F
#define F(member) offsetof(struct oci_io_device, member)
static const struct shape_member io_weight_members[] = {
	MEMBER("major", I64, SHAPE_REQ | SHAPE_ALWAYS, major, .max = DEVICE_NUMBER_MAX),
	MEMBER("minor", I64, SHAPE_REQ | SHAPE_ALWAYS, minor, .max = DEVICE_NUMBER_MAX),
	MEMBER("weight", U64, 0, value),
};
static const struct shape io_weight_shape = SHAPE(io_weight_members, struct oci_io_device, NULL);
static const struct shape_member io_rate_members[] = {
	MEMBER("major", I64, SHAPE_REQ | SHAPE_ALWAYS, major, .max = DEVICE_NUMBER_MAX),
	MEMBER("minor", I64, SHAPE_REQ | SHAPE_ALWAYS, minor, .max = DEVICE_NUMBER_MAX),
	MEMBER("rate", U64, SHAPE_ALWAYS, value),
};
static const struct shape io_rate_shape = SHAPE(io_rate_members, struct oci_io_device, NULL);

#undef F
#define F(member) offsetof(struct oci_resources, member)
static const struct shape_member memory_members[] = {
	MEMBER("limit", I64, SHAPE_SET, memory_limit, .aux = F(memory_set)),
	MEMBER("swap", I64, SHAPE_SET, memory_swap, .aux = F(memory_swap_set)),
	MEMBER("reservation", I64, SHAPE_SET, memory_reservation, .aux = F(memory_reservation_set)),
	MEMBER("swappiness", U64, SHAPE_SET, memory_swappiness, .aux = F(memory_swappiness_set)),
	MEMBER("disableOOMKiller", BOOL, 0, oom_kill_disable),
};
static const struct shape memory_shape = SHAPE(memory_members, struct oci_resources, NULL);
static const struct shape_member cpu_members[] = {
	MEMBER("shares", U64, SHAPE_SET, cpu_shares, .aux = F(cpu_shares_set)),
	MEMBER("quota", I64, SHAPE_SET, cpu_quota, .aux = F(cpu_quota_set)),
	MEMBER("period", U64, SHAPE_SET, cpu_period, .aux = F(cpu_period_set)),
	MEMBER("realtimeRuntime", I64, 0, cpu_rt_runtime),
	MEMBER("realtimePeriod", U64, 0, cpu_rt_period),
	MEMBER("cpus", STR, 0, cpus),
	MEMBER("mems", STR, 0, mems),
};
static const struct shape cpu_shape = SHAPE(cpu_members, struct oci_resources, NULL);
#define IO_LIST(name, member, shape) \
	MEMBER(name, LIST, 0, member.v, .aux = F(member.n), .sub = &(shape))
static const struct shape_member io_members[] = {
	MEMBER("weight", U64, 0, io_weight),
	IO_LIST("weightDevice", io_weights, io_weight_shape),
	IO_LIST("throttleReadBpsDevice", io_read_bps, io_rate_shape),
	IO_LIST("throttleWriteBpsDevice", io_write_bps, io_rate_shape),
	IO_LIST("throttleReadIOPSDevice", io_read_iops, io_rate_shape),
	IO_LIST("throttleWriteIOPSDevice", io_write_iops, io_rate_shape),
};
static const struct shape io_shape = SHAPE(io_members, struct oci_resources, NULL);
static const struct shape_member pids_members[] = {
	MEMBER("limit", I64, SHAPE_SET, pids_limit, .aux = F(pids_set)),
};
static const struct shape pids_shape = SHAPE(pids_members, struct oci_resources, NULL);
static const struct shape_member resources_members[] = {
	MEMBER("devices", LIST, 0, devices, .aux = F(n_devices), .sub = &rule_shape),
	NESTED("memory", memory_shape),
	NESTED("cpu", cpu_shape),
	NESTED("pids", pids_shape),
	NESTED("blockIO", io_shape),
};
static const struct shape resources_shape = SHAPE(resources_members, struct oci_resources, NULL);

#undef F
#define F(member) offsetof(struct oci_interface, member)
static const struct shape_member interface_members[] = {
	MEMBER("name", STR, SHAPE_REQ, name),
	MEMBER("addresses", STRV, 0, addresses),
	MEMBER("gateways", STRV, 0, gateways),
};
static const struct shape interface_shape = SHAPE(interface_members, struct oci_interface, NULL);

#undef F
#define F(member) offsetof(struct oci_hull, member)
static const struct shape_member hull_members[] = {
	MEMBER("layers", STRV, 0, layers),
	MEMBER("upper", STR, 0, upper),
	MEMBER("volatileUpper", BOOL, 0, volatile_upper),
	MEMBER("idmapRoot", BOOL, 0, idmap_root),
	MEMBER("seccompFilter", STR, 0, seccomp_filter),
	MEMBER("init", BOOL, 0, init),
	MEMBER("initPath", STR, 0, init_path),
	MEMBER("interfaces", LIST, 0, interfaces, .aux = F(n_interfaces), .sub = &interface_shape),
};
static const struct shape hull_shape = SHAPE(hull_members, struct oci_hull, NULL);

#undef F
#define F(member) offsetof(struct oci_config, member)
#define HOOKS(text, member) MEMBER(text, LIST, 0, member.v, .aux = F(member.n), .sub = &hook_shape)
static const struct shape_member hooks_members[] = {
	HOOKS("prestart", prestart),
	HOOKS("createRuntime", create_runtime),
	HOOKS("createContainer", create_container),
	HOOKS("startContainer", start_container),
	HOOKS("poststart", poststart),
	HOOKS("poststop", poststop),
};
static const struct shape hooks_shape = SHAPE(hooks_members, struct oci_config, NULL);

static const struct shape_member root_members[] = {
	MEMBER("path", STR, SHAPE_REQ, root_path),
	MEMBER("readonly", BOOL, 0, root_readonly),
};
static const struct shape root_shape = SHAPE(root_members, struct oci_config, NULL);

static const struct shape_member linux_members[] = {
	MEMBER("uidMappings", LIST, 0, uids.v, .aux = F(uids.n), .sub = &idmap_shape),
	MEMBER("gidMappings", LIST, 0, gids.v, .aux = F(gids.n), .sub = &idmap_shape),
	MEMBER("sysctl", STRMAP, 0, sysctl),
	NESTED("resources", resources_shape, .flags = SHAPE_KEEP, .off = F(resources),
		.aux = F(resources.raw)),
	MEMBER("cgroupsPath", STR, 0, cgroups_path),
	MEMBER("namespaces", LIST, 0, namespaces, .aux = F(n_namespaces), .sub = &namespace_shape),
	MEMBER("devices", LIST, 0, devices, .aux = F(n_devices), .sub = &device_shape),
	MEMBER("seccomp", RAW, 0, seccomp),
	MEMBER("rootfsPropagation", STR, 0, rootfs_propagation),
	MEMBER("maskedPaths", STRV, 0, masked_paths),
	MEMBER("readonlyPaths", STRV, 0, readonly_paths),
	MEMBER("mountLabel", STR, 0, mount_label),
	MEMBER("personality", RAW, 0, personality),
};
static const struct shape linux_shape = SHAPE(linux_members, struct oci_config, check_namespaces);

static const struct shape_member config_members[] = {
	MEMBER("ociVersion", STR, 0, version),
	NESTED("root", root_shape),
	MEMBER("hostname", STR, 0, hostname),
	MEMBER("domainname", STR, 0, domainname),
	NESTED("process", process_shape, .off = F(process)),
	MEMBER("mounts", LIST, 0, mounts, .aux = F(n_mounts), .sub = &mount_shape),
	NESTED("hooks", hooks_shape),
	MEMBER("annotations", STRMAP, 0, annotations),
	NESTED("linux", linux_shape),
	MEMBER("hull", PTR, 0, hull, .sub = &hull_shape),
};
static const struct shape config_shape = SHAPE(config_members, struct oci_config, NULL);

void oci_config_init(struct oci_config *c)
{
	memset(c, 0, sizeof(*c));
	shape_init(&config_shape, c);
}

int oci_config_parse(const char *text, size_t len, struct oci_config *out, struct err *e)
{
	auto_json json_t *json = NULL;

	oci_config_init(out);
	json = jsonx_parse_u64(text, len, "the OCI configuration", e);
	return json ? shape_read(&config_shape, json, out, LIST_MAX, e) : -1;
}

char *oci_config_text(const struct oci_config *c)
{
	return shape_text(&config_shape, c);
}

void oci_config_done(struct oci_config *c)
{
	shape_done(&config_shape, c);
	memset(c, 0, sizeof(*c));
}

const struct oci_namespace *oci_config_namespace(const struct oci_config *c, const char *type)
{
	for (size_t i = 0; i < c->n_namespaces; i++)
		if (streq(c->namespaces[i].type, type))
			return &c->namespaces[i];
	return NULL;
}

/* One more, zeroed, at the end of an array. */
#define ARRAY_ADD(array, n)                                                  \
	({                                                                   \
		(array) = xreallocarray((array), (n) + 1, sizeof(*(array))); \
		memset(&(array)[(n)], 0, sizeof(*(array)));                  \
		&(array)[(n)++];                                             \
	})

struct oci_mount *oci_config_add_mount(struct oci_config *c, const char *destination,
	const char *type, const char *source, const char *options_comma)
{
	struct oci_mount *m = ARRAY_ADD(c->mounts, c->n_mounts);

	m->destination = xstrdup(destination);
	m->type = xstrdup(type);
	m->source = xstrdup(source);
	if (options_comma && *options_comma)
		m->options = strv_split(options_comma, ",");
	return m;
}

void oci_config_add_namespace(struct oci_config *c, const char *type, const char *path)
{
	struct oci_namespace *ns = ARRAY_ADD(c->namespaces, c->n_namespaces);

	ns->type = xstrdup(type);
	ns->path = xstrdup(path);
}

void oci_config_add_rlimit(struct oci_config *c, const char *type, uint64_t soft, uint64_t hard)
{
	struct oci_rlimit *l = ARRAY_ADD(c->process.rlimits, c->process.n_rlimits);

	l->type = xstrdup(type);
	l->soft = soft;
	l->hard = hard;
}

struct oci_interface *oci_config_add_interface(struct oci_config *c, const char *name)
{
	struct oci_hull *h = c->hull;
	struct oci_interface *i;

	h->interfaces = xreallocarray(h->interfaces, h->n_interfaces + 1, sizeof(*i));
	i = &h->interfaces[h->n_interfaces++];
	*i = (struct oci_interface){.name = xstrdup(name)};
	return i;
}

struct oci_device *oci_config_add_device(
	struct oci_config *c, const char *path, char type, int64_t major, int64_t minor)
{
	struct oci_device *d = ARRAY_ADD(c->devices, c->n_devices);

	d->path = xstrdup(path);
	d->type = type;
	d->major = major;
	d->minor = minor;
	d->file_mode = d->uid = d->gid = -1;
	return d;
}

struct oci_device_rule *oci_config_add_device_rule(struct oci_config *c, int allow, char type,
	int64_t major, int64_t minor, const char *access)
{
	struct oci_device_rule *r = ARRAY_ADD(c->resources.devices, c->resources.n_devices);

	r->allow = allow;
	r->type = type;
	r->major = major;
	r->minor = minor;
	r->access = xstrdup(access);
	return r;
}

void oci_io_devices_add(struct oci_io_devices *l, int64_t major, int64_t minor, uint64_t value)
{
	struct oci_io_device *d = ARRAY_ADD(l->v, l->n);

	*d = (struct oci_io_device){major, minor, value};
}

void oci_idmaps_add(struct oci_idmaps *m, uint32_t container_id, uint32_t host_id, uint32_t size)
{
	struct oci_idmap *map = ARRAY_ADD(m->v, m->n);

	*map = (struct oci_idmap){container_id, host_id, size};
}
