/* cgroup.c: the end of a cgroup: counting, killing, removing. Knows only full paths.
 *
 * How it works: where there is cgroup.kill, one write kills the whole subtree at once. Elsewhere a
 * process could fork faster than its list is read, so the freezer stops them first (v1: of the
 * freezer hierarchy, where a frozen process dies only after the thaw; v2: cgroup.freeze), and all
 * of it is repeated until the lists are empty. Sub-cgroups are visited breadth first by relative
 * path. */
#define _GNU_SOURCE
#include "kernel/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/dents.h"

#define KILL_MAX_MS 2000
#define FREEZE_MAX_MS 100
#define PROCS_MAX (4UL << 20) /* half a million lines */

static int64_t mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 1 ms, doubling to 16 with each call. */
static void pause_longer(int *ms)
{
	*ms = *ms == 0 ? 1 : *ms < 16 ? *ms * 2 : 16;
	nanosleep(&(struct timespec){0, *ms * 1000000L}, NULL);
}

/* Lines of cgroup.procs that are processes; each is sent sig unless that is 0. */
static int visit_procs(int dirfd, int sig)
{
	auto_buf struct buf text = BUF_MAX(PROCS_MAX);
	int n = 0, r = fd_read_file(dirfd, "cgroup.procs", &text);

	/* EOPNOTSUPP: a threaded cgroup of v2, its processes are listed in the domain above;
	 * ENODEV: removed since it was opened. */
	if (r == -EOPNOTSUPP || r == -ENODEV || r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (char *p = text.data, *end; p && *p; p = *end ? end + 1 : end, n++) {
		long pid = strtol(p, &end, 10);
		if (end == p)
			break;
		/* 0: of a pid namespace that we cannot see into. Never ourselves. */
		if (sig && pid > 0 && pid != getpid())
			kill((pid_t)pid, sig);
	}
	return n;
}

static void add_children(int dirfd, const char *rel, char ***queue)
{
	_Alignas(8) char room[4096];
	struct dents d = {.fd = dirfd, .room = room, .size = sizeof(room)};
	const char *name = NULL;

	while (dents_next(&d, &name) > 0)
		if (d.type == DT_DIR)
			strv_addf(queue, "%s/%s", rel, name);
}

/* Sum of visit_procs over the cgroup and everything beneath it; a missing one has nothing. */
static int visit_tree(const char *path, int sig)
{
	auto_strv char **queue = NULL;
	int sum = 0;

	strv_add(&queue, path);
	for (size_t i = 0; queue[i]; i++) {
		auto_fd int fd = open(queue[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int n;

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return -errno;
		n = visit_procs(fd, sig);
		if (n < 0)
			return n;
		sum += n;
		add_children(fd, queue[i], &queue);
	}
	return sum;
}

int cgroup_count(char *const *paths)
{
	int most = 0;

	/* The same processes are in each hierarchy; one that was moved away in one counts. */
	strv_foreach (p, paths) {
		int n = visit_tree(*p, 0);
		if (n < 0)
			return n;
		if (n > most)
			most = n;
	}
	return most;
}

static int write_in(const char *path, const char *file, const char *value)
{
	auto_fd int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? -errno : fd_write_value(dir, file, value);
}

/* v1: FREEZING becomes FROZEN by and by; writing again helps it along. */
static void freeze_v1(const char *path)
{
	auto_fd int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int64_t deadline = mono_ms() + FREEZE_MAX_MS;
	int pause_ms = 0;

	while (dir >= 0 && fd_write_value(dir, "freezer.state", "FROZEN") == 0) {
		auto_buf struct buf state = BUF_MAX(64);
		if (fd_read_file(dir, "freezer.state", &state) < 0 || !state.data ||
			str_after(state.data, "FROZEN") || mono_ms() >= deadline)
			break;
		pause_longer(&pause_ms);
	}
}

static void freeze_all(char *const *paths, int on)
{
	strv_foreach (p, paths) {
		if (write_in(*p, "cgroup.freeze", on ? "1" : "0") == 0)
			continue;
		if (on)
			freeze_v1(*p);
		else
			write_in(*p, "freezer.state", "THAWED");
	}
}

/* One round over all hierarchies; how many were found. */
static int kill_once(char *const *paths)
{
	int sum = 0, atomic = 0;

	strv_foreach (p, paths)
		atomic |= write_in(*p, "cgroup.kill", "1") == 0;
	if (!atomic)
		freeze_all(paths, 1);
	strv_foreach (p, paths) {
		int n = visit_tree(*p, SIGKILL);
		if (n < 0) {
			sum = n;
			break;
		}
		sum += n;
	}
	if (!atomic)
		freeze_all(paths, 0);
	return sum;
}

int cgroup_kill(char *const *paths)
{
	int64_t deadline = mono_ms() + KILL_MAX_MS;
	int n, pause_ms = 0;

	while ((n = kill_once(paths)) > 0) {
		if (mono_ms() >= deadline)
			return -ETIMEDOUT;
		pause_longer(&pause_ms);
	}
	return n;
}

/* rmdir everything beneath path, leaves first. */
static int remove_beneath(const char *path)
{
	auto_strv char **queue = NULL;
	int r = 0;

	strv_add(&queue, path);
	for (size_t i = 0; queue[i]; i++) {
		auto_fd int fd = open(queue[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			add_children(fd, queue[i], &queue);
	}
	for (size_t i = strv_len(queue) - 1; i > 0; i--)
		if (rmdir(queue[i]) < 0 && errno != ENOENT)
			r = -errno;
	return r;
}

static int remove_one(const char *path)
{
	int r;

	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return -errno;
	r = remove_beneath(path);
	if (r < 0)
		return r;
	return rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(char *const *paths, int timeout_ms)
{
	int64_t deadline = mono_ms() + timeout_ms;
	int pause_ms = 0;

	for (;;) {
		int busy = 0, failed = 0;

		strv_foreach (p, paths) {
			int r = remove_one(*p);
			if (r == -EBUSY || r == -ENOTEMPTY)
				busy = -EBUSY;
			else if (r < 0)
				failed = r;
		}
		if (!busy || mono_ms() >= deadline)
			return busy ? busy : failed;
		pause_longer(&pause_ms);
	}
}

/* The number after "oom_kill " at the start of a line of the file, or -errno when it cannot be
 * read. */
static int oom_kills(int dir, const char *file)
{
	auto_buf struct buf text = BUF_MAX(4096);
	const char *value;
	int r = fd_read_file(dir, file, &text);

	if (r < 0)
		return r;
	for (char *save, *line = strtok_r(text.data, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		if ((value = str_after(line, "oom_kill ")))
			return strtoul(value, NULL, 10) > 0;
	return 0;
}

int cgroup_oom_killed(char *const *paths)
{
	/* One hierarchy at most has the memory controller: the first answer is the answer. */
	strv_foreach (p, paths) {
		auto_fd int dir = open(*p, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = dir < 0 ? -errno : oom_kills(dir, "memory.events");

		if (r < 0 && dir >= 0)
			r = oom_kills(dir, "memory.oom_control");
		if (r >= 0)
			return r;
	}
	return 0;
}
