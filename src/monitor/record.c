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
#include "base/utf8.h"
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

static char *add_quoted(char *out, const char *text)
{
	const char *p = text;

	*out++ = '"';
	while (*p) {
		size_t n = utf8_char(p);

		if (!n) {
			*out++ = '?';
			p++;
		} else if (*p > 0 && *p < 0x20) {
			out += sprintf(out, "\\u%04x", (unsigned)*p++);
		} else {
			if (*p == '"' || *p == '\\')
				*out++ = '\\';
			while (n--)
				*out++ = *p++;
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
