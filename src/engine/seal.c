/* seal.c: the running program, out of the reach of containers (CVE-2019-5736).
 *
 * How it works: until it executes the image's program, a container's first process runs ours, and
 * /proc/PID/exe leads whoever may look at it to our file: not to a copy, and not through any mount
 * namespace. With a range of user ids of its own the container's root is nobody there. Without one,
 * or where an ordinary user runs a hull of their own, it may be the file's owner, and nothing would
 * stand between it and the host's next `hull run`. So hull then starts again out of a detached
 * read-only mount of its file (5.2), or out of a sealed copy in memory (3.17): what the link leads
 * to refuses to be written, for anybody. */
#define _GNU_SOURCE
#include "engine/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "engine/helpers.h"
#include "kernel/mount.h"
#include "kernel/userns.h"

#define EXE "/proc/self/exe"
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define COMMAND_LINE_MAX (8 << 20)

extern char **environ;

static int is_sealed(int fd)
{
	struct statvfs fs;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & SEALS) == SEALS)
		return 1;
	return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

/* O_PATH */
static int read_only_view(void)
{
	auto_fd int tree = mount_tree_clone(AT_FDCWD, EXE, 0);
	struct statvfs fs;

	if (tree < 0 || mount_change(tree, MS_RDONLY, 0, 0) < 0 || fstatvfs(tree, &fs) < 0 ||
		!(fs.f_flag & ST_RDONLY))
		return -1;
	return take_fd(&tree);
}

static int sealed_copy(int exe)
{
	auto_fd int copy = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n;

	if (copy < 0)
		return -1;
	do
		n = sendfile(copy, exe, NULL, 1 << 20);
	while (n > 0);
	if (n < 0 || fchmod(copy, 0500) < 0 || fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return -1;
	return take_fd(&copy);
}

/* Ours, as the kernel has it: main() does not hand it down here. */
static char **command_line(void)
{
	auto_buf struct buf b = BUF_MAX(COMMAND_LINE_MAX);
	char **argv = NULL;

	if (fd_read_file(AT_FDCWD, "/proc/self/cmdline", &b) < 0 || !b.data)
		return NULL;
	for (size_t at = 0; at < b.len; at += strlen(b.data + at) + 1)
		strv_add(&argv, b.data + at);
	return argv;
}

/* May the container's root write to the file? */
static int is_reachable(int exe, int user_ns)
{
	struct stat st;

	return !user_ns || fstat(exe, &st) < 0 || st.st_uid == geteuid();
}

void seal_self(int user_ns)
{
	auto_fd int exe = -1, fd = -1;
	auto_free char *self = NULL;
	auto_strv char **argv = NULL;

	if (user_ns && geteuid() == 0 && userns_is_initial())
		return; /* a range of ids that are nobody's */
	exe = open(EXE, O_RDONLY | O_CLOEXEC);
	if (exe < 0 || !is_reachable(exe, user_ns) || is_sealed(exe))
		return;
	self = helpers_self(NULL);
	argv = self ? command_line() : NULL;
	fd = argv ? read_only_view() : -1;
	if (argv && fd < 0)
		fd = sealed_copy(exe);
	if (fd < 0 || setenv(HELPERS_SELF, self, 1) < 0)
		return;
	execveat(fd, "", argv, environ, AT_EMPTY_PATH);
}
