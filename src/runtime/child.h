/* child.h: the container's first process, from the clone to the exec. */
#pragma once

#include "kernel/cgroup.h"
#include "runtime/plan.h"
#include "runtime/trees.h"

struct child {
	const struct plan *plan;
	int sync_fd;	      /* the child's end */
	int stdio[3];	      /* -1: /dev/null */
	char *const *cgroups; /* full paths of its cgroup in every hierarchy, NULL: none */
	const struct cgroup_host *cgroup_host;
	int born_in_v2;	    /* cloned into its v2 cgroup */
	struct trees trees; /* received */
	int root_fd;	    /* the new root's mount, before the pivot */
	int null_fd;	    /* an O_PATH descriptor of a null device that is ours */
	int proc_fd;	    /* the container's proc and sysfs, wherever they lie by now; -1 */
	int sys_fd;
	int tty_fd;    /* the pty's slave, -1 */
	int filter_fd; /* the compiled filter's file, -1 */
};

/* Never returns: execs or reports ERROR on sync_fd and exits with its status. */
void child_main(struct child *c) __attribute__((noreturn));

/* Before 5.2 the parent could only open what is to be mounted, in its own mount namespace: the same
 * by its path in ours. To be called while the user is still the host's, who may go there. */
int child_trees_reopen(struct child *c, struct err *e);
/* child_root.c: the root file system and every mount in it, up to the pivot. */
int child_root_make(struct child *c, struct err *e);
/* After all mounts, before the pivot: masked and read-only paths. */
int child_paths_protect(struct child *c, struct err *e);
int child_root_enter(struct child *c, struct err *e);
/* child_cgroup.c */
int child_cgroup_join(struct child *c, struct err *e);
int child_cgroup_view(struct child *c, const struct plan_mount *m, struct err *e);
/* child_exec.c: privileges and the program. */
void child_exec(struct child *c, struct err *e);
/* Wait for the parent's next message, which must be `type`. Its death ends the child without a
 * word. */
void child_expect(const struct child *c, uint32_t type);
/* child_net.c: the loopback interface, and NETNS; later CABLE, and the interfaces' addresses. */
int child_net_own(struct child *c, struct err *e);
int child_net_configure(struct child *c, struct err *e);
