/* run.c: running a container in the foreground.
 *
 * How it works, by process:
 *
 *	P (hull)				M (its copy)
 *	--------				------------
 *	launch_prepare: row, folders, bundle
 *	pipes, socket
 *	fork ------------------------------->	own session, 0 1 2 are /dev/null
 *	attach: frames, stdin, signals		runtime_create: clones the container's first process
 *						becomes hull-monitor by exec
 *	   <---------------------------------	frames ... EXIT
 *	--rm: row and folders go		cgroup goes
 *	   <---------------------------------	end of file
 *	CLEAN ------------------------------>	exit
 *
 * M holds nothing of ours but what is named on the monitor's command line: everything else is
 * close-on-exec, also what we inherited. Killing P leaves M and the container alone.
 *
 * P keeps the database open over the fork when it will delete the row (--rm): to open it anew costs
 * half a millisecond, because the first to open reads the whole log. M never touches the handle,
 *and its end cannot hurt: it leaves by exec or _exit, and the locks belong to P's process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/attach.h"
#include "engine/delegate.h"
#include "engine/helpers.h"
#include "engine/launch.h"
#include "engine/mode.h"
#include "engine/remove.h"
#include "engine/seal.h"
#include "kernel/cgroup.h"
#include "kernel/ns.h"
#include "runtime/runtime.h"

struct run {
	struct launch launch;
	int client_fd, monitor_fd; /* the two ends of the socket */
	int stdio[3];		   /* the container's ends, -1: none */
	int stdin_fd;		   /* our end of its stdin */
	int out_fd, err_fd;	   /* the monitor's ends of its output */
	char *self;		   /* this program, for --rm */
	pid_t pid;		   /* M */
};

static int make_channels(struct run *r, struct err *e)
{
	const struct engine_run *req = r->launch.spec.req;
	int pair[2], p;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket");
	r->client_fd = pair[0];
	r->monitor_fd = pair[1];
	if (req->tty)
		return 0;
	p = fd_pipe(&r->out_fd, &r->stdio[1]);
	if (p == 0)
		p = fd_pipe(&r->err_fd, &r->stdio[2]);
	if (p == 0 && req->interactive && !req->detach)
		p = fd_pipe(&r->stdio[0], &r->stdin_fd);
	return p < 0 ? err_sys(e, p, "make a pipe") : 0;
}

/* ---- M ---- */

static void send_frame(int fd, enum mon_type type, const void *data, size_t size)
{
	struct {
		struct mon_head head;
		char data[sizeof(struct err) + 64];
	} m = {.head = {type, (uint32_t)size}};

	memcpy(m.data, data, size);
	send(fd, &m, sizeof(m.head) + size, MSG_NOSIGNAL);
}

static void on_warning(void *ctx, const char *text)
{
	struct run *r = ctx;
	size_t len = strlen(text);

	send_frame(r->monitor_fd, MON_WARNING, text, len < ERR_TEXT_MAX ? len : ERR_TEXT_MAX);
}

/* What the monitor would have recorded. */
static void record_failure(struct run *r, const struct mon_exit *x, const char *error)
{
	const struct launch *l = &r->launch;
	json_t *o;
	auto_free char *text = NULL;

	o = json_pack("{s:i, s:i, s:b, s:b, s:I, s:I, s:o}", "status", (int)x->status, "signal", 0,
		"oom", 0, "started", 0, "startedNs", (json_int_t)0, "finishedNs",
		(json_int_t)x->finished_ns, "error", jsonx_string(error));
	text = jsonx_text(o, 0);
	json_decref(o);
	fd_write_file(
		l->row.ephemeral ? l->run_fd : l->kept_fd, "exit", text, strlen(text), 0600, 0);
}

static _Noreturn void report_failure(struct run *r, const struct err *e)
{
	struct mon_exit x = {.status = e->status ? e->status : 125, .finished_ns = time_now_ns()};

	record_failure(r, &x, e->text);
	send_frame(r->monitor_fd, MON_ERROR, e, sizeof(*e));
	send_frame(r->monitor_fd, MON_EXIT, &x, sizeof(x));
	_exit(1);
}

static void add_fd(char ***argv, const char *option, int fd)
{
	if (fd < 0)
		return;
	strv_add(argv, option);
	strv_addf(argv, "%d", fd);
	fd_set_cloexec(fd, 0);
}

