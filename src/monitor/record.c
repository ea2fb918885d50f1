/* record.c: the monitor's two files, "state" and "exit", each one line of JSON that appears whole.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/ns.h"
#include "monitor/monitor.h"

/* base/fd.h's fd_write_file, without memory. A file of the same temporary name is left of a monitor
 * that was killed. */
static int write_file(int dirfd, const char *tmp, const char *name, const char *data, size_t len)
{
	auto_fd int fd = openat(
		dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data, len);
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	return r;
}

int record_state(const struct monitor *m)
{
	char text[192];
	uint64_t start_time = 0;
	int n, r;

	if (m->o.state_fd < 0)
		return 0;
	r = ns_start_time(m->o.pid, &start_time);
	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text),
		"{\"pid\":%d,\"startTime\":%" PRIu64 ",\"startedNs\":%" PRId64
		",\"monitorPid\":%d}\n",
		m->o.pid, start_time, m->exit.started_ns, (int)getpid());
	return write_file(m->o.state_fd, ".state", "state", text, (size_t)n);
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), 0 when it is none: JSON has nothing
 * else. */
static size_t utf8_length(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] > 0xf4 || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static char *add_quoted(char *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	*out++ = '"';
	while (*p) {
		size_t n = utf8_length(p);

		if (!n) {
			*out++ = '?';
			p++;
		} else if (*p < 0x20) {
			out += sprintf(out, "\\u%04x", *p++);
		} else {
			if (*p == '"' || *p == '\\')
				*out++ = '\\';
			while (n--)
				*out++ = (char)*p++;
		}
	}
	*out++ = '"';
	return out;
}

size_t record_exit_text(const struct mon_exit *x, const char *error, char out[RECORD_EXIT_MAX])
{
	char *p = out;

	p += snprintf(p, RECORD_EXIT_MAX,
		"{\"status\":%" PRId32 ",\"signal\":%" PRId32 ",\"oom\":%s,\"started\":%s,"
		"\"startedNs\":%" PRId64 ",\"finishedNs\":%" PRId64,
		x->status, x->signal, x->oom ? "true" : "false", x->started ? "true" : "false",
		x->started_ns, x->finished_ns);
	if (error[0]) {
		p = mempcpy(p, ",\"error\":", 9);
		p = add_quoted(p, error);
	}
	p = (char *)mempcpy(p, "}\n", 3) - 1;
	return (size_t)(p - out);
}

int record_exit(const struct monitor *m)
{
	char text[RECORD_EXIT_MAX];

	if (m->o.record_fd < 0)
		return 0;
	return write_file(m->o.record_fd, ".exit", "exit", text,
		record_exit_text(&m->exit, m->error.text, text));
}
