/* ns.h: processes in new namespaces, id maps, and identities of processes. Quiet. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* fork with namespace flags (CLONE_NEW*), clone3 with a pidfd, or clone(2) and pidfd_open. Returns
 * 0 in the child, the pid in the parent with *out_pidfd set (-1 on a kernel without pidfds).
 * cgroup_fd
 * >= 0: CLONE_INTO_CGROUP (v2 only; -ENOSYS before clone3 (5.3), -EINVAL before 5.7: clone with
 * -1 then and cgroup_enter). CLONE_NEWTIME needs clone3 (-ENOSYS). */
pid_t ns_clone(uint64_t flags, int cgroup_fd, int *out_pidfd);

struct ns_idmap {
	uint32_t inside, outside, count;
};
/* Write /proc/PID/uid_map and gid_map (by writing the files; needs CAP_SETUID over the namespace).
 * 340 lines at most (5 before 4.15: -EINVAL); n 0 leaves that map alone. */
int ns_write_maps(pid_t pid, const struct ns_idmap *uids, size_t n_uids,
	const struct ns_idmap *gids, size_t n_gids);
/* /proc/PID/ns/NAME opened O_RDONLY|O_CLOEXEC. pid 0 = self. */
int ns_open(pid_t pid, const char *name);
/* setns(2) */
int ns_join(int fd, int clone_flag);

/* Wait for the child behind pidfd (P_PIDFD, 5.4; falls back to waitpid(pid)). *out_status as of
 * waitpid. timeout_ms < 0: for ever; -ETIMEDOUT. */
int ns_wait(pid_t pid, int pidfd, int timeout_ms, int *out_status);
/* pidfd < 0: kill(pid). */
int ns_kill(pid_t pid, int pidfd, int sig);
/* A pidfd of a process that is not our child; -ENOSYS before 5.3. */
int ns_pidfd(pid_t pid);
/* Field 22 of /proc/PID/stat: with the pid, the identity of a process on kernels without pidfds. */
int ns_start_time(pid_t pid, uint64_t *out_ticks);

/* Become uid:gid with these supplementary groups: setgroups, setresgid, setresuid in this order.
 * The effective capabilities are the caller's to keep (caps.h). */
int ns_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups);

/* rlimits by name ("nofile" or "RLIMIT_NOFILE"), -EINVAL unknown; UINT64_MAX is unlimited. */
int ns_rlimit_number(const char *name);
int ns_rlimit_set(int resource, uint64_t soft, uint64_t hard);

/* Send / receive up to 64 descriptors with a few bytes on a UNIX socket (SCM_RIGHTS). At least one
 * byte must go with them. recv returns the number of bytes (0 at EOF) and sets *n_fds (in: room,
 * out: received); received ones are CLOEXEC. More of them than there is room for: all are closed
 * and -E2BIG; -EMFILE when this process may have no more. */
#define NS_FDS_MAX 64
int ns_send_fds(int sock, const void *data, size_t len, const int *fds, size_t n_fds);
ssize_t ns_recv_fds(int sock, void *data, size_t len, int *fds, size_t *n_fds);

/* Close every descriptor >= first, or only mark them CLOEXEC (close_range: 5.9, 5.11; else by
 * /proc/self/fd, else every number below RLIMIT_NOFILE). Allocates nothing. */
int ns_close_from(int first, int cloexec);
