/* run.c: hull run. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cmd.h"

struct values {
	struct engine_run r;
	char **env, **env_files, **group_add, **volumes, **mounts, **tmpfs, **ulimits, **sysctls,
		**cap_add, **cap_drop, **security_opts, **devices, **labels, **label_files,
		**annotations, **add_hosts, **dns, **dns_search, **dns_option,
		**blkio_weight_devices, **device_read_bps, **device_write_bps, **device_read_iops,
		**device_write_iops, **device_cgroup_rules, **networks, **network_aliases,
		**publish, **expose;
	int64_t oom_score_adj, stop_timeout;
	const char *restart, *log_driver;
	int sig_proxy, quiet;
};

#define AT(member) offsetof(struct values, member), OPT_NOT_TRACKED
#define AT_SET(member, set) offsetof(struct values, member), offsetof(struct values, set)
#define NOWHERE 0, OPT_NOT_TRACKED

static const struct opt opts[] = {
	{"add-host", 0, OPT_LIST, AT(add_hosts), "host:ip", "Add a line to /etc/hosts"},
	{"annotation", 0, OPT_LIST, AT(annotations), "key=value", "Add an OCI annotation"},
	{"blkio-weight", 0, OPT_INT, AT(r.blkio_weight), "uint16",
		"Weight for block devices (10 to 1000, 0: none)"},
	{"blkio-weight-device", 0, OPT_LIST, AT(blkio_weight_devices), "list",
		"Weight for one block device: PATH:WEIGHT"},
	{"cap-add", 0, OPT_LIST, AT(cap_add), "list", "Add capabilities"},
	{"cap-drop", 0, OPT_LIST, AT(cap_drop), "list", "Drop capabilities"},
	{"cgroup-parent", 0, OPT_TEXT, AT(r.cgroup_parent), "string",
		"Parent of the container's cgroup"},
	{"cgroupns", 0, OPT_TEXT, AT(r.cgroupns), "string", "Cgroup namespace (private|host)"},
	{"cidfile", 0, OPT_TEXT, AT(r.cidfile), "file", "Write the container's id to the file"},
	{"cpu-period", 0, OPT_INT, AT(r.cpu_period), "int",
		"Length of the scheduler's period (microseconds)"},
	{"cpu-quota", 0, OPT_INT, AT(r.cpu_quota), "int",
		"Processor time in each period (microseconds)"},
	{"cpu-rt-period", 0, OPT_INT, AT(r.cpu_rt_period), "int",
		"Period of the real-time scheduler (microseconds; cgroup v1)"},
	{"cpu-rt-runtime", 0, OPT_INT, AT(r.cpu_rt_runtime), "int",
		"Real time in each such period (microseconds; cgroup v1)"},
	{"cpu-shares", 'c', OPT_INT, AT(r.cpu_shares), "int", "CPU shares (relative weight)"},
	{"cpus", 0, OPT_TEXT, AT(r.cpus), "decimal", "Number of CPUs"},
	{"cpuset-cpus", 0, OPT_TEXT, AT(r.cpuset_cpus), "string", "Processors: 0-3, 0,1"},
	{"cpuset-mems", 0, OPT_TEXT, AT(r.cpuset_mems), "string", "Memory nodes: 0-3, 0,1"},
	{"detach", 'd', OPT_BOOL, AT(r.detach), "", "Run in the background and print the id"},
	{"device", 0, OPT_LIST, AT(devices), "list", "Give a device of the host to the container"},
	{"device-cgroup-rule", 0, OPT_LIST, AT(device_cgroup_rules), "list",
		"Allow devices that have no node yet: 'c 189:* rwm'"},
	{"device-read-bps", 0, OPT_LIST, AT(device_read_bps), "list",
		"Bytes read from a device each second: PATH:10mb"},
	{"device-read-iops", 0, OPT_LIST, AT(device_read_iops), "list",
		"Reads from a device each second: PATH:1000"},
	{"device-write-bps", 0, OPT_LIST, AT(device_write_bps), "list",
		"Bytes written to a device each second: PATH:10mb"},
	{"device-write-iops", 0, OPT_LIST, AT(device_write_iops), "list",
		"Writes to a device each second: PATH:1000"},
	{"dns", 0, OPT_LIST, AT(dns), "list", "Name servers"},
	{"dns-option", 0, OPT_LIST, AT(dns_option), "list", "Options of resolv.conf"},
	{"dns-search", 0, OPT_LIST, AT(dns_search), "list", "Search domains"},
	{"domainname", 0, OPT_TEXT, AT(r.domainname), "string", "NIS domain name"},
	{"entrypoint", 0, OPT_TEXT, AT_SET(r.entrypoint, r.entrypoint_set), "string",
		"Replace the image's ENTRYPOINT"},
	{"env", 'e', OPT_LIST, AT(env), "list", "Set environment variables"},
	{"env-file", 0, OPT_LIST, AT(env_files), "list", "Read environment variables from a file"},
	{"expose", 0, OPT_LIST, AT(expose), "list", "Ports for -P, beside the image's"},
	{"group-add", 0, OPT_LIST, AT(group_add), "list", "Join additional groups"},
	{"hostname", 'h', OPT_TEXT, AT(r.hostname), "string", "Host name inside"},
	{"init", 0, OPT_BOOL, AT(r.init), "",
		"Run an init as PID 1 that reaps and forwards signals"},
	{"interactive", 'i', OPT_BOOL, AT(r.interactive), "", "Keep stdin connected"},
	{"ipc", 0, OPT_TEXT, AT(r.ipc), "string", "IPC mode (private|none|host)"},
	/* Of kernels before 5.4, and not in Docker's help any more. */
	{"kernel-memory", 0, OPT_TEXT, AT(r.kernel_memory), "bytes", NULL},
	{"label", 'l', OPT_LIST, AT(labels), "list", "Set labels"},
	{"label-file", 0, OPT_LIST, AT(label_files), "list", "Read labels from a file"},
	{"log-driver", 0, OPT_TEXT, AT(log_driver), "string", "Where output is kept (none)"},
	{"memory", 'm', OPT_TEXT, AT(r.memory), "bytes", "Memory limit"},
	{"memory-reservation", 0, OPT_TEXT, AT(r.memory_reservation), "bytes",
		"Memory that is taken back only when there is no other (soft limit)"},
	{"memory-swap", 0, OPT_TEXT, AT(r.memory_swap), "bytes", "Memory plus swap; -1: no limit"},
	{"memory-swappiness", 0, OPT_INT, AT_SET(r.memory_swappiness, r.memory_swappiness_set),
		"int", "Readiness to swap, 0 to 100 (cgroup v1)"},
	{"mount", 0, OPT_LIST, AT(mounts), "mount", "type=bind|volume|tmpfs,src=...,dst=..."},
	{"name", 0, OPT_TEXT, AT(r.name), "string", "Name of the container"},
	{"ip", 0, OPT_TEXT, AT(r.ip), "string", "IPv4 address in the first network"},
	{"ip6", 0, OPT_TEXT, AT(r.ip6), "string", "IPv6 address in the first network"},
	{"mac-address", 0, OPT_TEXT, AT(r.mac_address), "string",
		"MAC address in the first network"},
	{"net", 0, OPT_LIST, AT(networks), "network", NULL},
	{"network", 0, OPT_LIST, AT(networks), "network",
		"Network: none, host, NAME[:ip=,ip6=,mac=,alias=,interface=]"},
	{"network-alias", 0, OPT_LIST, AT(network_aliases), "list",
		"Further names in the first network"},
	{"oom-kill-disable", 0, OPT_BOOL, AT(r.oom_kill_disable), "",
		"Wait instead of killing when memory runs out (cgroup v1)"},
	{"oom-score-adj", 0, OPT_INT, AT_SET(oom_score_adj, r.oom_score_adj_set), "int",
		"Preference of the out-of-memory killer"},
	{"pid", 0, OPT_TEXT, AT(r.pid), "string", "PID namespace (host)"},
	{"pids-limit", 0, OPT_INT, AT_SET(r.pids_limit, r.pids_limit_set), "int",
		"Largest number of processes; -1: no limit"},
	{"platform", 0, OPT_TEXT, AT(r.platform), "string", "Platform, when the image has several"},
	{"privileged", 0, OPT_BOOL, AT(r.privileged), "", "All powers of root on the host"},
	{"publish", 'p', OPT_LIST, AT(publish), "list",
		"Publish a port: [IP:][HOST[-END]:]PORT[-END][/udp|sctp]"},
	{"publish-policy", 0, OPT_TEXT, AT(r.publish_policy), "policy",
		"Who decides on published ports: the host's \"firewall\", or nobody (\"direct\")"},
	{"publish-all", 'P', OPT_BOOL, AT(r.publish_all), "", "Publish all exposed ports"},
	{"pull", 0, OPT_TEXT, AT(r.pull), "string", "Pull first (missing|never)"},
	{"quiet", 'q', OPT_BOOL, AT(quiet), "", "No progress of pulls"},
	{"read-only", 0, OPT_BOOL, AT(r.read_only), "", "Root file system read-only"},
	{"restart", 0, OPT_TEXT, AT(restart), "string", "When it is started again (no)"},
	{"rm", 0, OPT_BOOL, AT(r.remove), "", "Remove the container when it ends"},
	{"rootfs", 0, OPT_TEXT, AT(r.rootfs), "DIR[:O]",
		"Run from a folder instead of an image; :O throws changes away"},
	{"security-opt", 0, OPT_LIST, AT(security_opts), "list",
		"seccomp=FILE|unconfined, seccomp-allow=CALL,..., no-new-privileges, "
		"systempaths=unconfined"},
	{"shm-size", 0, OPT_TEXT, AT(r.shm_size), "bytes", "Size of /dev/shm"},
	{"sig-proxy", 0, OPT_BOOL, AT(sig_proxy), "", "Forward signals to the program (true)"},
	{"stop-signal", 0, OPT_TEXT, AT(r.stop_signal), "string",
		"Signal that stops the container"},
	{"stop-timeout", 0, OPT_INT, AT_SET(stop_timeout, r.stop_timeout_set), "int",
		"Seconds until it is killed"},
	{"sysctl", 0, OPT_LIST, AT(sysctls), "map", "Kernel parameters of its namespaces"},
	{"tmpfs", 0, OPT_LIST, AT(tmpfs), "list", "Mount a tmpfs: PATH[:size=64m,mode=1777]"},
	{"tty", 't', OPT_BOOL, AT(r.tty), "", "Give it a terminal"},
	{"ulimit", 0, OPT_LIST, AT(ulimits), "ulimit", "name=soft[:hard]"},
	{"user", 'u', OPT_TEXT, AT(r.user), "string", "User: name|uid[:group|gid]"},
	{"userns", 0, OPT_TEXT, AT(r.userns), "string", "User namespace (auto|host)"},
	{"uts", 0, OPT_TEXT, AT(r.uts), "string", "UTS namespace (host)"},
	{"volume", 'v', OPT_LIST, AT(volumes), "list", "Bind a folder or volume: SRC:DST[:ro,...]"},
	{"workdir", 'w', OPT_TEXT, AT(r.workdir), "string", "Working folder inside"},
	/* Docker's, of later issues: known, so that nobody is left with a riddle. */
	{"attach", 'a', OPT_LATER, NOWHERE, NULL, NULL},
	{"detach-keys", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"gpus", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"health-cmd", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"health-interval", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"health-retries", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"health-start-interval", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"health-start-period", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"health-timeout", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"link", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"log-opt", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"no-healthcheck", 0, OPT_BOOL, AT(quiet), "", NULL},
	{"runtime", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"storage-opt", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"volume-driver", 0, OPT_LATER, NOWHERE, NULL, NULL},
	{"volumes-from", 0, OPT_LATER, NOWHERE, NULL, NULL},
};

