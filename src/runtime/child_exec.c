/* child_exec.c: from the barrier to the program: privileges, filter, exec. Process: the child,
 * inside the container's root.
 *
 * Order: limits and score were set by the parent. The filter is loaded while CAP_SYS_ADMIN is still
 * held (without no_new_privs the kernel wants it), after the change of user, so that a profile
 * which forbids setuid(2) still works; capset(2) and execve(2) are all that follows. With
 * no_new_privs the filter comes last. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "compat/exec.h"
#include "kernel/caps.h"
#include "kernel/ns.h"
#include "kernel/seccomp.h"
#include "kernel/sys.h"
#include "kernel/tty.h"
#include "runtime/child.h"

#define FILTER_MAX (32768 * 8)
#define INTERPRETERS_MAX 6 /* the kernel follows five (exec_binprm) */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

extern char **environ;

static int load_filter(struct child *c, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(FILTER_MAX);
	int r;

	if (c->filter_fd < 0)
		return 0;
	r = fd_read_all(c->filter_fd, &b);
	if (r == 0)
		r = seccomp_load(b.data, b.len, 0, 1);
	return r < 0 ? err_sys(e, r, "load the seccomp filter") : 0;
}

/* The change of ids has cleared the signal (prctl(2)): when the monitor died before it was set
 * anew, nobody would ever end this container. Its end of the socket tells. */
static void die_with_monitor(int sync_fd)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (recv(sync_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		_exit(125);
}

static int change_user(const struct oci_process *pr, int sync_fd, struct err *e)
{
	int r = caps_keep(1);

	if (r == 0)
		r = ns_become(pr->uid, pr->gid, pr->additional_gids, pr->n_additional_gids);
	if (r < 0)
		return err_sys(e, r, "become user %u:%u", pr->uid, pr->gid);
	die_with_monitor(sync_fd);
	return 0;
}

/* What is permitted stays as it is until the filter is in; effective was cleared by setresuid(2).
 */
static int raise_for_filter(struct err *e)
{
	struct caps_sets s;
	int r = caps_get(&s);

	if (r < 0)
		return err_sys(e, r, "read capabilities");
	s.effective = s.permitted;
	s.inheritable = s.ambient = 0;
	r = caps_set(&s);
	return r < 0 ? err_sys(e, r, "raise capabilities") : 0;
}

static int drop_caps(const struct oci_process *pr, struct err *e)
{
	struct caps_sets s = {
		.effective = pr->caps_effective,
		.permitted = pr->caps_permitted,
		.inheritable = pr->caps_inheritable,
		.ambient = pr->caps_ambient,
	};
	int r;

	if (!pr->caps_set)
		return 0;
	r = caps_set(&s);
	return r < 0 ? err_sys(e, r, "set capabilities") : 0;
}

/* As the user, so that root-squashed folders work; again after the change for those that only the
 * user may enter. The place must lie beneath the root: a descriptor that leaked would be a way out
 * (CVE-2024-21626). */
static int enter_cwd(const char *cwd, struct err *e)
{
	char now[4096];

	if (chdir(cwd) < 0) {
		int status = errno == EACCES ? 126 : 127;
		err_sys(e, errno, "enter the working folder %s", cwd);
		return err_status(e, status);
	}
	if (!getcwd(now, sizeof(now)) || now[0] != '/')
		return err_set(e, ERR_DENIED,
			"the working folder %s is outside the container's root", cwd);
	return 0;
}

/* The parent has raised what had to be raised. Before the filter, which may forbid it. */
static int lower_limits(const struct oci_process *pr, struct err *e)
{
	for (size_t i = 0; i < pr->n_rlimits; i++) {
		const struct oci_rlimit *l = &pr->rlimits[i];
		int r = ns_rlimit_set(ns_rlimit_number(l->type), l->soft, l->hard);
		if (r < 0)
			return err_sys(e, r, "set the limit %s to %llu:%llu", l->type,
				(unsigned long long)l->soft, (unsigned long long)l->hard);
	}
	return 0;
}

static int privileges(struct child *c, struct err *e)
{
	const struct oci_process *pr = &c->plan->config->process;
	int r = pr->caps_set ? caps_set_bounding(pr->caps_bounding) : 0;

	if (r < 0)
		return err_sys(e, r, "drop capabilities from the bounding set");
	if (pr->umask >= 0)
		umask((mode_t)pr->umask);
	if (change_user(pr, c->sync_fd, e) < 0 || raise_for_filter(e) < 0 ||
		enter_cwd(pr->cwd, e) < 0 || lower_limits(pr, e) < 0)
		return -1;
	if (pr->no_new_privileges) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return err_sys(e, errno, "set no_new_privs");
		return drop_caps(pr, e) < 0 ? -1 : load_filter(c, e);
	}
	return load_filter(c, e) < 0 ? -1 : drop_caps(pr, e);
}

