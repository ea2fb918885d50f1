/* worker.h: inside the image folder only: a worker program (hull-transfer, hull-fetch) is started
 * in namespaces of its own, listened to, and waited for. Speaking. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/transfer/result.h"

struct fs_owners;

struct worker_fd {
	int fd;	    /* -1: not given */
	int number; /* which it has in the worker (box/box.h) */
};
struct worker_start {
	const char *program; /* its name, and argv[0] */
	const char *who;     /* for errors: "the archive unpacker" */
	char *const *argv;
	const struct worker_fd *fds; /* stay the caller's; BOX_RESULT_FD is given always */
	size_t n_fds;
	int network; /* the host's stays */
	/* The ids that the worker sees, and which they are here. NULL: each for itself. */
	const struct fs_owners *owners;
};
struct worker {
	const char *who;
	pid_t pid;
	int pidfd, own_users;
	int program;	/* opened with our powers, which the worker may not have */
	int result, go; /* our ends */
};
#define WORKER_NONE                                                           \
	{                                                                     \
		.pid = -1, .pidfd = -1, .program = -1, .result = -1, .go = -1 \
	}

/* It runs when this returns 0; worker_end() must follow either way. */
int worker_start(const struct worker_start *s, struct worker *w, struct err *e);
/* said: 1, it has said its last word; -1, its error is in e, or the caller is through with it: it
 * is killed; 0, it went away without a last word. Returns 0, or -1 with e set. */
int worker_end(struct worker *w, int said, struct err *e);

/* The next message into body (max bytes). 1, or 0: there is none any more. */
int worker_hear(const struct worker *w, struct transfer_head *out_head, void *body, size_t max);
/* The error in the body of a TRANSFER_ERROR, its texts harmless for a terminal. -1. */
int worker_error(const struct worker *w, const char *body, size_t len, struct err *e);
/* For a message that makes no sense. -1. */
int worker_nonsense(const struct worker *w, struct err *e);
