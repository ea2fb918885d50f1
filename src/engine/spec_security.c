/* spec_security.c: capabilities, security options, masked and read-only paths, privileges as a
 * whole. */
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "engine/parts.h"
#include "engine/spec.h"
#include "kernel/caps.h"

/* Docker's fourteen: CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
 * NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE. */
#define CAPS_DEFAULT UINT64_C(0xa80425fb)

static const char *const masked_paths[] = {
	"/proc/asound",
	"/proc/acpi",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
};
static const char *const readonly_paths[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
};

/* The bits of a list of names; *all when "ALL" is among them. */
static int read_caps(const char *what, char *const *names, uint64_t *out, int *all, struct err *e)
{
	*out = 0;
	*all = 0;
	strv_foreach (n, names) {
		int number;

		if (!strcasecmp(*n, "ALL") || !strcasecmp(*n, "CAP_ALL")) {
			*all = 1;
			continue;
		}
		number = caps_number(*n);
		if (number < 0)
			return err_set(e, ERR_INVALID, "invalid %s: unknown capability: \"%s%s\"",
				what, strncasecmp(*n, "CAP_", 4) ? "CAP_" : "", *n);
		if (!(caps_all() & CAPS_BIT(number)))
			return err_set(e, ERR_UNSUPPORTED,
				"invalid %s: capability not supported by your kernel or not "
				"available in the current environment: \"%s\"",
				what, caps_name(number));
		*out |= CAPS_BIT(number);
	}
	return 0;
}

/* Root of a user namespace has them all in it. Without one nobody can get what we do not have. */
static int limit_caps(struct spec *s, struct err *e)
{
	struct caps_sets own;
	int r;

	if (s->modes.user_ns)
		return 0;
	r = caps_get(&own);
	if (r < 0)
		return err_sys(e, r, "read the capabilities of this process");
	s->caps &= own.bounding & own.permitted;
	return 0;
}

/* Docker's rule: with --cap-add=ALL all but the dropped ones; with --cap-drop=ALL none but the
 * added ones; else the default ones without the dropped ones, and the added ones. */
static int set_caps(struct spec *s, struct err *e)
{
	uint64_t add, drop;
	int add_all, drop_all;

	if (read_caps("CapAdd", s->req->cap_add, &add, &add_all, e) < 0 ||
		read_caps("CapDrop", s->req->cap_drop, &drop, &drop_all, e) < 0)
		return -1;
	if (s->req->privileged)
		s->caps = caps_all();
	else if (add_all)
		s->caps = caps_all() & ~drop;
	else if (drop_all)
		s->caps = add;
	else
		s->caps = (CAPS_DEFAULT & ~drop) | add; /* every kernel has these */
	return limit_caps(s, e);
}

static int option_seccomp(struct engine *en, struct spec *s, const char *value, struct err *e)
{
	str_set(&s->seccomp, streq(value, "builtin") ? NULL : value);
	return 0;
}

/* On top of the profile. What the default one refuses without need on some kernels or for some
 * programs has to be had without a profile of one's own: old i386 programs make sockets by
 * socketcall(2), whose arguments no filter can see (data/seccomp.json says why it is refused). */
static int option_seccomp_allow(struct engine *en, struct spec *s, const char *value, struct err *e)
{
	auto_strv char **names = strv_split(value, ",");

	strv_extend(&s->seccomp_allow, names);
	return 0;
}

static int option_systempaths(struct engine *en, struct spec *s, const char *value, struct err *e)
{
	if (!streq(value, "unconfined"))
		return err_set(e, ERR_INVALID, "invalid --security-opt: \"systempaths=%s\"", value);
	s->unconfined_paths = 1;
	return 0;
}

static int option_label(struct engine *en, struct spec *s, const char *value, struct err *e)
{
	if (!streq(value, "disable"))
		engine_warn(en, "--security-opt label=%s is not supported yet, and ignored", value);
	return 0;
}

static int option_apparmor(struct engine *en, struct spec *s, const char *value, struct err *e)
{
	if (!streq(value, "unconfined"))
		engine_warn(
			en, "--security-opt apparmor=%s is not supported yet, and ignored", value);
	return 0;
}

static int option_no_new(struct engine *en, struct spec *s, const char *value, struct err *e)
{
	s->no_new_privileges = 1;
	if (!*value || parse_bool(value, &s->no_new_privileges) == 0)
		return 0;
	return err_set(e, ERR_INVALID, "invalid --security-opt: \"no-new-privileges=%s\"", value);
}

static const struct {
	const char *name;
	int (*set)(struct engine *en, struct spec *s, const char *value, struct err *e);
	int may_be_bare;
} options[] = {
	{"seccomp", option_seccomp, 0},
	{"seccomp-allow", option_seccomp_allow, 0},
	{"no-new-privileges", option_no_new, 1},
	{"systempaths", option_systempaths, 0},
	{"apparmor", option_apparmor, 0},
	{"label", option_label, 0},
};

/* "NAME=VALUE", by old custom also "NAME:VALUE". */
static int set_option(struct engine *en, struct spec *s, const char *text, struct err *e)
{
	size_t len = strcspn(text, "=");

	if (!text[len])
		len = strcspn(text, ":");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *value = text[len] ? text + len + 1 : "";

		if (strlen(options[i].name) != len || strncmp(options[i].name, text, len) != 0)
			continue;
		if (!*value && !options[i].may_be_bare)
			break;
		return options[i].set(en, s, value, e);
	}
	return err_set(e, ERR_INVALID,
		"invalid --security-opt: \"%s\" (seccomp=FILE|unconfined, "
		"seccomp-allow=CALL, no-new-privileges, "
		"systempaths=unconfined, apparmor=NAME and label=X are known)",
		text);
}

int spec_security(struct engine *en, struct spec *s, struct err *e)
{
	struct oci_process *p = &s->oci.process;

	strv_foreach (o, s->req->security_opts)
		if (set_option(en, s, *o, e) < 0)
			return -1;
	if (set_caps(s, e) < 0)
		return -1;
	if (s->req->privileged && !s->seccomp)
		s->seccomp = xstrdup("unconfined");
	p->caps_set = 1;
	p->caps_bounding = s->caps;
	/* Never inheritable, never ambient (CVE-2022-24769 and its kin). */
	if (s->who.uid == 0)
		p->caps_effective = p->caps_permitted = s->caps;
	p->no_new_privileges = s->no_new_privileges;
	if (s->modes.pid_host && !s->req->privileged && !s->req->userns && !s->uids)
		engine_warn(en, "--pid=host: the container gets no user namespace of its own, its "
				"root is the host's root");
	if (s->modes.no_idmaps && engine_first_time(en, "no-idmaps.said"))
		engine_warn(en, "this kernel cannot show layers with other user ids (id-mapped "
				"mounts, Linux 5.19): the container gets no user namespace of its "
				"own, as with --userns=host");
	if (s->req->privileged || s->unconfined_paths)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(masked_paths); i++)
		strv_add(&s->oci.masked_paths, masked_paths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(readonly_paths); i++)
		strv_add(&s->oci.readonly_paths, readonly_paths[i]);
	return 0;
}