static int terminal(struct child *c, struct err *e)
{
	int r;

	if (setsid() < 0 && errno != EPERM)
		return err_sys(e, errno, "start a session");
	r = c->plan->terminal ? tty_make_controlling(STDIN_FILENO) : 0;
	return r < 0 ? err_sys(e, r, "take the terminal") : 0;
}

static void not_found(const char *name, int denied, struct err *e)
{
	if (denied) {
		err_set(e, ERR_DENIED, "exec: \"%s\": permission denied", name);
		err_status(e, 126);
	} else {
		err_set(e, ERR_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH", name);
		err_status(e, 127);
	}
}

static int is_ourselves(const char *file)
{
	struct stat a, b;

	return stat(file, &a) == 0 && stat("/proc/self/exe", &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The host's program must not be executed by way of the image's: a name that leads to our own file,
 * be it as the interpreter of a script or program, would give the container a hold of it
 * (CVE-2019-5736; where its root is the host's, it could not write even so: engine/seal.c). */
static int leads_to_us(const char *file)
{
	char at[2][256];

	for (int i = 0; i < INTERPRETERS_MAX; i++) {
		if (is_ourselves(file))
			return 1;
		if (!compat_exec_interpreter(file, at[i & 1]))
			return 0;
		file = at[i & 1];
	}
	return 0;
}

static void execute(const char *file, char *const *args, char *const *env, struct err *e)
{
	if (leads_to_us(file)) {
		err_set(e, ERR_DENIED,
			"exec: \"%s\": permission denied: it leads to a file of the host", file);
		err_status(e, 126);
		return;
	}
	execve(file, args, (char **)env);
	compat_exec_explain(file, errno, e);
}

/* execvp(3) with the container's own PATH, and with an answer to what went wrong. */
static void run(char *const *args, char *const *env, struct err *e)
{
	const char *path = strv_env_get(env, "PATH");
	auto_strv char **dirs = NULL;
	int denied = 0;

	if (strchr(args[0], '/')) {
		execute(args[0], args, env, e);
		return;
	}
	dirs = path ? strv_split(path, ":") : NULL;
	strv_foreach (d, dirs) {
		auto_free char *file = xasprintf("%s/%s", **d ? *d : ".", args[0]);
		struct stat st;
		if (stat(file, &st) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (access(file, X_OK) < 0) {
			denied = 1;
			continue;
		}
		execute(file, args, env, e);
		return;
	}
	not_found(args[0], denied, e);
}

void child_exec(struct child *c, struct err *e)
{
	static char *no_env[] = {NULL};
	const struct oci_config *cfg = c->plan->config;
	auto_strv char **args = NULL;

	if (cfg->hull && cfg->hull->init && cfg->hull->init_path) {
		strv_add(&args, PLAN_INIT_PATH);
		strv_add(&args, "--");
	}
	strv_extend(&args, cfg->process.args);
	if (terminal(c, e) < 0 || privileges(c, e) < 0)
		return;
	sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	run(args, cfg->process.env ? cfg->process.env : no_env, e);
}
