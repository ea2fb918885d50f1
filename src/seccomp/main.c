/* main.c: hull-seccomp PROFILE.json --caps HEX > filter.bpf
 *
 * Turns a seccomp profile into an array of struct sock_filter, for seccomp_load (kernel/seccomp.h).
 * A program of its own, so that hull links no libseccomp and a container that starts pays nothing:
 * the file is made once for each profile, set of capabilities and kernel, and kept. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "seccomp/gen.h"
#include "seccomp/profile.h"

#define PROFILE_MAX (4u << 20)

static const char usage[] =
	"Usage: hull-seccomp PROFILE.json --caps HEX [OPTIONS] > FILTER\n"
	"Compile a seccomp profile (Docker's format or linux.seccomp) into a BPF filter.\n\n"
	"  --caps HEX       capabilities of the container, a bit set such as a80425fb\n"
	"  --allow NAME     allow this system call whatever the profile says (repeatable)\n"
	"  --no-x86         leave out the 32-bit calls of x86 (i386, x32)\n"
	"  --strict         a system call that nobody knows is an error\n"
	"  --arch NAME      for that machine, not this one (amd64, arm64, x86, arm, ...)\n"
	"  --kernel X.Y     for that kernel, not this one\n";

struct options {
	struct profile_host host;
	char **allow;
	const char *path;
	int caps_given;
};

static int option_value(struct options *o, int option, const char *value, struct err *e)
{
	unsigned major, minor;
	char rest;
	char *end;

	switch (option) {
	case 'c':
		o->host.caps = strtoull(value, &end, 16);
		o->caps_given = 1;
		if (*end || !*value || *value == '-')
			return err_set(
				e, ERR_INVALID, "--caps: \"%s\" is no hexadecimal number", value);
		return 0;
	case 'a':
		strv_add(&o->allow, value);
		return 0;
	case 'r':
		o->host.native = profile_arch(value);
		if (!o->host.native)
			return err_set(e, ERR_INVALID, "--arch: \"%s\" is not known", value);
		return 0;
	case 'k':
		if (sscanf(value, "%u.%u%c", &major, &minor, &rest) != 2 || major > 255 ||
			minor > 65535)
			return err_set(
				e, ERR_INVALID, "--kernel: \"%s\" is not of the form 6.1", value);
		o->host.kernel = major << 16 | minor;
		return 0;
	case 'x':
		o->host.no_x86 = 1;
		return 0;
	case 's':
		o->host.strict = 1;
		return 0;
	}
	return -1;
}

static int read_options(int argc, char **argv, struct options *o, struct err *e)
{
	static const struct option options[] = {
		{"caps", required_argument, NULL, 'c'},
		{"allow", required_argument, NULL, 'a'},
		{"arch", required_argument, NULL, 'r'},
		{"kernel", required_argument, NULL, 'k'},
		{"no-x86", no_argument, NULL, 'x'},
		{"strict", no_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (c == '?')
			return err_set(e, ERR_INVALID,
				"the option %s is not known or lacks its value; see --help",
				argv[optind - 1]);
		if (option_value(o, c, optarg, e) < 0)
			return -1;
	}
	if (optind != argc - 1)
		return err_set(e, ERR_INVALID, "exactly one profile is wanted; see --help");
	if (!o->caps_given)
		return err_set(e, ERR_INVALID, "--caps is missing; see --help");
	o->path = argv[optind];
	o->host.allow = o->allow;
	return 0;
}

static int read_profile(const char *path, struct buf *b, struct err *e)
{
	auto_fd int fd = -1;
	int r;

	if (streq(path, "-")) {
		r = fd_read_all(STDIN_FILENO, b);
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, errno, "cannot open the profile %s", path);
		r = fd_read_all(fd, b);
	}
	return r < 0 ? err_sys(e, r, "cannot read the profile %s", path) : 0;
}

static int run(const struct options *o, struct err *e)
{
	auto_buf struct buf text = BUF_MAX(PROFILE_MAX);
	auto_free struct sock_filter *code = NULL;
	struct policy policy = {0};
	size_t n = 0;
	int r = read_profile(o->path, &text, e);

	if (r < 0)
		return -1;
	r = profile_read(text.data ? text.data : "", text.len, &o->host, &policy, e);
	if (r == 0)
		r = gen_filter(&policy, &code, &n, e);
	policy_done(&policy);
	if (r < 0)
		return -1;
	r = fd_write_all(STDOUT_FILENO, code, n * sizeof(*code));
	return r < 0 ? err_sys(e, r, "cannot write the filter") : 0;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct err e = {0};
	int r = profile_host_ask(&o.host);

	if (r < 0)
		err_sys(&e, r, "cannot ask the kernel for its version");
	if (r == 0)
		r = read_options(argc, argv, &o, &e);
	if (r == 0)
		r = run(&o, &e);
	strv_free(o.allow);
	if (r < 0)
		fprintf(stderr, "hull-seccomp: %s\n", e.text);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
