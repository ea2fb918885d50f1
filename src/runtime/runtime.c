/* runtime.c: create, start and destroy: the parent's half. Process: the caller's (hull's copy that
 * becomes hull-monitor, or a runtime command), in the host's namespaces.
 *
 * How it works: the child is cloned first and told as soon as its id maps are written; while it
 * makes its network namespace, the parent makes the cgroups (the one of v2 before, the child is
 * born in it), the limits and the trees, and sends these. From then on the child works alone and
 * the parent may become another program: whatever the child still has to say comes over the sync
 * socket. A child that waits always ends by the socket's end of file: it has closed the parent's
 * end first. */
#define _GNU_SOURCE
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/ns.h"
#include "runtime/cgroup_setup.h"
#include "runtime/child.h"
#include "runtime/plan.h"
#include "runtime/sync.h"
#include "runtime/trees.h"

#define DESTROY_MS 2000

static int write_maps(const struct plan *p, pid_t pid, struct err *e)
{
	const struct oci_config *c = p->config;
	struct ns_idmap u[340], g[340];
	int r;

	if (!p->user_ns)
		return 0;
	if (c->uids.n > ARRAY_SIZE(u) || c->gids.n > ARRAY_SIZE(g))
		return err_set(e, ERR_INVALID, "more than 340 lines in an id map");
	for (size_t i = 0; i < c->uids.n; i++)
		u[i] = (struct ns_idmap){
			c->uids.v[i].container_id, c->uids.v[i].host_id, c->uids.v[i].size};
	for (size_t i = 0; i < c->gids.n; i++)
		g[i] = (struct ns_idmap){
			c->gids.v[i].container_id, c->gids.v[i].host_id, c->gids.v[i].size};
	r = ns_write_maps(pid, u, c->uids.n, g, c->gids.n);
	return r < 0 ? err_sys(e, r, "write the container's id maps") : 0;
}

static int rlimit_of(pid_t pid, const struct oci_rlimit *l, struct err *e)
{
	const __rlimit_resource_t resource = (__rlimit_resource_t)ns_rlimit_number(l->type);
	struct rlimit r = {l->soft == UINT64_MAX ? RLIM_INFINITY : l->soft,
		l->hard == UINT64_MAX ? RLIM_INFINITY : l->hard};
	struct rlimit now;

	/* Only raised here: what the child still has to do may take more than its program gets (ten
	 * descriptors are too few for the mounts). It lowers them at last (child_exec.c). */
	if (prlimit(pid, resource, NULL, &now) == 0) {
		r.rlim_max = now.rlim_max > r.rlim_max ? now.rlim_max : r.rlim_max;
		r.rlim_cur = now.rlim_cur > r.rlim_cur ? now.rlim_cur : r.rlim_cur;
	}
	/* By the parent: the child has no power over the host's hard limits any more. */
	if (prlimit(pid, resource, &r, NULL) < 0)
		return err_sys(e, errno, "set the limit %s to %llu:%llu", l->type,
			(unsigned long long)l->soft, (unsigned long long)l->hard);
	return 0;
}

static int process_settings(const struct oci_process *pr, pid_t pid, struct err *e)
{
	char path[64], value[16];
	int r;

	for (size_t i = 0; i < pr->n_rlimits; i++)
		if (rlimit_of(pid, &pr->rlimits[i], e) < 0)
			return -1;
	if (!pr->oom_score_adj_set)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	snprintf(value, sizeof(value), "%d", pr->oom_score_adj);
	r = fd_write_value(AT_FDCWD, path, value);
	if (r == -EACCES) /* below what it is: the machine's root may. A wish, as in Docker
			     rootless. */
		r = 0;
	return r < 0 ? err_sys(e, r, "set the oom score to %d", pr->oom_score_adj) : 0;
}

/* So that the program can open /dev/stdout by name: pipes belong to who made them (root of the
 * host). Files and terminals of the user's are left alone. */
static void give_pipes(const struct runtime_create *req, const struct plan *p)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;
		if (req->stdio[i] >= 0 && fstat(req->stdio[i], &st) == 0 && S_ISFIFO(st.st_mode))
			(void)!fchown(req->stdio[i],
				plan_outside(p, &req->config->uids, req->config->process.uid),
				plan_outside(p, &req->config->gids, req->config->process.gid));
	}
}

