/* net_keeper.c: hull-keeper as a container's starter sees it. */
#define _GNU_SOURCE
#include "engine/net_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/helpers.h"
#include "keeper/protocol.h"

#define ASK_MAX_MS 10000
#define NAP_NS 2000000

static int is_there(const struct engine *en)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_fd int fd = openat(en->runroot_fd, KEEPER_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* It leaves us by itself; the child that we see ends at once, and is reaped with the others of the
 * monitor. */
static int start(struct engine *en, struct err *e)
{
	auto_free char *keeper = helpers_find("hull-keeper", e), *self = helpers_self(e);
	char *argv[] = {(char[]){"hull-keeper"}, (char[]){"--runroot"}, en->runroot,
		(char[]){"--root"}, en->root, (char[]){"--hull"}, self, (char[]){"--table"},
		en->idents.table, NULL};
	pid_t pid;
	int r;

	if (!keeper || !self)
		return -1;
	r = posix_spawn(&pid, keeper, NULL, NULL, argv, environ);
	return r ? err_sys(e, r, "start %s", keeper) : 0;
}

int net_keeper_hold(struct engine *en, int *out_fd, struct err *e)
{
	auto_fd int fd = openat(en->runroot_fd, KEEPER_USERS, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (mkfifoat(en->runroot_fd, KEEPER_USERS, 0600) < 0 && errno != EEXIST)
			return err_sys(e, errno, "make %s/" KEEPER_USERS, en->runroot);
		fd = openat(en->runroot_fd, KEEPER_USERS, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, errno, "open %s/" KEEPER_USERS, en->runroot);
	/* In this order: a keeper that is about to leave looks the other way round. */
	if (!is_there(en) && start(en, e) < 0)
		return -1;
	*out_fd = take_fd(&fd);
	return 0;
}

static int connect_once(const struct engine *en)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	auto_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* The run folder's own path may be longer than such an address. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" KEEPER_SOCKET, en->runroot_fd);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* 1: answered, 0: it is not there (yet, or any more). */
static int ask_once(const struct engine *en, const char *key, struct err *answer)
{
	auto_fd int fd = connect_once(en);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd < 0 || send(fd, key, strlen(key), MSG_NOSIGNAL) < 0 || poll(&p, 1, ASK_MAX_MS) <= 0)
		return 0;
	return recv(fd, answer, sizeof(*answer), 0) == sizeof(*answer);
}

int net_keeper_ask(struct engine *en, const char *key, struct err *e)
{
	const int64_t end = time_mono_ns() + ASK_MAX_MS * INT64_C(1000000);
	const struct timespec nap = {.tv_nsec = NAP_NS};
	struct err answer;

	while (!ask_once(en, key, &answer)) {
		if (time_mono_ns() > end)
			return err_set(e, ERR_SYSTEM, "hull-keeper does not answer within %d s",
				ASK_MAX_MS / 1000);
		nanosleep(&nap, NULL);
		if (!is_there(en) && start(en, e) < 0)
			return -1;
	}
	if (answer.kind == ERR_NONE)
		return 0;
	answer.text[ERR_TEXT_MAX - 1] = '\0';
	if (e)
		*e = answer;
	return -1;
}