/* "--rootfs DIR:O" is a suffix of the flag's, not of the folder's name. */
static void split_rootfs(struct engine_run *r, char **own)
{
	if (!r->rootfs || !str_ends(r->rootfs, ":O"))
		return;
	*own = xstrndup(r->rootfs, strlen(r->rootfs) - 2);
	r->rootfs = *own;
	r->rootfs_overlay = 1;
}

static void lists(struct values *v)
{
	struct engine_run *r = &v->r;

	r->env = v->env;
	r->env_files = v->env_files;
	r->group_add = v->group_add;
	r->volumes = v->volumes;
	r->mounts = v->mounts;
	r->tmpfs = v->tmpfs;
	r->ulimits = v->ulimits;
	r->sysctls = v->sysctls;
	r->cap_add = v->cap_add;
	r->cap_drop = v->cap_drop;
	r->security_opts = v->security_opts;
	r->devices = v->devices;
	r->labels = v->labels;
	r->label_files = v->label_files;
	r->annotations = v->annotations;
	r->add_hosts = v->add_hosts;
	r->dns = v->dns;
	r->dns_search = v->dns_search;
	r->dns_option = v->dns_option;
	r->blkio_weight_devices = v->blkio_weight_devices;
	r->device_read_bps = v->device_read_bps;
	r->device_write_bps = v->device_write_bps;
	r->device_read_iops = v->device_read_iops;
	r->device_write_iops = v->device_write_iops;
	r->device_cgroup_rules = v->device_cgroup_rules;
	r->networks = v->networks;
	r->network_aliases = v->network_aliases;
	r->publish = v->publish;
	r->expose = v->expose;
}