/* The child may have failed by itself: its own words are better than our EPIPE. */
static int child_words(int sync_fd, struct err *e)
{
	struct sync_msg m;
	size_t n_fds;
	int fd;

	/* When it was not the child's fault it waits for the rest: it must see that none comes. */
	shutdown(sync_fd, SHUT_WR);
	for (;;) {
		n_fds = 1;
		if (sync_recv(sync_fd, &m, &fd, &n_fds) != 1)
			return -1;
		if (n_fds)
			close(fd);
		if (m.type == SYNC_ERROR) {
			*e = m.err;
			return -1;
		}
	}
}

static int send_plan(const struct runtime_create *req, const struct plan *p,
	struct runtime_container *c, struct err *e)
{
	auto_fd int userns = p->user_ns ? ns_open(c->pid, "user") : -1;
	struct trees t = {0};
	int r;

	if (p->user_ns && userns < 0)
		return err_sys(e, userns, "open the container's user namespace");
	r = trees_make(p, req->bundle_fd, userns, req->warn, req->warn_ctx, &t, e);
	if (r == 0) {
		r = trees_send(&t, c->sync_fd);
		if (r < 0) {
			err_sys(e, r, "send the mounts to the container's process");
			child_words(c->sync_fd, e);
			r = -1;
		}
	}
	trees_done(&t);
	return r;
}

/* The child's namespace is there by now, mostly: it was made while we made cgroups and trees. */
static int plug(const struct runtime_create *req, struct runtime_container *c, struct err *e)
{
	struct sync_msg m;
	int r;

	if (!req->plug)
		return 0;
	do
		r = sync_recv(c->sync_fd, &m, NULL, NULL);
	while (r == 1 && m.type == SYNC_WARNING);
	if (r == 1 && m.type == SYNC_ERROR) {
		*e = m.err;
		return -1;
	}
	if (r != 1 || m.type != SYNC_NETNS)
		return err_set(e, ERR_SYSTEM, "the container's first process died early");
	if (req->plug(req->plug_ctx, c->pid, e) < 0)
		return -1;
	if (sync_send(c->sync_fd, SYNC_CABLE, NULL, 0) < 0) {
		err_set(e, ERR_SYSTEM, "the container's first process died early");
		return child_words(c->sync_fd, e);
	}
	return 0;
}

static int fill_child(const struct runtime_create *req, const struct plan *p,
	struct runtime_container *c, struct err *e)
{
	int r;

	if (write_maps(p, c->pid, e) < 0)
		return -1;
	if (sync_send(c->sync_fd, SYNC_MAPS, NULL, 0) < 0)
		return err_set(e, ERR_SYSTEM, "the container's first process died at once");
	r = c->cgroups ? cgroup_finish(req, c->cgroups, e) : 0;
	if (r != 0)
		return r;
	if (process_settings(&req->config->process, c->pid, e) < 0)
		return -1;
	give_pipes(req, p);
	return send_plan(req, p, c, e) < 0 ? -1 : plug(req, c, e);
}

static void be_child(const struct runtime_create *req, const struct plan *p, int sync_fd,
	char *const *cgroups, int born_in_v2)
{
	struct child c = {
		.plan = p,
		.sync_fd = sync_fd,
		.stdio = {req->stdio[0], req->stdio[1], req->stdio[2]},
		.cgroups = cgroups,
		.born_in_v2 = born_in_v2,
		.cgroup_host = req->cgroups,
	};

	child_main(&c);
}

static void say_unknown_caps(const struct runtime_create *req)
{
	strv_foreach (n, req->config->process.caps_unknown) {
		auto_free char *text = xasprintf("capability %s is not known and left out", *n);
		if (req->warn)
			req->warn(req->warn_ctx, text);
	}
}

/* Born in its v2 cgroup (5.7), because a move into it waits for an RCU grace period, even by
 * itself; where the kernel cannot, the child moves. */
static pid_t clone_child(const struct runtime_create *req, const struct plan *p,
	struct runtime_container *c, int *out_born_in_v2)
{
	auto_fd int v2 = c->cgroups ? cgroup_open_v2(req->cgroups, req->config->cgroups_path) : -1;
	pid_t pid = v2 < 0 ? -ENOENT : ns_clone(p->clone_flags, v2, &c->pidfd);

	*out_born_in_v2 = pid >= 0;
	return pid >= 0 ? pid : ns_clone(p->clone_flags, -1, &c->pidfd);
}

/* Born in another's network namespace, into which it could not go by itself: that belongs to a user
 * namespace in which it is nobody. Root of a user namespace may not come back into a namespace of
 * the machine's, and does not have to: what a monitor does is not about networks of its own. */
