// SPDX-License-Identifier: Apache-2.0
/* What the two floor programs share. */
#define _GNU_SOURCE
#include "floor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

void floor_parse(struct floor *f, char **argv)
{
	static char *layers[MAX_LAYERS];
	static char folder[4096];

	if (!argv[0] || !argv[1] || !argv[2]) {
		fprintf(stderr, "usage: STATE LAYER[:LAYER...] PROGRAM [ARG...]\n");
		exit(125);
	}
	snprintf(folder, sizeof(folder), "%s/%d", argv[0], getpid());
	f->folder = folder;
	f->layers = layers;
	for (char *l = strtok(argv[1], ":"); l && f->layer_count < MAX_LAYERS;
		l = strtok(NULL, ":"))
		layers[f->layer_count++] = l;
	f->argv = argv + 2;
}

void floor_folder_make(struct floor *f)
{
	int fd;

	must(mkdir(f->folder, 0700));
	fd = must(open(f->folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
	must(mkdirat(fd, "upper", 0755));
	must(mkdirat(fd, "work", 0755));
	close(fd);
}

static void remove_tree(int parent, const char *name)
{
	struct dirent *e;
	DIR *dir;
	int fd;

	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		return;
	if (errno == ENOTDIR) {
		must(unlinkat(parent, name, 0));
		return;
	}
	fd = must(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	dir = fdopendir(fd);
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			remove_tree(fd, e->d_name);
	closedir(dir);
	must(unlinkat(parent, name, AT_REMOVEDIR));
}

void floor_folder_remove(struct floor *f)
{
	remove_tree(AT_FDCWD, f->folder);
}

void floor_dev_fill(int fd, uid_t owner)
{
	static const struct {
		const char *name;
		unsigned int minor;
	} nodes[] = {
		{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}, {"tty", 0}};
	static const char *const links[][2] = {{"pts/ptmx", "ptmx"}, {"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"}};
	static const char *const folders[] = {"pts", "shm", "mqueue"};
	mode_t mask = umask(0);

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		unsigned int major = strcmp(nodes[i].name, "tty") == 0 ? 5 : 1;

		must(mknodat(fd, nodes[i].name, S_IFCHR | 0666, makedev(major, nodes[i].minor)));
		if (owner)
			must(fchownat(fd, nodes[i].name, owner, owner, 0));
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		must(symlinkat(links[i][0], fd, links[i][1]));
		if (owner)
			must(fchownat(fd, links[i][1], owner, owner, AT_SYMLINK_NOFOLLOW));
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		must(mkdirat(fd, folders[i], 0755));
		if (owner)
			must(fchownat(fd, folders[i], owner, owner, 0));
	}
	umask(mask);
}

pid_t floor_clone(unsigned long long flags, int cgroup_fd)
{
	struct clone_args args = {
		.flags = flags, .exit_signal = SIGCHLD, .cgroup = (unsigned long long)cgroup_fd};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

void floor_exec(char **argv)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char home[] = "HOME=/root";
	char *env[] = {path, home, NULL};

	putenv(path);
	execvpe(argv[0], argv, env);
	die(argv[0]);
}

int floor_wait(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#ifdef FLOOR_MARKS
#include <time.h>

static struct {
	const char *name;
	struct timespec at;
} marks[128];
static int mark_count;

void floor_mark(const char *name)
{
	clock_gettime(CLOCK_MONOTONIC, &marks[mark_count].at);
	marks[mark_count++].name = name;
}

void floor_marks_print(const char *who)
{
	char text[8192];
	double last = 0;
	size_t n = 0;

	for (int i = 0; i < mark_count && n < sizeof(text) - 128; i++) {
		double us = (double)(marks[i].at.tv_sec % 100) * 1e6 +
			    (double)marks[i].at.tv_nsec / 1e3;

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %.1f %.1f %s\n", who, us,
			i ? us - last : 0, marks[i].name);
		last = us;
	}
	if (write(2, text, n) < 0)
		_exit(1);
}
#endif
