/* get.c: one GET. Nothing is written before the server has said 200, and a body that is shorter
 * than announced is an error. */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "config.h"
#include "image/fetch/fetch.h"
#include "image/fetch/paths.h"

#define CONNECT_SECONDS 30L
#define SILENT_SECONDS 60L /* without a byte */
#define REDIRECTS_MAX 10L
#define HEADER_BYTES_MAX (1 << 20)
#define BUFFER_BYTES (256L << 10)

struct transfer {
	CURL *curl;
	struct fetch *f;
	size_t header_bytes;
	long status; /* of the answer that the body belongs to */
	int write_errno;
};

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	t->header_bytes += size * n;
	return t->header_bytes > HEADER_BYTES_MAX ? 0 : size * n;
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	int r;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->status);
	if (t->status != 200)
		return 0;
	r = fd_write_all(t->f->fd, data, size * n);
	if (r < 0) {
		t->write_errno = -r;
		return 0;
	}
	t->f->bytes += (int64_t)(size * n);
	return size * n;
}

/* https:// never leads to http://. What a server sends after that is not the file, neither is what
 * a proxy says. */
static int set_up(struct transfer *t, char *error_text)
{
	const char *next = strncasecmp(t->f->url, "https:", 6) == 0 ? "https" : "http,https";
	CURL *c = t->curl;
	int r = 0;

#define SET(option, value) (r |= curl_easy_setopt(c, option, value))
	SET(CURLOPT_URL, t->f->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, next);
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
	SET(CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(CURLOPT_USERAGENT, "hull/" HULL_VERSION);
	SET(CURLOPT_ERRORBUFFER, error_text);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_CAINFO, "/" FETCH_CERTIFICATES);
	SET(CURLOPT_CAPATH, NULL);
#undef SET
	return r;
}

static int refused(const struct transfer *t, struct err *e)
{
	const int kind = t->status == 404 || t->status == 410 ? ERR_NOT_FOUND : ERR_SYSTEM;
	const char *help = t->status == 401 || t->status == 403
				   ? ": it wants a user's name and password"
			   : t->status == 407 ? ": the proxy wants a user's name and password"
			   : t->status == 429 ? ": it was asked too often"
					      : "";

	return err_set(e, kind, "the server answers with status %ld%s", t->status, help);
}

static int explain(struct transfer *t, CURLcode code, const char *text, struct err *e)
{
	if (t->write_errno == EPIPE) {
		t->f->stopped = 1;
		return 0;
	}
	if (t->write_errno)
		return err_sys(e, t->write_errno, "write what was fetched");
	if (t->header_bytes > HEADER_BYTES_MAX)
		return err_set(e, ERR_SYSTEM, "the server's answer has headers without end");
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->status);
	if (code == CURLE_WRITE_ERROR && t->status != 200)
		return refused(t, e);
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return err_set(e, ERR_INVALID,
			"the server leads to a place that is not fetched from (%.200s)", text);
	if (code == CURLE_OPERATION_TIMEDOUT && t->f->bytes)
		return err_set(e, ERR_SYSTEM,
			"the server said nothing for %ld s (after %lld bytes)", SILENT_SECONDS,
			(long long)t->f->bytes);
	return err_set(e, ERR_SYSTEM, "%.300s", *text ? text : curl_easy_strerror(code));
}

int fetch_url(struct fetch *f, struct err *e)
{
	struct transfer t = {.curl = curl_easy_init(), .f = f};
	char text[CURL_ERROR_SIZE] = "";
	CURLcode code;
	int r = 0;

	if (!t.curl || set_up(&t, text))
		return err_set(e, ERR_SYSTEM, "libcurl cannot be used");
	code = curl_easy_perform(t.curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &t.status);
	if (code != CURLE_OK)
		r = explain(&t, code, text, e);
	else if (t.status != 200)
		r = refused(&t, e);
	curl_easy_cleanup(t.curl);
	return r;
}