static pid_t clone_there(const struct runtime_create *req, const struct plan *p,
	struct runtime_container *c, int *out_born_in_v2)
{
	auto_fd int own = -1, its = -1;
	pid_t pid;
	int r;

	if (!p->join_net)
		return clone_child(req, p, c, out_born_in_v2);
	own = ns_open(0, "net");
	its = open(p->join_net, O_RDONLY | O_CLOEXEC);
	if (own < 0 || its < 0)
		return own < 0 ? own : -errno;
	r = ns_join(its, CLONE_NEWNET);
	if (r < 0)
		return r;
	pid = clone_child(req, p, c, out_born_in_v2);
	if (pid != 0)
		(void)!ns_join(own, CLONE_NEWNET);
	return pid;
}

/* 0, -1, or CGROUP_WITHOUT: to be done again without a cgroup. */
static int create_once(const struct runtime_create *req, const struct plan *p, int with_cgroup,
	struct runtime_container *c, struct err *e)
{
	int pair[2], born_in_v2, r = with_cgroup ? cgroup_begin(req, &c->cgroups, e) : 0;

	if (r != 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket");
	c->sync_fd = pair[0];
	c->pid = clone_there(req, p, c, &born_in_v2);
	if (c->pid == 0) {
		close(pair[0]);
		be_child(req, p, pair[1], c->cgroups, born_in_v2);
	}
	close(pair[1]);
	if (c->pid < 0)
		return err_sys(e, c->pid, "clone the container's first process");
	return fill_child(req, p, c, e);
}

static int create(const struct runtime_create *req, const struct plan *p,
	struct runtime_container *c, struct err *e)
{
	int r = create_once(req, p, 1, c, e);

	if (r != CGROUP_WITHOUT)
		return r;
	runtime_destroy(c);
	return create_once(req, p, 0, c, e);
}

int runtime_create(const struct runtime_create *req, struct runtime_container *out, struct err *e)
{
	struct runtime_container c = RUNTIME_CONTAINER_NONE;
	struct plan p;
	int r = plan_make(req->config, &p, e);

	if (r == 0) {
		say_unknown_caps(req);
		r = create(req, &p, &c, e);
	}
	plan_done(&p);
	if (r < 0)
		runtime_destroy(&c);
	else
		*out = c;
	return r;
}

int runtime_wait_ready(struct runtime_container *c, int *out_console, struct err *e)
{
	auto_fd int console = -1;

	for (;;) {
		struct sync_msg m;
		int fd = -1;
		size_t n_fds = 1;
		int r = sync_recv(c->sync_fd, &m, &fd, &n_fds);
		if (r <= 0)
			return err_set(e, ERR_SYSTEM, "the container's first process died early");
		if (m.type == SYNC_CONSOLE && n_fds == 1)
			console = fd;
		if (m.type == SYNC_ERROR) {
			*e = m.err;
			return -1;
		}
		if (m.type == SYNC_READY) {
			*out_console = take_fd(&console);
			return 0;
		}
	}
}

int runtime_start(struct runtime_container *c, struct err *e)
{
	struct sync_msg m;

	if (sync_send(c->sync_fd, SYNC_START, NULL, 0) < 0)
		return err_set(e, ERR_SYSTEM, "the container's first process is gone");
	if (sync_recv(c->sync_fd, &m, NULL, NULL) == 1 && m.type == SYNC_ERROR) {
		*e = m.err;
		return -1;
	}
	return 0;
}

void runtime_destroy(struct runtime_container *c)
{
	int status;

	fd_close_ptr(&c->sync_fd);
	if (c->pid > 0) {
		ns_kill(c->pid, c->pidfd, SIGKILL);
		ns_wait(c->pid, c->pidfd, DESTROY_MS, &status);
	}
	fd_close_ptr(&c->pidfd);
	if (c->cgroups && cgroup_remove(c->cgroups, 0) < 0) {
		cgroup_kill(c->cgroups);
		cgroup_remove(c->cgroups, DESTROY_MS);
	}
	strv_free(c->cgroups);
	*c = RUNTIME_CONTAINER_NONE;
}

char *runtime_plan_text(const struct oci_config *config, struct err *e)
{
	struct plan p;
	char *text = plan_make(config, &p, e) < 0 ? NULL : plan_text(&p);

	plan_done(&p);
	return text;
}