static char **monitor_argv(struct run *r, const struct runtime_container *c)
{
	const struct launch *l = &r->launch;
	char **argv = NULL;

	strv_add(&argv, "hull-monitor");
	strv_add(&argv, "--id");
	strv_add(&argv, l->spec.id);
	strv_add(&argv, "--pid");
	strv_addf(&argv, "%d", (int)c->pid);
	add_fd(&argv, "--sync-fd", c->sync_fd);
	add_fd(&argv, "--client-fd", r->monitor_fd);
	add_fd(&argv, "--out-fd", r->out_fd);
	add_fd(&argv, "--err-fd", r->err_fd);
	add_fd(&argv, "--state-fd", l->run_fd);
	add_fd(&argv, "--record-fd", l->row.ephemeral ? dup(l->run_fd) : l->kept_fd);
	add_fd(&argv, "--lock-fd", l->lock_fd);
	add_fd(&argv, "--users-fd", l->net.users_fd);
	if (r->launch.spec.req->tty)
		strv_add(&argv, "--terminal");
	if (r->self) {
		strv_add(&argv, "--cleanup");
		strv_add(&argv, r->self);
		strv_add(&argv, "--root");
		strv_add(&argv, l->en->root);
		strv_add(&argv, "--runroot");
		strv_add(&argv, l->en->runroot);
	}
	if (c->cgroups) {
		strv_add(&argv, "--");
		strv_extend(&argv, c->cgroups);
	}
	return argv;
}

/* Out of the caller's session, folder and files: it must not feel their ends. */
static int detach_from_caller(struct err *e)
{
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_sys(e, errno, "open /dev/null");
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	setsid();
	if (chdir("/") < 0)
		return err_sys(e, errno, "enter /");
	ns_close_from(3, 1);
	return 0;
}

static _Noreturn void become_monitor(struct run *r)
{
	struct launch *l = &r->launch;
	struct runtime_container c = RUNTIME_CONTAINER_NONE;
	struct err e = {0};
	struct runtime_create req = {
		.id = l->spec.id,
		.config = &l->spec.oci,
		.bundle_fd = l->run_fd,
		.stdio = {r->stdio[0], r->stdio[1], r->stdio[2]},
		.cgroups = &l->spec.cgroups,
		.warn = on_warning,
		.warn_ctx = r,
		.plug = l->net.n ? net_plug : NULL,
		.plug_ctx = &l->net,
	};
	char **argv;

	attach_release_signals();
	/* Our copies of P's ends: the monitor could not see P's end of them. */
	fd_close_ptr(&r->client_fd);
	fd_close_ptr(&r->stdin_fd);
	if (detach_from_caller(&e) < 0)
		report_failure(r, &e);
	if (net_keep(&l->net, &e) < 0 || runtime_create(&req, &c, &e) < 0)
		report_failure(r, &e);
	argv = monitor_argv(r, &c);
	execv(l->monitor, argv);
	err_sys(&e, errno, "start %s", l->monitor);
	runtime_destroy(&c);
	report_failure(r, &e);
}

/* ---- P ---- */

static void close_monitors_ends(struct run *r)
{
	fd_close_ptr(&r->monitor_fd);
	fd_close_ptr(&r->out_fd);
	fd_close_ptr(&r->err_fd);
	for (int i = 0; i < 3; i++)
		fd_close_ptr(&r->stdio[i]);
	/* --rm: whoever removes holds the lock, too (state.h). */
	if (!r->launch.row.ephemeral)
		fd_close_ptr(&r->launch.lock_fd);
}

/* On a host of systemd's the monitor is born in the cgroup that is ours, where no log-out reaches
 * it (a move would wait for an RCU grace period). Kernels before 5.7 move it, and so does systemd
 * from an ordinary user's login. */
static pid_t fork_monitor(const struct cgroup_host *h)
{
	auto_fd int monitors = delegate_open_monitors(h), pidfd = -1;
	pid_t pid = monitors < 0 ? -ENOENT : ns_clone(0, monitors, &pidfd);

	if (pid >= 0)
		return pid;
	pid = fork();
	if (pid == 0 && monitors >= 0)
		delegate_enter_monitors(monitors);
	return pid;
}

static int start(struct run *r, struct err *e)
{
	struct launch *l = &r->launch;
	const int keep_db = l->row.ephemeral && !l->spec.req->detach;

	if (make_channels(r, e) < 0)
		return -1;
	if (l->row.ephemeral && !(r->self = helpers_self(e)))
		return -1;
	fflush(NULL);
	if (!keep_db)
		engine_db_close(l->en);
	attach_hold_signals();
	r->pid = fork_monitor(&l->spec.cgroups);
	if (r->pid == 0)
		become_monitor(r);
	if (r->pid < 0) {
		err_sys(e, errno, "fork");
		attach_release_signals();
		return -1;
	}
	close_monitors_ends(r);
	return 0;
}

/* Our child to the end: on machines whose process 1 reaps nobody it would stay a zombie. */
static int reap_monitor(struct run *r)
{
	int status = 0;

	fd_close_ptr(&r->client_fd);
	ns_wait(r->pid, -1, -1, &status);
	return status;
}

