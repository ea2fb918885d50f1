/* delegate.h: where this machine's containers have their cgroups. Beneath /hull; where systemd
 * rules a pure v2 hierarchy, beneath a unit of ours that it gave us once (doc/hull.1, Control
 * groups). Inside the engine's folder only. */
#pragma once

#include "base/err.h"
#include "engine/parts.h"
#include "kernel/cgroup.h"

/* cgroup_probe, and out->delegated on a host of systemd's (a file look-up there, nothing
 * elsewhere). Speaking; release with cgroup_host_done. */
int delegate_probe(struct cgroup_host *out, struct err *e);
/* The cgroup for monitors, for ns_clone; the unit is started when it is not
 * there yet. -1 without *e: this host has none, or it cannot be had (containers then get no
 * cgroup). */
int delegate_open_monitors(const struct cgroup_host *h);
/* The calling process, which becomes a monitor and was not born there, moves into it. Without
 * success it stays where it is, and its container gets no cgroup. */
void delegate_enter_monitors(int monitors);
/* What runs on its own lives in an ordinary user's systemd, which ends with the last log-out unless
 * the user lingers (loginctl(1)): a line says so, once. */
void delegate_warn_logout(const struct engine *en, const struct cgroup_host *h);
/* The unit's cgroup for somebody who is in `own`; caller frees. NULL: not one of systemd's. */
char *delegate_path(const char *own, unsigned uid);
