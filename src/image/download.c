/* download.c: a URL's bytes come from hull-fetch through a pipe, while somebody reads them.
 *
 * Who reads (hull-transfer) cannot tell a broken connection from an archive that is cut off; the
 * fetcher can, and it says so before it closes the pipe: so its word goes first. */
#define _GNU_SOURCE
#include "image/download.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "image/box/box.h"

#define PIPE_BYTES (1 << 20)
#define REQUEST_BYTES_MAX (60 << 10) /* what a pipe takes without a reader */

/* curl(1), ENVIRONMENT; the name HTTP_PROXY is not read there, with reason. */
static void add_environment(struct buf *b)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
		"ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "CURL_CA_BUNDLE"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (!value)
			continue;
		buf_printf(b, "%s=%s", names[i], value);
		buf_putc(b, '\0');
	}
}

static int write_request(const char *url, int *out_fd, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(REQUEST_BYTES_MAX);
	auto_fd int in = -1, out = -1;
	int r = fd_pipe(&out, &in);

	buf_add(&b, url, strlen(url) + 1);
	add_environment(&b);
	if (b.over)
		return err_set(e, ERR_INVALID, "the URL and the proxy's variables are too long");
	if (r >= 0)
		r = fd_write_all(in, b.data, b.len);
	if (r < 0)
		return err_sys(e, r, "start the fetcher");
	*out_fd = take_fd(&out);
	return 0;
}

int download_start(const char *url, int folder_fd, struct download *d, struct err *e)
{
	auto_fd int request = -1, in = -1;
	char *argv[] = {(char *)"hull-fetch", NULL};
	int r;

	*d = (struct download)DOWNLOAD_NONE;
	if (write_request(url, &request, e) < 0)
		return -1;
	r = fd_pipe(&d->fd, &in);
	if (r < 0)
		return err_sys(e, r, "start the fetcher");
	fcntl(in, F_SETPIPE_SZ, PIPE_BYTES); /* quicker; 64 KiB do */
	const struct worker_fd fds[] = {
		{request, BOX_ARCHIVE_FD}, {folder_fd, BOX_ROOT_FD}, {in, BOX_SPOOL_FD}};
	const struct worker_start start = {.program = argv[0],
		.who = "the fetcher",
		.argv = argv,
		.fds = fds,
		.n_fds = ARRAY_SIZE(fds),
		.network = 1};
	return worker_start(&start, &d->w, e);
}

static int has_spoken(const struct download *d)
{
	struct pollfd p = {.fd = d->w.result, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* As worker_end() wants it: 1, 0, -1. */
static int last_word(struct download *d, struct err *e)
{
	_Alignas(struct transfer_result) char body[sizeof(struct err)];
	struct transfer_head head;

	_Static_assert(sizeof(body) >= sizeof(struct transfer_result), "a result fits");
	if (!worker_hear(&d->w, &head, body, sizeof(body)))
		return 0;
	if (head.kind == TRANSFER_ERROR)
		return worker_error(&d->w, body, head.len, e);
	if (head.kind != TRANSFER_DONE || head.len != sizeof(struct transfer_result))
		return worker_nonsense(&d->w, e);
	return 1;
}

int download_end(struct download *d, int read, struct err *e)
{
	struct err said = {0};
	int r;

	fd_close_ptr(&d->fd);
	if (d->w.pid < 0) /* it was never started */
		return worker_end(&d->w, -1, e);
	/* A reader that stopped for a reason of its own: the rest is not waited for. */
	r = read < 0 && !has_spoken(d) ? -1 : last_word(d, &said);
	r = worker_end(&d->w, r, &said);
	if (said.kind && e)
		*e = said;
	return read < 0 || r < 0 ? -1 : 0;
}
