/* bootstrap.c: an image of a Debian or Ubuntu suite, made by mmdebstrap from the machine's own
 * mirror.
 *
 * How it works: mmdebstrap writes a tar to a pipe, which is unpacked as it comes. Only when it has
 * also ended well is the image stored. It tells its progress on stderr itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/bootstrap.h"
#include "image/import_parts.h"
#include "image/reference.h"
#include "kernel/ns.h"

#define PROGRAM "mmdebstrap"
#define APT_OPTION "--aptopt=Acquire::Check-Valid-Until \"false\""
#define CONFIG_MAX ((size_t)1 << 20)
#define PATIENCE_MS 10000

struct bootstrap {
	const char *distribution;
	char suite[129];
	char *mirror;
	char **argv;
	pid_t pid;
	int fd; /* its tar */
	int (*started)(void *ctx, struct err *e);
	void *ctx;
};

static const struct {
	const char *name, *mirror;
} distributions[] = {
	{"debian", "http://deb.debian.org/debian"},
	{"ubuntu", "http://archive.ubuntu.com/ubuntu"},
};

static int check(const char *text, struct bootstrap *b, const char **out_default, struct err *e)
{
	struct reference ref;

	if (reference_parse(text, &ref, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(distributions); i++) {
		if (!streq(ref.familiar_name, distributions[i].name))
			continue;
		/* No suite is called so, and to guess one would change what the name means. */
		if (!*ref.tag || *ref.digest || streq(ref.tag, "latest"))
			return err_set(e, ERR_INVALID,
				"bootstrap %s: name a suite, as in debian:trixie", text);
		b->distribution = distributions[i].name;
		snprintf(b->suite, sizeof(b->suite), "%s", ref.tag);
		*out_default = distributions[i].mirror;
		return 0;
	}
	return err_set(e, ERR_INVALID,
		"bootstrap %s: only debian:SUITE and ubuntu:SUITE can be made by mmdebstrap; "
		"import "
		"other systems from a tar with hull import",
		text);
}

/* ---- running programs */

static int in_path(const char *program)
{
	const char *path = getenv("PATH");
	auto_strv char **parts = strv_split(path ? path : "/usr/bin:/bin", ":");

	strv_foreach (p, parts) {
		auto_free char *file = xasprintf("%s/%s", **p ? *p : ".", program);
		if (access(file, X_OK) == 0)
			return 1;
	}
	return 0;
}

/* Its stdout comes out of *out_fd; stdin is empty. */
static pid_t run(char *const *argv, int *out_fd)
{
	int fds[2], pidfd = -1;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = ns_clone(0, -1, &pidfd);
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		dup2(null, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	fd_close_ptr(&pidfd);
	close(fds[1]);
	if (pid < 0)
		close(fds[0]);
	else
		*out_fd = fds[0];
	return pid;
}

/* A proxy that apt was told about in its own configuration, as the variable that apt also reads:
 * as an option it would stay in the image. */
static void take_proxy(const char *line)
{
	static const char *const names[][2] = {
		{"Acquire::http::Proxy \"", "http_proxy"},
		{"Acquire::https::Proxy \"", "https_proxy"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = str_after(line, names[i][0]);
		auto_free char *copy = value ? xstrndup(value, strcspn(value, "\"")) : NULL;

		if (copy && *copy)
			setenv(names[i][1], copy, 0);
	}
}

static void use_proxies(void)
{
	char *const argv[] = {(char *)"apt-config", (char *)"dump", NULL};
	auto_buf struct buf b = BUF_MAX(CONFIG_MAX);
	auto_fd int fd = -1;
	pid_t pid = in_path(argv[0]) ? run(argv, &fd) : -1;
	int status;

	if (pid < 0)
		return;
	fd_read_all(fd, &b);
	fd_close_ptr(&fd);
	ns_wait(pid, -1, -1, &status);
	auto_strv char **lines = strv_split(b.data ? b.data : "", "\n");
	strv_foreach (l, lines)
		take_proxy(*l);
}

/* ---- mmdebstrap */

static void make_argv(struct bootstrap *b, const char *variant, const char *include)
{
	strv_add(&b->argv, PROGRAM);
	strv_addf(&b->argv, "--variant=%s", variant ? variant : "minbase");
	strv_add(&b->argv, "--format=tar");
	strv_add(&b->argv, APT_OPTION);
	if (include && *include)
		strv_addf(&b->argv, "--include=%s", include);
	strv_add(&b->argv, b->suite);
	strv_add(&b->argv, "-");
	strv_add(&b->argv, b->mirror);
}

/* Debian's own images say what runs when nothing is said. */
static int unpack(struct bootstrap *b, struct store *s, const char *reference, struct import *i,
	struct err *e)
{
	char *changes[] = {(char *)"CMD [\"bash\"]", NULL};
	/* Without the mirror: its URL may hold a password, and history is shown to everybody. */
	auto_free char *by = xasprintf(PROGRAM " %s %s", b->argv[1], b->suite);
	const struct store_import req = {
		.archive_fd = b->fd,
		.reference = reference,
		.message = "made by hull image bootstrap",
		.changes = changes,
		.created_by = by,
	};

	return import_begin(s, &req, i, e);
}

/* It ends by itself when its output is complete, or refused; else it is asked to. */
static int wait_for(struct bootstrap *b, int failed, struct err *e)
{
	int status = 0, r;

	fd_close_ptr(&b->fd);
	r = ns_wait(b->pid, -1, failed ? PATIENCE_MS : -1, &status);
	if (r == -ETIMEDOUT) {
		ns_kill(b->pid, -1, SIGTERM);
		r = ns_wait(b->pid, -1, -1, &status);
	}
	if (r < 0)
		return err_sys(e, r, "wait for " PROGRAM);
	/* Killed by what we did to its pipe: the reason is ours, not its. */
	if (WIFSIGNALED(status) && failed)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, ERR_SYSTEM,
		PROGRAM " could not make %s:%s from %s (its messages are above); is there such a "
			"suite, and can the mirror be reached?",
		b->distribution, b->suite, b->mirror);
}

static int make_and_store(
	struct bootstrap *b, struct store *s, const char *reference, char out_id[72], struct err *e)
{
	struct import i = {.s = s, .tmp.fd = -1};
	struct err why = {0};
	int r;

	b->pid = run(b->argv, &b->fd);
	if (b->pid < 0)
		return err_sys(e, b->pid, "start " PROGRAM);
	r = b->started(b->ctx, &why);
	if (r == 0)
		r = unpack(b, s, reference, &i, &why);
	if (wait_for(b, r < 0, e) < 0)
		r = -1;
	else if (r < 0 && e)
		*e = why;
	if (r == 0)
		r = import_commit(&i, out_id, e);
	import_done(&i);
	return r;
}

int store_bootstrap(struct store *s, const char *reference, const char *mirror, const char *variant,
	const char *include, int (*started)(void *ctx, struct err *e), void *ctx, char out_id[72],
	struct err *e)
{
	struct bootstrap b = {.fd = -1, .started = started, .ctx = ctx};
	const char *fallback;
	int r;

	if (check(reference, &b, &fallback, e) < 0)
		return -1;
	if (!in_path(PROGRAM))
		return err_set(e, ERR_UNSUPPORTED,
			"bootstrap %s: " PROGRAM " is not installed; on Debian: apt-get install "
			"mmdebstrap",
			reference);
	b.mirror = mirror ? xstrdup(mirror) : bootstrap_mirror("/etc/apt", b.distribution);
	if (!b.mirror)
		b.mirror = xstrdup(fallback);
	make_argv(&b, variant, include);
	use_proxies();
	r = make_and_store(&b, s, reference, out_id, e);
	free(b.mirror);
	strv_free(b.argv);
	return r;
}
