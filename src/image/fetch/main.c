/* main.c: hull-fetch, the worker that speaks to servers. Started by hull (image/download.c), with
 *the descriptors of box/box.h:
 *
 *	0	what is wanted: the URL, then environment variables, each closed by a NUL. Not
 *		arguments and not the environment: other users could read a password there
 *	3	messages (transfer/result.h): TRANSFER_DONE with a struct transfer_result, of which
 *		stream_bytes counts (-1: nobody wanted the rest), or TRANSFER_ERROR
 *	4	an empty folder, which it shuts itself into
 *	6	gets the bytes
 *
 * It has the host's network, but nothing of its files and no power over its processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "image/box/box.h"
#include "image/fetch/fetch.h"
#include "image/transfer/result.h"

#define REQUEST_BYTES_MAX (60 << 10)

static void say(uint32_t kind, const void *data, size_t len)
{
	struct transfer_head head = {kind, (uint32_t)len};

	fd_write_all(BOX_RESULT_FD, &head, sizeof(head));
	fd_write_all(BOX_RESULT_FD, data, len);
}

/* Who started us died before the signal was asked for. */
static int nobody_listens(void)
{
	struct pollfd p = {.fd = BOX_RESULT_FD};

	return poll(&p, 1, 0) == 1 && p.revents & POLLERR;
}

/* The texts of the request; the first is the URL. */
static int read_request(char ***out, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(REQUEST_BYTES_MAX);
	int r = fd_read_all(BOX_ARCHIVE_FD, &b);

	if (r < 0)
		return err_sys(e, r, "read what is to be fetched");
	for (size_t at = 0; at < b.len; at += strlen(b.data + at) + 1)
		strv_add(out, b.data + at);
	return *out && !b.over ? 0 : err_set(e, ERR_INVALID, "nothing is to be fetched");
}

static int work(char **request, struct transfer_result *out, struct err *e)
{
	static const struct box box = {
		.target_fd = BOX_LAYERS_FD, .read_only = 1, .network = 1, .who = "the fetcher"};
	struct fetch f = {.url = request[0], .fd = BOX_SPOOL_FD};

	if (fetch_prepare(BOX_ROOT_FD, request + 1, e) < 0)
		return -1;
	strv_foreach (s, request + 1)
		putenv(*s);
	if (dup2(BOX_ROOT_FD, BOX_LAYERS_FD) < 0)
		return err_sys(e, errno, "arrange the fetcher's descriptors");
	if (box_enter(&box, e) < 0 || fetch_url(&f, e) < 0)
		return -1;
	out->stream_bytes = f.stopped ? -1 : f.bytes;
	return 0;
}

int main(void)
{
	struct transfer_result result = {0};
	char **request = NULL;
	struct err e = {0};

	mallopt(M_ARENA_MAX, 1);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (nobody_listens())
		return 2;
	if (read_request(&request, &e) < 0 || work(request, &result, &e) < 0)
		say(TRANSFER_ERROR, &e, sizeof(e));
	else
		say(TRANSFER_DONE, &result, sizeof(result));
	_exit(0);
}