/* After the end. The monitor's tear-down runs at the same time. */
static int finish(struct run *r, struct attach *a, struct err *e)
{
	struct launch *l = &r->launch;
	int flags = ERASE_VOLUMES | ERASE_VOLATILE, ret = 0, status;

	/* Processes that share the host's pid namespace may outlive the first one for a moment. */
	if (a->lost || l->spec.modes.pid_host)
		attach_wait_end(a);
	if (l->row.ephemeral) {
		flags |= a->lost ? ERASE_CGROUP : ERASE_NOT_LAST;
		if (engine_db_open(l->en, e) < 0 || launch_erase(l, flags, e) < 0)
			ret = -1;
	} else if (a->lost && engine_db_open(l->en, e) == 0) {
		fd_close_ptr(&l->lock_fd);
		engine_container_cleanup(l->en, l->row.id, NULL);
	}
	attach_wait_end(a);
	if (l->row.ephemeral && ret == 0)
		attach_say_clean(a);
	status = reap_monitor(r);
	/* It was killed before it had removed the cgroup, of which only this folder knows. */
	if (l->row.ephemeral && !a->lost &&
		container_erase_last(l->en, &l->row, WIFSIGNALED(status), ret < 0 ? NULL : e) < 0)
		ret = -1;
	return ret;
}

static int outcome(struct run *r, const struct attach *a, int *out_status, struct err *e)
{
	if (a->failed) {
		*e = a->error;
		if (!e->status)
			e->status = 125;
		return -1;
	}
	if (a->lost) {
		err_set(e, ERR_SYSTEM,
			"the monitor of container %.12s was killed, and the container with it",
			r->launch.spec.id);
		return err_status(e, 128 + SIGKILL);
	}
	*out_status = a->detach ? 0 : a->exit.status;
	return 0;
}

static int start_and_attach(struct run *r, struct attach *a, struct err *e)
{
	const struct engine_run *req = r->launch.spec.req;

	*a = (struct attach){.en = r->launch.en, .detach = req->detach};
	if (start(r, e) < 0)
		return -1;
	a->sock = r->client_fd;
	a->stdin_fd = take_fd(&r->stdin_fd);
	a->interactive = req->interactive;
	a->tty = req->tty;
	attach_run(a);
	return 0;
}

/* Once more with a copy of the layers, or another /sys (launch_copy.c, launch_sys.c). Nothing has
 * run yet, nothing was read. */
static int again(struct run *r, struct attach *a, struct err *e)
{
	attach_wait_end(a);
	attach_say_clean(a);
	reap_monitor(r);
	attach_release_signals();
	free(take_ptr(r->self));
	if (launch_again(&r->launch, &a->error, e) < 0)
		return -1;
	return start_and_attach(r, a, e);
}

static int run(struct run *r, int *out_status, struct err *e)
{
	struct launch *l = &r->launch;
	struct err late = {0};
	struct attach a;
	int ret = start_and_attach(r, &a, e);

	/* Twice: for the one, and for the other. */
	for (int i = 0; i < 2 && ret == 0 && a.failed && launch_again_possible(l, &a.error); i++)
		ret = again(r, &a, e);
	if (ret < 0) {
		if (engine_db_open(l->en, NULL) == 0)
			launch_erase(l, ERASE_VOLUMES, NULL);
		return -1;
	}
	if (!a.detach || a.failed || a.lost) {
		/* The container ran: its status counts more than what went wrong in removing it. */
		if (finish(r, &a, &late) < 0)
			engine_warn(l->en, "%s", late.text);
	} else {
		delegate_warn_logout(l->en, &l->spec.cgroups);
	}
	return outcome(r, &a, out_status, e);
}

int engine_run(struct engine *en, const struct engine_run *req, int *out_status, struct err *e)
{
	struct run r = {
		.client_fd = -1,
		.monitor_fd = -1,
		.stdio = {-1, -1, -1},
		.stdin_fd = -1,
		.out_fd = -1,
		.err_fd = -1,
	};
	struct spec_modes modes;
	mode_t mask;
	int ret = -1;

	if (spec_modes(req, &modes, NULL) == 0) {
		spec_modes_fit(req, &modes);
		en->wants_network = req->networks && modes.network == NETWORK_OWN;
		if (seal_self(modes.user_ns, e) < 0)
			return err_status(e, 125);
	}
	if (mode_enter(en, e) < 0)
		return err_status(e, 125);
	if (en->no_mounts) {
		err_set(e, ERR_DENIED,
			"root of this container may not mount: start the container around this one "
			"with "
			"--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt "
			"systempaths=unconfined (podman: "
			"unmask=ALL)");
		return err_status(e, 125);
	}
	mask = umask(022); /* what containers start with, whatever ours is */
	if (launch_prepare(en, req, &r.launch, e) == 0)
		ret = run(&r, out_status, e);
	umask(mask);
	launch_done(&r.launch);
	fd_close_ptr(&r.client_fd);
	fd_close_ptr(&r.stdin_fd);
	close_monitors_ends(&r);
	free(r.self);
	if (ret < 0 && !e->status)
		e->status = 125;
	return ret;
}
