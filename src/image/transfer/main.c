/* main.c: hull-transfer, the worker for archives. Started by hull:
 *
 *	hull-transfer unpack --target-fd N --archive-fd N --result-fd N [--limit-bytes N]
 *
 * Unpacks the archive into the (empty) target folder and writes messages (result.h) to the result
 * descriptor. It shuts itself into the target folder first (box.c); the namespaces it does that in
 * are made by who starts it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "image/transfer/box.h"
#include "image/transfer/result.h"
#include "image/transfer/stream.h"
#include "image/transfer/unpack.h"

struct options {
	int64_t target_fd, archive_fd, result_fd, limit_bytes;
};

static int usage(void)
{
	fputs("usage: hull-transfer unpack --target-fd N --archive-fd N --result-fd N "
	      "[--limit-bytes N]\nhull starts it; it is of no use by hand.\n",
		stderr);
	return 2;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		int64_t *value;
	} table[] = {
		{"--target-fd", &o->target_fd},
		{"--archive-fd", &o->archive_fd},
		{"--result-fd", &o->result_fd},
		{"--limit-bytes", &o->limit_bytes},
	};

	*o = (struct options){-1, -1, -1, 0};
	if (argc < 2 || !streq(argv[1], "unpack") || argc % 2)
		return -1;
	for (int i = 2; i < argc; i += 2) {
		size_t k = 0;

		while (k < ARRAY_SIZE(table) && !streq(argv[i], table[k].name))
			k++;
		if (k == ARRAY_SIZE(table) || parse_i64(argv[i + 1], table[k].value) < 0 ||
			*table[k].value < 0 || (k < 3 && *table[k].value > INT16_MAX))
			return -1;
	}
	return o->target_fd < 0 || o->archive_fd < 0 || o->result_fd < 0 ? -1 : 0;
}

/* The three descriptors to where box.h wants them; returns the target's. */
static int arrange(const struct options *o)
{
	int high[3];
	const int given[3] = {(int)o->archive_fd, (int)o->result_fd, (int)o->target_fd};

	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, BOX_ROOT_FD + 4);
		if (high[i] < 0)
			return -1;
	}
	if (dup2(high[0], BOX_ARCHIVE_FD) < 0 || dup2(high[1], BOX_RESULT_FD) < 0)
		return -1;
	return high[2];
}

static void send_message(uint32_t kind, const void *data, size_t len)
{
	struct transfer_head head = {kind, (uint32_t)len};

	fd_write_all(BOX_RESULT_FD, &head, sizeof(head));
	fd_write_all(BOX_RESULT_FD, data, len);
}

static int send_node(void *ctx, const struct transfer_node *n, struct err *e)
{
	send_message(TRANSFER_NODE, n, offsetof(struct transfer_node, path) + strlen(n->path) + 1);
	return 0;
}

static int unpack(
	const struct options *o, int target_fd, struct transfer_result *out, struct err *e)
{
	struct unpack_request req = {.rootfd = BOX_ROOT_FD, .node = send_node};

	if (box_enter(target_fd, e) < 0 ||
		stream_open(BOX_ARCHIVE_FD, 1, (uint64_t)o->limit_bytes, &req.stream, e) < 0)
		return -1;
	return unpack_run(&req, out, e);
}

int main(int argc, char **argv)
{
	struct transfer_result result = {0};
	struct options o;
	struct err e = {0};
	int target;

	if (parse_options(argc, argv, &o) < 0)
		return usage();
	/* One heap for both threads: a second one would ask for the number of processors. */
	mallopt(M_ARENA_MAX, 1);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	target = arrange(&o);
	if (target < 0) {
		perror("hull-transfer: descriptors");
		return 2;
	}
	if (unpack(&o, target, &result, &e) < 0)
		send_message(TRANSFER_ERROR, &e, sizeof(e));
	else
		send_message(TRANSFER_DONE, &result, sizeof(result));
	/* Not exit: the other thread may wait for an archive that does not come. */
	_exit(0);
}
