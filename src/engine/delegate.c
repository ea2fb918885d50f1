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
 * An ordinary user asks their own systemd, whose part of the tree they may enter only from inside
 * (a graphical session, or systemd-run --user --scope). From a login's scope the kernel lets nobody
 * but systemd move a process there: the monitor asks for that (busctl, 10 ms), and the container is
 * then born inside. Where no such systemd runs, containers have no cgroup.
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
#include "engine/folders.h"
#include "engine/mode.h"
#include "kernel/program.h"

#define UNIT "hull-containers.service"
#define USER_FORMAT "/user.slice/user-%u.slice/user@%u.service"
#define INITIAL_PID_INO 0xEFFFFFFCU	 /* PROC_PID_INIT_INO, linux/proc_ns.h */
#define LINGER "/var/lib/systemd/linger" /* a file for each user who lingers: loginctl(1) */
#define BOOTED "/run/systemd/system"	 /* sd_booted(3) */

char *delegate_path(const char *own, unsigned uid)
{
	/* In the root cgroup nobody is whom systemd started. */
	if (streq(own, "/"))
		return NULL;
	if (uid == 0)
		return xstrdup("/system.slice/" UNIT);
	return xasprintf(USER_FORMAT "/app.slice/" UNIT, uid, uid);
}

/* The user's own systemd is there: it runs from the first login to the last log-out, or always
 * (loginctl enable-linger). */
static int has_systemd(const struct cgroup_host *h, unsigned uid)
{
	auto_free char *user = xasprintf("%s" USER_FORMAT, h->hiers[0].mount, uid, uid);

	return uid == 0 || access(user, F_OK) == 0;
}

int delegate_probe(struct cgroup_host *out, struct err *e)
{
	int r = cgroup_probe(out);

	if (r < 0)
		return err_sys(e, r, "look for control groups");
	if (out->layout == CGROUP_V2 && access(BOOTED, F_OK) == 0 && has_systemd(out, mode_user()))
		out->delegated = delegate_path(out->hiers[0].own, mode_user());
	return 0;
}

/* Silent: what it could not do is seen by the folder. Programs of systemd's find the user's by
 * XDG_RUNTIME_DIR, which cron leaves out and su leaves as it was. */
static void ask_systemd(const char *const *words, size_t n)
{
	static const int quiet[3] = {-1, -1, -1};
	auto_free char *folder = xasprintf("XDG_RUNTIME_DIR=/run/user/%u", mode_user());
	auto_strv char **argv = NULL;
	int status;

	strv_add(&argv, "env");
	if (mode_user() != 0)
		strv_add(&argv, folder);
	for (size_t i = 0; i < n; i++)
		strv_add(&argv, words[i]);
	program_run(argv[0], argv, quiet, &status);
}

static void start_unit(const struct cgroup_host *h)
{
	const int system = str_after(h->delegated, "/system.slice/") != NULL;
	const char *const words[] = {"systemd-run", system ? "--system" : "--user",
		system ? "--slice=system.slice" : "--slice=app.slice", "--quiet",
		"--no-ask-password", "--collect", "--unit=" UNIT,
		"--description=containers of hull", "--property=Delegate=yes",
		"--property=TasksMax=infinity", "--property=OOMPolicy=continue",
		"--property=TimeoutStopSec=15", "sleep", "infinity"};

	ask_systemd(words, ARRAY_SIZE(words));
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

/* Another's pid would be moved: systemd knows ours in the machine's pid namespace only. */
static int pid_is_known(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == INITIAL_PID_INO;
}

void delegate_enter_monitors(int monitors)
{
	auto_free char *pid = xasprintf("%d", (int)getpid());
	/* org.freedesktop.systemd1(5), since systemd 238 */
	const char *const words[] = {"busctl", "--user", "--quiet", "call",
		"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "AttachProcessesToUnit", "ssau", UNIT,
		"/monitors", "1", pid};

	if (fd_write_value(monitors, "cgroup.procs", "0") == -EACCES && mode_user() != 0 &&
		pid_is_known())
		ask_systemd(words, ARRAY_SIZE(words));
}

void delegate_warn_logout(const struct engine *en, const struct cgroup_host *h)
{
	auto_free char *name = NULL, *home = NULL, *mark = NULL;

	if (!h->delegated || mode_user() == 0)
		return;
	folders_user(mode_user(), &name, &home);
	mark = xasprintf(LINGER "/%s", name ? name : "");
	if (name && access(mark, F_OK) < 0 && errno == ENOENT &&
		engine_first_time(en, "logout.said"))
		engine_warn(en,
			"containers end when you have logged out everywhere, and your systemd with "
			"it: loginctl enable-linger %s keeps both",
			name);
}
