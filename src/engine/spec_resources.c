/* spec_resources.c: rlimits, sysctls, oom score, size of /dev/shm. */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "engine/idrange.h"
#include "engine/spec.h"
#include "kernel/ns.h"

#define SHM_DEFAULT (INT64_C(64) << 20)
/* Docker leaves its daemon's, which is a billion on many hosts and makes programs slow that close
 * all descriptors they might have. */
#define NOFILE_SOFT 1024
#define NOFILE_HARD 524288

static int is_given(const char *s)
{
	return s && *s;
}

int spec_parse_size(const char *flag, const char *text, int64_t *out, struct err *e)
{
	if (parse_bytes(text, out) == 0)
		return 0;
	return err_set(e, ERR_INVALID,
		"invalid argument \"%s\" for \"%s\" flag: invalid size: '%s'", text, flag, text);
}

static int parse_limit(const char *text, uint64_t *out)
{
	int64_t v;

	if (parse_i64(text, &v) < 0 || v < -1)
		return -1;
	*out = v < 0 ? UINT64_MAX : (uint64_t)v;
	return 0;
}

/* "nofile=1024:2048" */
static int add_ulimit(struct spec *s, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	auto_free char *name = NULL, *type = NULL;
	auto_strv char **values = NULL;
	uint64_t soft, hard;

	if (!equals || equals == text)
		return err_set(e, ERR_INVALID, "invalid ulimit argument: %s", text);
	name = xstrndup(text, (size_t)(equals - text));
	if (ns_rlimit_number(name) < 0 || str_after(name, "RLIMIT_"))
		return err_set(e, ERR_INVALID, "invalid ulimit type: %s", name);
	values = strv_split(equals + 1, ":");
	if (!values || strv_len(values) > 2 || parse_limit(values[0], &soft) < 0 ||
		parse_limit(values[strv_len(values) - 1], &hard) < 0)
		return err_set(e, ERR_INVALID,
			"invalid ulimit argument: %s (the form is name=soft[:hard], -1 is "
			"unlimited)",
			text);
	if (soft > hard)
		return err_set(e, ERR_INVALID,
			"ulimit soft limit must be less than or equal to hard limit: %s", text);
	type = xasprintf("RLIMIT_%s", name);
	for (char *p = type; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	for (size_t i = 0; i < s->oci.process.n_rlimits; i++) {
		struct oci_rlimit *r = &s->oci.process.rlimits[i];
		if (!streq(r->type, type))
			continue;
		r->soft = soft;
		r->hard = hard;
		return 0;
	}
	oci_config_add_rlimit(&s->oci, type, soft, hard);
	return 0;
}

/* Only what belongs to a namespace may be set, and only when that namespace is the container's. A
 * value with a line break or plus, comma, equals signs once set other keys (CVE-2022-0811). */
static int check_sysctl(const struct spec *s, const char *key, const char *value, struct err *e)
{
	static const char *const ipc[] = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
		"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
		"kernel.shm_rmid_forced"};
	int is_ipc = str_after(key, "fs.mqueue.") != NULL, is_net = str_after(key, "net.") != NULL;

	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		is_ipc |= streq(key, ipc[i]);
	for (const char *p = key; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-/", *p))
			is_ipc = is_net = 0;
	if (strstr(key, "..") || strstr(key, "//"))
		is_ipc = is_net = 0;
	if (!is_ipc && !is_net)
		return err_set(e, ERR_INVALID, "sysctl '%.200s' is not allowed", key);
	if (is_net && s->modes.network == NETWORK_CONTAINER)
		return err_set(e, ERR_INVALID,
			"sysctl \"%.200s\" is the other container's, whose network is joined", key);
	if (is_net && s->modes.network == NETWORK_HOST)
		return err_set(e, ERR_INVALID,
			"sysctl \"%.200s\" not allowed in host network namespace", key);
	if (is_ipc && s->modes.ipc_host)
		return err_set(
			e, ERR_INVALID, "sysctl \"%.200s\" not allowed in host ipc namespace", key);
	for (const char *p = value; *p; p++)
		if (iscntrl((unsigned char)*p) && *p != '\t')
			return err_set(e, ERR_INVALID,
				"sysctl \"%.200s\": the value holds a control character", key);
	if (strpbrk(value, "+,="))
		return err_set(e, ERR_INVALID,
			"sysctl \"%.200s\": the value \"%.100s\" holds one of \"+,=\"", key, value);
	return 0;
}

static void set_sysctl(struct spec *s, const char *key, const char *value)
{
	if (!s->oci.sysctl)
		s->oci.sysctl = json_object();
	json_object_set_new(s->oci.sysctl, key, jsonx_string(value));
}

static int set_sysctls(struct spec *s, struct err *e)
{
	if (s->modes.network == NETWORK_OWN || s->modes.network == NETWORK_NONE) {
		/* Docker's: no program needs a capability for low ports or ping. Group ids that the
		 * user namespace does not map would be refused. */
		set_sysctl(s, "net.ipv4.ip_unprivileged_port_start", "0");
		set_sysctl(s, "net.ipv4.ping_group_range",
			s->gids && !userns_map_has(s->gids, 65535) ? "0 0"
			: s->modes.user_ns || s->uids		   ? "0 65535"
								   : "0 2147483647");
	}
	strv_foreach (t, s->req->sysctls) {
		const char *equals = strchr(*t, '=');
		auto_free char *key = equals ? xstrndup(*t, (size_t)(equals - *t)) : NULL;

		if (!key || !*key)
			return err_set(e, ERR_INVALID,
				"invalid argument \"%.200s\" for \"--sysctl\" flag: the form is "
				"KEY=VALUE",
				*t);
		if (check_sysctl(s, key, equals + 1, e) < 0)
			return -1;
		set_sysctl(s, key, equals + 1);
	}
	return 0;
}

/* 0, as Docker has it, not what our caller has (a protected service, a desktop's session). */
static void default_oom_score(struct spec *s)
{
	auto_buf struct buf b = BUF_MAX(64);
	long own;

	if (fd_read_file(AT_FDCWD, "/proc/self/oom_score_adj", &b) < 0 || !b.data)
		return;
	own = strtol(b.data, NULL, 10);
	s->oci.process.oom_score_adj_set = own != 0;
}

static int set_shm_and_oom(struct spec *s, struct err *e)
{
	const struct engine_run *req = s->req;

	s->shm_size = 0;
	if (is_given(req->shm_size) &&
		spec_parse_size("--shm-size", req->shm_size, &s->shm_size, e) < 0)
		return -1;
	if (!s->shm_size)
		s->shm_size = SHM_DEFAULT;
	if (!req->oom_score_adj_set) {
		default_oom_score(s);
		return 0;
	}
	if (req->oom_score_adj < -1000 || req->oom_score_adj > 1000)
		return err_set(e, ERR_INVALID,
			"Invalid value %d, range for oom score adj is [-1000, 1000]",
			req->oom_score_adj);
	s->oci.process.oom_score_adj_set = 1;
	s->oci.process.oom_score_adj = req->oom_score_adj;
	return 0;
}

/* The default is only a wish: who may not raise the hard limit passes on the one that is. Tried,
 * because that is one call, and asking for the capability is eighty. */
static void set_default_nofile(struct spec *s)
{
	uint64_t hard = NOFILE_HARD;
	struct rlimit own, raised;

	if (getrlimit(RLIMIT_NOFILE, &own) == 0 && own.rlim_max < hard) {
		raised = (struct rlimit){own.rlim_cur, hard};
		if (setrlimit(RLIMIT_NOFILE, &raised) < 0)
			hard = own.rlim_max;
		else
			setrlimit(RLIMIT_NOFILE, &own);
	}
	oci_config_add_rlimit(
		&s->oci, "RLIMIT_NOFILE", hard < NOFILE_SOFT ? hard : NOFILE_SOFT, hard);
}

int spec_resources(struct spec *s, struct err *e)
{
	if (set_shm_and_oom(s, e) < 0 || set_sysctls(s, e) < 0)
		return -1;
	set_default_nofile(s);
	strv_foreach (u, s->req->ulimits)
		if (add_ulimit(s, *u, e) < 0)
			return -1;
	return 0;
}
