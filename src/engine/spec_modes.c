/* spec_modes.c: which namespaces are the container's own. The table of what goes with what:
 *
 *	--privileged, --userns=host	no user namespace: all ids are the host's
 *	--pid=host			no user namespace either: proc of a foreign pid namespace
 *cannot be mounted in it. Said with a warning.
 *	a kernel before 5.19		nor there, unless --userns=auto insists: layers cannot be
 *shown with other ids. Said with a warning.
 *	--network=host, --ipc=host	the user namespace stays; /sys, /dev/shm and /dev/mqueue are
 *the host's, bound, because only their owner may mount them */
#include <stddef.h>

#include "base/mem.h"
#include "engine/spec.h"
#include "kernel/mount.h"

static int is_given(const char *mode)
{
	return mode && *mode;
}

/* One mode flag: "" and the words in `own` mean 0, "host" 1. */
static int own_or_host(
	const char *flag, const char *mode, const char *const *own, int *out_host, struct err *e)
{
	if (!is_given(mode))
		return 0;
	for (; *own; own++)
		if (streq(mode, *own))
			return 0;
	if (streq(mode, "host")) {
		*out_host = 1;
		return 0;
	}
	if (str_after(mode, "container:") || str_after(mode, "ns:"))
		return err_set(e, ERR_UNSUPPORTED,
			"%s=%s: joining the namespace of another container is not supported yet",
			flag, mode);
	return err_set(e, ERR_INVALID, "%s: invalid mode: %s", flag, mode);
}

static int user_mode(const struct engine_run *req, struct spec_modes *m, struct err *e)
{
	const char *mode = req->userns;
	int host = req->privileged || m->pid_host;

	m->user_ns = !host;
	if (!is_given(mode))
		return 0;
	if (streq(mode, "host")) {
		m->user_ns = 0;
		return 0;
	}
	m->keep_id = streq(mode, "keep-id");
	if (!m->keep_id && !streq(mode, "auto") && !streq(mode, "private"))
		return err_set(e, ERR_INVALID,
			"--userns: invalid USER mode: %s (auto, host and keep-id are known)", mode);
	if (host)
		return err_set(e, ERR_INVALID, "--userns=%s cannot go with %s", mode,
			req->privileged ? "--privileged" : "--pid=host");
	return 0;
}

static int network_mode(const struct engine_run *req, struct spec_modes *m, struct err *e)
{
	m->network = NETWORK_OWN; /* nothing said: the default bridge */
	strv_foreach (n, req->networks) {
		const char *mode = *n;
		const int first = n == req->networks;

		if (!first && (m->network != NETWORK_OWN || streq(mode, "none") ||
				      streq(mode, "host") || str_after(mode, "container:")))
			return err_set(e, ERR_INVALID,
				"conflicting options: several networks cannot go with none, host "
				"or another container's");
		m->network_of = str_after(mode, "container:");
		m->network = streq(mode, "none")   ? NETWORK_NONE
			     : streq(mode, "host") ? NETWORK_HOST
			     : m->network_of	   ? NETWORK_CONTAINER
						   : NETWORK_OWN;
	}
	return 0;
}

int spec_modes(const struct engine_run *req, struct spec_modes *out, struct err *e)
{
	static const char *const own[] = {"private", NULL}, *const ipc[] = {"private", "shareable",
								    "none", NULL};

	*out = (struct spec_modes){0};
	if (own_or_host("--pid", req->pid, own, &out->pid_host, e) < 0 ||
		own_or_host("--uts", req->uts, own, &out->uts_host, e) < 0 ||
		own_or_host("--ipc", req->ipc, ipc, &out->ipc_host, e) < 0 ||
		own_or_host("--cgroupns", req->cgroupns, own, &out->cgroup_host, e) < 0 ||
		user_mode(req, out, e) < 0 || network_mode(req, out, e) < 0)
		return -1;
	out->ipc_none = req->ipc && streq(req->ipc, "none");
	if (out->uts_host && is_given(req->hostname))
		return err_set(e, ERR_INVALID, "conflicting options: hostname and the UTS mode");
	if (out->uts_host && is_given(req->domainname))
		return err_set(e, ERR_INVALID, "conflicting options: domainname and the UTS mode");
	return 0;
}

void spec_modes_fit(const struct engine_run *req, struct spec_modes *m)
{
	if (!m->user_ns || is_given(req->userns) || mount_can_idmap_layers())
		return;
	m->user_ns = 0;
	m->no_idmaps = 1;
}
