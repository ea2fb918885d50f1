/* delegate.c: a unit of systemd's that holds all containers and monitors.
 *
 * How it works: on a machine that systemd rules, the hierarchy has one writer, and what others make
 * in it may vanish; a log-out may end what was started from a shell. So systemd is asked once in
 * the life of the machine for a unit whose cgroup is ours (Delegate=yes): containers lie beneath it
 * by their ids, and monitors in "monitors" (a cgroup that hands controllers down has no processes
 * of its own). Units lose their cgroup with its last process, a scope as well as a service that
 * "remains": so one process that sleeps for ever holds it, and moves to the monitors. Whether it is
 * there is seen by the folder: no message to systemd, except for the first run. systemd-run does
 * the asking.
 *
 * An ordinary user asks their own systemd. Its part of the tree can be entered only from inside
 * (a graphical session, or systemd-run --user --scope): from elsewhere containers have no cgroup.
 */
#define _GNU_SOURCE
#include "engine/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "engine/mode.h"
#include "kernel/program.h"

#define UNIT "hull-containers.service"
#define START_UNIT "--unit=" UNIT
#define BOOTED "/run/systemd/system" /* sd_booted(3) */

char *delegate_path(const char *own, unsigned uid)
{
	auto_free char *user = xasprintf("/user.slice/user-%u.slice/user@%u.service", uid, uid);
	const char *rest = str_after(own, user);

	/* In the root cgroup nobody is whom systemd started. */
	if (streq(own, "/"))
		return NULL;
	if (uid == 0)
		return xstrdup("/system.slice/" UNIT);
	return rest && *rest == '/' ? xasprintf("%s/app.slice/" UNIT, user) : NULL;
}

int delegate_probe(struct cgroup_host *out, struct err *e)
{
	int r = cgroup_probe(out);

	if (r < 0)
		return err_sys(e, r, "look for control groups");
	if (out->layout == CGROUP_V2 && !streq(out->hiers[0].own, "/") && access(BOOTED, F_OK) == 0)
		out->delegated = delegate_path(out->hiers[0].own, mode_user());
	return 0;
}

/* Silent: what it could not do is seen by the folder. */
static void start_unit(const struct cgroup_host *h)
{
	static const char *const fixed[] = {"--quiet", "--no-ask-password", "--collect", START_UNIT,
		"--description=containers of hull", "--property=Delegate=yes",
		"--property=TasksMax=infinity", "--property=OOMPolicy=continue",
		"--property=TimeoutStopSec=10", "sleep", "infinity"};
	int system = str_after(h->delegated, "/system.slice/") != NULL;
	auto_strv char **argv = NULL;
	int status;

	strv_add(&argv, "systemd-run");
	strv_add(&argv, system ? "--system" : "--user");
	strv_add(&argv, system ? "--slice=system.slice" : "--slice=app.slice");
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(&argv, fixed[i]);
	program_run(argv[0], argv, (const int[]){-1, -1, -1}, &status);
}

/* Root of a user namespace may neither ask the machine's systemd nor use what it gave. */
static int may_start(const char *unit)
{
	auto_free char *above = xstrndup(unit, (size_t)(strrchr(unit, '/') - unit));

	return access(above, W_OK) == 0 || errno == ENOENT;
}

/* The folder, with the process that holds the unit in it. */
static void make_monitors(const char *unit, const char *path)
{
	auto_free char *from = xasprintf("%s/cgroup.procs", unit);
	auto_free char *to = xasprintf("%s/cgroup.procs", path);
	auto_buf struct buf b = BUF_MAX(4096);

	if (access(unit, W_OK) < 0 || (mkdir(path, 0755) < 0 && errno != EEXIST))
		return;
	if (fd_read_file(AT_FDCWD, from, &b) < 0 || !b.data)
		return;
	for (char *save, *pid = strtok_r(b.data, "\n", &save); pid;
		pid = strtok_r(NULL, "\n", &save))
		fd_write_value(AT_FDCWD, to, pid);
}

int delegate_open_monitors(const struct cgroup_host *h)
{
	auto_free char *unit = NULL, *path = NULL;
	int fd;

	if (!h->delegated)
		return -1;
	unit = xasprintf("%s%s", h->hiers[0].mount, h->delegated);
	path = xasprintf("%s/monitors", unit);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || !may_start(unit))
		return fd;
	start_unit(h);
	make_monitors(unit, path);
	cgroup_hand_down(h, h->delegated);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
