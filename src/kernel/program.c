/* program.c: another program, run to its end. */
#define _GNU_SOURCE
#include "kernel/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include "kernel/ns.h"

int program_run(const char *file, char *const *argv, const int stdio[3], int *out_status)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&actions);
	for (int fd = 0; fd < 3; fd++)
		if (stdio[fd] < 0)
			posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
		else
			posix_spawn_file_actions_adddup2(&actions, stdio[fd], fd);
	r = posix_spawnp(&pid, file, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return r ? -r : ns_wait(pid, -1, -1, out_status);
}
