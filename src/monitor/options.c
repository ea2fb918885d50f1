/* options.c: the monitor's command line (protocol.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/monitor.h"

enum kind { TEXT, FD, PID, FLAG };

static const struct option {
	const char *name;
	enum kind kind;
	size_t offset;
} options[] = {
#define OPTION(name, kind, field)                                   \
	{                                                           \
		name, kind, offsetof(struct monitor_options, field) \
	}
	OPTION("--id", TEXT, id),
	OPTION("--pid", PID, pid),
	OPTION("--pidfd", FD, pidfd),
	OPTION("--sync-fd", FD, sync_fd),
	OPTION("--client-fd", FD, client_fd),
	OPTION("--out-fd", FD, out_fd),
	OPTION("--err-fd", FD, err_fd),
	OPTION("--state-fd", FD, state_fd),
	OPTION("--record-fd", FD, record_fd),
	OPTION("--lock-fd", FD, lock_fd),
	OPTION("--users-fd", FD, users_fd),
	OPTION("--terminal", FLAG, terminal),
	OPTION("--cleanup", TEXT, cleanup),
	OPTION("--root", TEXT, root),
	OPTION("--runroot", TEXT, runroot),
};

static int set_number(const struct option *o, int *field, const char *text, struct err *e)
{
	char *end;
	long n = strtol(text, &end, 10);
	int least = o->kind == FD ? 3 : 1; /* 0, 1 and 2 become /dev/null */

	if (end == text || *end || n < least || n > 1 << 22)
		return err_set(
			e, ERR_INVALID, "%s \"%s\": not a number from %d up", o->name, text, least);
	*field = (int)n;
	return 0;
}

/* argv[0] is the option; returns how many words it was, or -1. */
static int take_option(char **argv, struct monitor_options *m, struct err *e)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *o = &options[i];
		void *field = (char *)m + o->offset;

		if (strcmp(argv[0], o->name) != 0)
			continue;
		if (o->kind == FLAG) {
			*(int *)field = 1;
			return 1;
		}
		if (!argv[1])
			return err_set(e, ERR_INVALID, "%s: needs a value", o->name);
		if (o->kind != TEXT)
			return set_number(o, field, argv[1], e) < 0 ? -1 : 2;
		*(const char **)field = argv[1];
		return 2;
	}
	return err_set(e, ERR_INVALID, "unknown option \"%s\"", argv[0]);
}

/* Make ps show "hull-monitor ID". The arguments lie one after the other in memory: "--id" is taken
 * out, all that follows moves down, and of the bytes that get free the last is set. When the last
 * byte is not NUL, the kernel shows only what comes before the first NUL (fs/proc/base.c, made for
 * setproctitle(3)). Words keep their places in argv. */
static void set_title(int argc, char **argv)
{
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	size_t free_bytes = (size_t)(argv[2] - argv[1]);

	memmove(argv[1], argv[2], (size_t)(end - argv[2]));
	for (int i = 2; i < argc; i++)
		argv[i] -= free_bytes;
	memset(end - free_bytes, 0, free_bytes);
	end[-1] = '.';
	argv[1][-1] = ' ';
}

int monitor_options_parse(int argc, char **argv, struct monitor_options *out, struct err *e)
{
	static char *no_cgroups[] = {NULL};
	struct monitor_options m = {
		.pidfd = -1,
		.sync_fd = -1,
		.client_fd = -1,
		.out_fd = -1,
		.err_fd = -1,
		.state_fd = -1,
		.record_fd = -1,
		.lock_fd = -1,
		.users_fd = -1,
		.cgroups = no_cgroups,
	};

	if (argc > 2 && strcmp(argv[1], "--id") == 0) {
		set_title(argc, argv);
		m.id = argv[2];
	}
	for (int i = m.id ? 3 : 1, n; i < argc; i += n) {
		if (strcmp(argv[i], "--") == 0) {
			m.cgroups = argv + i + 1;
			break;
		}
		n = take_option(argv + i, &m, e);
		if (n < 0)
			return -1;
	}
	if (!m.id || !m.pid || m.sync_fd < 0)
		return err_set(e, ERR_INVALID,
			"--id, --pid and --sync-fd are needed: hull starts this program, people do "
			"not");
	*out = m;
	return 0;
}
