/* init.c: hull-init: process 1 of a container that wants one (--init).
 *
 * A program as process 1 has two duties that few programs know of: to wait for orphans, and to
 * handle every signal itself, since the kernel drops those of process 1 that have no handler.
 * hull-init takes both over: it runs the program as its child, waits for everything, hands signals
 * on, and leaves as the program left. It must not end before: all others would be killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/signals.h"

/* All signals wait to be fetched, but those that the kernel raises for a fault of ours: blocked,
 * they would kill at once or loop. */
static void block_signals(sigset_t *out_set, sigset_t *out_old)
{
	static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};

	signal(SIGCHLD, SIG_DFL); /* ignored, there would be no exit status */
	sigfillset(out_set);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(out_set, own[i]);
	sigprocmask(SIG_SETMASK, out_set, out_old);
}

/* A group of its own, in the foreground of the terminal when there is one: ^C then reaches the
 * program and its children once, from the terminal, and not again through us. SIGTTOU is blocked,
 * so tcsetpgrp cannot stop us; without a terminal it fails, and that is fine. */
static void run_program(char **argv, const sigset_t *mask)
{
	int error;

	setpgid(0, 0);
	tcsetpgrp(0, getpgrp());
	signals_reset_all();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	error = errno;
	dprintf(2, "exec \"%s\": %s\n", argv[0], strerror(error));
	_exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

/* Everything that has ended; 1 with *out_status as a shell has it when the program is among them.
 */
static int reap(pid_t program, int *out_status)
{
	int status, found = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != program)
			continue;
		*out_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		found = 1;
	}
	return found;
}

int main(int argc, char **argv)
{
	int skip = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1, status = 0;
	sigset_t set, old;
	siginfo_t info;
	pid_t program;

	if (argc <= skip) {
		dprintf(2, "usage: hull-init [--] PROGRAM [ARGUMENT...]\n");
		return 125;
	}
	block_signals(&set, &old);
	if (getpid() != 1) /* of a shared pid namespace: orphans come to us all the same */
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	program = fork();
	if (program < 0) {
		dprintf(2, "hull-init: fork: %s\n", strerror(errno));
		return 125;
	}
	if (program == 0)
		run_program(argv + skip, &old);
	while (!reap(program, &status)) {
		int sig = sigwaitinfo(&set, &info);

		if (sig > 0 && sig != SIGCHLD)
			kill(program, sig);
	}
	return status;
}