/* The values that say what happens anyway; the others of Docker's must not be ignored. */
static int check_later(const struct values *v, struct err *e)
{
	if (v->restart && *v->restart && !streq(v->restart, "no"))
		err_set(e, ERR_UNSUPPORTED,
			"--restart=%s is not available in this version of hull: only \"no\" is",
			v->restart);
	else if (v->log_driver && *v->log_driver && !streq(v->log_driver, "none"))
		err_set(e, ERR_UNSUPPORTED,
			"--log-driver=%s is not available in this version of hull: only \"none\" "
			"is",
			v->log_driver);
	else
		return 0;
	return err_status(e, 125);
}

static int check_args(const struct engine_run *r, char **args, struct err *e)
{
	if (!r->rootfs && !args) {
		err_set(e, ERR_INVALID,
			"'hull run' requires at least 1 argument: hull run [OPTIONS] "
			"IMAGE [COMMAND] [ARG...]");
		return err_status(e, 1);
	}
	if (r->tty && r->interactive && !isatty(STDIN_FILENO)) {
		err_set(e, ERR_INVALID, "the input device is not a TTY");
		return err_status(e, 1);
	}
	if (r->pull && !streq(r->pull, "missing") && !streq(r->pull, "never"))
		return err_status(e,
			(err_set(e, ERR_UNSUPPORTED,
				 "--pull=%s: registries are not available in this version of hull",
				 r->pull),
				125));
	return 0;
}

static int run(struct engine *en, void *values, char **args, struct err *e)
{
	struct values *v = values;
	auto_free char *own = NULL;
	char id[65] = "";
	int status = 125;

	lists(v);
	v->r.oom_score_adj = (int)v->oom_score_adj;
	v->r.stop_timeout = (int)v->stop_timeout;
	split_rootfs(&v->r, &own);
	if (check_args(&v->r, args, e) < 0 || check_later(v, e) < 0)
		return -1;
	if (!v->r.rootfs)
		v->r.image = *args++;
	v->r.args = args;
	v->r.out_id = id;
	if (engine_run(en, &v->r, &status, e) < 0)
		return -1;
	if (v->r.detach)
		puts(id);
	return status;
}

const struct cmd cmd_run = {
	.name = "run",
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Run a program in a new container",
	.opts = opts,
	.n_opts = ARRAY_SIZE(opts),
	.size = sizeof(struct values),
	.first_stops = 1,
	.max_args = -1,
	.exec = run,
};
