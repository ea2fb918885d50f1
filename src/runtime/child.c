/* child.c: the container's first process, from the clone to the barrier.
 *
 * Process: the child, alone in its new namespaces; the host's root file system is still its root
 * until child_root_enter(). Order is what the kernel wants (5 to 6.18):
 *
 * - The network namespace after the id maps: one that is made before belongs to nobody. It is the
 *   dearest call of all (0.7 ms) and overlaps with the parent's work on cgroups and trees.
 * - Into the cgroup while the uid is still the host's 0 and by the child itself: on v1 a thread
 * that moves itself is the one migration that does not wait for an RCU grace period (10 to 30 ms).
 * - The cgroup namespace after the move, the ipc namespace after the change to the container's root
 *   (its mqueue would belong to nobody).
 * - PR_SET_PDEATHSIG again after each change of ids, which clears it. */
#define _GNU_SOURCE
#include "runtime/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/ns.h"
#include "kernel/signals.h"
#include "runtime/sync.h"

static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/* What fork inherits and a container's program must not: handlers, ignored signals, the mask. */
static void reset_signals(void)
{
	sigset_t none;

	signals_reset_all();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The next message must be `type`; the parent's death ends the child without a word. */
void child_expect(const struct child *c, uint32_t type)
{
	struct sync_msg m;
	struct err e = {0};
	int r = sync_recv(c->sync_fd, &m, NULL, NULL);

	if (r == 1 && m.type == type)
		return;
	/* Without a word it would look like a program that was executed and gave this status. */
	if (r < 0) {
		err_sys(&e, r, "hear from the container's monitor");
		sync_send_err(c->sync_fd, SYNC_ERROR, &e);
	}
	_exit(125);
}

static int become_root(const struct plan *p, struct err *e)
{
	int r;

	if (!p->user_ns)
		return 0;
	r = ns_become(0, 0, NULL, 0);
	return r < 0 ? err_sys(e, r, "become root of the container") : 0;
}

static int new_namespaces(struct child *c, struct err *e)
{
	const struct plan *p = c->plan;
	const struct oci_config *cfg = p->config;
	uint64_t late = p->unshare_flags & (CLONE_NEWIPC | CLONE_NEWCGROUP);

	if (late && unshare((int)late) < 0)
		return err_sys(e, errno, "make ipc and cgroup namespaces");
	if (cfg->hostname && plan_has_namespace(p, "uts") &&
		sethostname(cfg->hostname, strlen(cfg->hostname)) < 0)
		return err_sys(e, errno, "set the hostname \"%s\"", cfg->hostname);
	if (cfg->domainname && plan_has_namespace(p, "uts") &&
		setdomainname(cfg->domainname, strlen(cfg->domainname)) < 0)
		return err_sys(e, errno, "set the domainname \"%s\"", cfg->domainname);
	return 0;
}

static int receive_trees(struct child *c, struct err *e)
{
	int r = trees_receive(&c->trees, c->sync_fd);

	if (r == 0)
		_exit(125);
	if (r < 0)
		return err_sys(e, r, "receive the mounts");
	for (size_t i = 0; i < c->trees.n; i++)
		if (c->trees.v[i].use == TREE_FILTER)
			c->filter_fd = take_fd(&c->trees.v[i].fd);
	return 0;
}

static int prepare(struct child *c, struct err *e)
{
	child_expect(c, SYNC_MAPS);
	if (child_net_own(c, e) < 0 || receive_trees(c, e) < 0 || child_trees_reopen(c, e) < 0 ||
		child_cgroup_join(c, e) < 0 || become_root(c->plan, e) < 0)
		return -1;
	die_with_parent();
	if (new_namespaces(c, e) < 0 || child_root_make(c, e) < 0 ||
		child_paths_protect(c, e) < 0 || child_root_enter(c, e) < 0 ||
		child_net_configure(c, e) < 0)
		return -1;
	trees_done(&c->trees);
	return 0;
}

/* The three standard descriptors; what is missing becomes the container's own null device. */
static int take_stdio(struct child *c, struct err *e)
{
	for (int i = 0; i < 3; i++) {
		auto_fd int null = -1;
		int from = c->plan->terminal ? c->tty_fd : c->stdio[i];

		if (from < 0) {
			null = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (null < 0) /* an image of its own without /dev */
				continue;
			from = null;
		}
		/* dup2 onto itself would leave CLOEXEC on. */
		if (from == i ? fd_set_cloexec(i, 0) < 0 : dup2(from, i) < 0)
			return err_sys(e, errno, "connect descriptor %d", i);
		if (null == i)
			null = -1;
	}
	return 0;
}

/* Descriptors 0 to 2 are about to be replaced: whatever we still need moves out of the way. */
static void move_up(int *fd)
{
	if (*fd >= 0 && *fd < 3)
		*fd = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
}

void child_main(struct child *c)
{
	struct err e = {0};

	reset_signals();
	die_with_parent();
	umask(0022);
	c->root_fd = c->null_fd = c->proc_fd = c->sys_fd = c->tty_fd = c->filter_fd = -1;
	if (prepare(c, &e) < 0)
		goto fail;
	if (sync_send(c->sync_fd, SYNC_READY, NULL, 0) < 0)
		_exit(125);
	child_expect(c, SYNC_START);
	move_up(&c->sync_fd);
	move_up(&c->filter_fd);
	move_up(&c->tty_fd);
	if (take_stdio(c, &e) == 0)
		child_exec(c, &e);
fail:
	sync_send_err(c->sync_fd, SYNC_ERROR, &e);
	_exit(e.status ? e.status : 125);
}
