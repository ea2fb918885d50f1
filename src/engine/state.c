/* state.c: what a container is doing.
 *
 * How it works: whoever starts a container locks the file "lock" in its run folder before the
 * container's row can be seen, and its monitor inherits the lock; the kernel gives it back when the
 * last of them is gone, however it went. A held lock and the file "state" mean that it runs; the
 * record "exit" counts more than both. No lock and no record: the monitor was killed. For --rm that
 * leaves garbage. */
#define _GNU_SOURCE
#include "engine/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/mem.h"
#include "kernel/ns.h"

#define FILE_MAX_BYTES 16384

void container_state_done(struct container_state *s)
{
	free(s->error);
	*s = (struct container_state){0};
}

int container_lock(int run_fd, int create)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_fd int fd = openat(
		run_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return take_fd(&fd);
}

int container_is_locked(int run_fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_fd int fd = openat(run_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static json_t *read_json(int folder_fd, const char *name)
{
	auto_buf struct buf b = BUF_MAX(FILE_MAX_BYTES);

	if (folder_fd < 0 || fd_read_file(folder_fd, name, &b) < 0 || !b.len)
		return NULL;
	return jsonx_parse(b.data, b.len, name, NULL);
}

static void read_exit(const json_t *exit, struct container_state *s)
{
	s->phase = jsonx_bool(exit, "started", 0) ? PHASE_EXITED : PHASE_CREATED;
	s->status = (int)jsonx_int(exit, "status", 0);
	s->oom = jsonx_bool(exit, "oom", 0);
	s->started_ns = jsonx_int(exit, "startedNs", 0);
	s->finished_ns = jsonx_int(exit, "finishedNs", 0);
	s->error = xstrdup(jsonx_str(exit, "error", ""));
}

void container_state_read(
	struct engine *en, const struct container_row *row, struct container_state *out)
{
	auto_fd int run = engine_container_folder(en->runroot_fd, row->id);
	auto_fd int kept = row->ephemeral ? -1 : engine_container_folder(en->root_fd, row->id);
	struct container_state s = {0};
	auto_json json_t *exit = NULL, *state = NULL;
	int locked = run >= 0 && container_is_locked(run);

	/* Looked at in this order, so that an end between the two looks is seen. */
	state = read_json(run, "state");
	exit = read_json(row->ephemeral ? run : kept, "exit");
	if (exit && !row->ephemeral) {
		read_exit(exit, &s);
	} else if (locked && state && !exit) {
		s.phase = PHASE_RUNNING;
		s.pid = (int)jsonx_int(state, "pid", 0);
		s.started_ns = jsonx_int(state, "startedNs", 0);
	} else if (exit && locked) { /* --rm, in the midst of being removed */
		read_exit(exit, &s);
	} else if (locked || !row->started) {
		s.phase = row->ephemeral && !locked ? PHASE_GARBAGE : PHASE_CREATED;
	} else {
		s.phase = row->ephemeral ? PHASE_GARBAGE : PHASE_DEAD;
		s.status = -1;
		s.started_ns = state ? jsonx_int(state, "startedNs", 0) : 0;
	}
	if (!s.error)
		s.error = xstrdup("");
	*out = s;
}

int container_monitor(int run_fd)
{
	auto_json json_t *state = read_json(run_fd, "state");
	uint64_t ticks;

	/* Its child is the one that is named: so no number was given out anew. */
	if (!state || !container_is_locked(run_fd) ||
		ns_start_time((int)jsonx_int(state, "pid", 0), &ticks) < 0 ||
		ticks != (uint64_t)jsonx_int(state, "startTime", -1))
		return 0;
	return (int)jsonx_int(state, "monitorPid", 0);
}
