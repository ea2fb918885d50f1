// SPDX-License-Identifier: Apache-2.0
/*
 * Times commands, one round after the other: A B C A B C ..., so that noise hits all of them.
 *
 *	timer [-n ROUNDS] [-w WARM-UP] [-p PAUSE-MS] [-u MOUNT] ::: A [ARG...] ::: B [ARG...] ...
 *
 * Counted is posix_spawn() to the return of waitpid(), nothing else. Input and output are
 * /dev/null. The pause before each start lets the tail of the command before end (a dying network
 * namespace costs the kernel 10 to 20 ms after everyone has gone), else it is charged to the next.
 * It spins: a sleeping virtual CPU takes up to a millisecond to come back, which is not ours to
 *time. A command after "::u" instead of ":::" runs in a mount namespace where MOUNT is not mounted
 *(crun refuses a hybrid cgroup layout); who enters it is the timer, before the clock starts.
 * Output: one line per command, "FAILURES NS NS NS ...", in the order of the command line.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK ":::"
#define MARK_UMOUNT "::u"
#define MAX_COMMANDS 64

struct command {
	char **argv;
	uint64_t *samples;
	unsigned int failures;
	int ns; /* fd of the mount namespace to run in */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t run_once(char **argv, const posix_spawn_file_actions_t *files, int *out_status)
{
	extern char **environ;
	uint64_t start = now_ns();
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], files, NULL, argv, environ) != 0 ||
		waitpid(pid, out_status, 0) < 0) {
		perror(argv[0]);
		exit(1);
	}
	return now_ns() - start;
}

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

static int ns_open(void)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	check(fd, "/proc/self/ns/mnt");
	return fd;
}

/* A copy of our mount namespace without @path; we stay where we are. */
static int ns_without(const char *path, int home)
{
	int fd;

	check(unshare(CLONE_NEWNS), "unshare");
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "/");
	check(umount2(path, MNT_DETACH), path);
	fd = ns_open();
	check(setns(home, CLONE_NEWNS), "setns");
	return fd;
}

static int split(char **argv, struct command *commands, int home, int without)
{
	int count = 0;

	for (; *argv; argv++) {
		int here = strcmp(*argv, MARK) == 0;

		if (!here && strcmp(*argv, MARK_UMOUNT) != 0)
			continue;
		*argv = NULL;
		if (count == MAX_COMMANDS || !argv[1])
			return -1;
		commands[count].ns = here || without < 0 ? home : without;
		commands[count++].argv = argv + 1;
	}
	return count;
}

int main(int argc, char **argv)
{
	static struct command commands[MAX_COMMANDS];
	int rounds = 30, warmup = 3, pause_ms = 15, count, opt;
	int home = ns_open(), without = -1, inside = home;
	uint64_t pause_ns;
	posix_spawn_file_actions_t files;

	while ((opt = getopt(argc, argv, "+n:w:p:u:")) != -1) {
		if (opt == 'n')
			rounds = atoi(optarg);
		else if (opt == 'w')
			warmup = atoi(optarg);
		else if (opt == 'p')
			pause_ms = atoi(optarg);
		else if (opt == 'u')
			without = ns_without(optarg, home);
		else
			return 2;
	}
	count = split(argv + optind, commands, home, without);
	if (count <= 0 || rounds < 1 || warmup < 0 || pause_ms < 0) {
		fprintf(stderr, "usage: timer [-n N] [-w N] [-p MS] [-u MOUNT] ::: COMMAND...\n");
		return 2;
	}
	pause_ns = (uint64_t)pause_ms * 1000000u;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	for (int c = 0; c < count; c++)
		commands[c].samples = calloc((size_t)rounds, sizeof(uint64_t));

	for (int round = -warmup; round < rounds; round++) {
		for (int c = 0; c < count; c++) {
			uint64_t ns;
			int status;

			if (commands[c].ns != inside) {
				inside = commands[c].ns;
				check(setns(inside, CLONE_NEWNS), "setns");
			}
			for (uint64_t start = now_ns(); now_ns() - start < pause_ns;)
				;
			ns = run_once(commands[c].argv, &files, &status);
			if (round < 0)
				continue;
			commands[c].samples[round] = ns;
			commands[c].failures += status != 0;
		}
	}
	for (int c = 0; c < count; c++) {
		printf("%u", commands[c].failures);
		for (int round = 0; round < rounds; round++)
			printf(" %llu", (unsigned long long)commands[c].samples[round]);
		printf("\n");
	}
	return 0;
}
