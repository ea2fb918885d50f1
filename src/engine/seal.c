/* seal.c: the running program, out of the reach of containers (CVE-2019-5736).
 *
 * How it works: until it executes the image's program, a container's first process runs ours, and
 * /proc/PID/exe leads whoever may look at it to our file: not to a copy, and not through any mount
 * namespace. With a range of user ids of its own the container's root is nobody there. Without one,
 * or where an ordinary user runs a hull of their own, it may be the file's owner, and nothing would
 * stand between it and the host's next `hull run`. So hull then starts again out of a detached
 * read-only mount of its file (5.12), out of a sealed copy in memory (3.17), or out of a read-only
 * mount in a namespace that is gone by then: what the link leads to refuses to be written, for
 * anybody. Where none of them can be had, no container starts. */
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
#include "kernel/path.h"
#include "kernel/userns.h"

#define EXE "/proc/self/exe"
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define COMMAND_LINE_MAX (8 << 20)
#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* or sysctl vm.memfd_noexec decides */
#endif

extern char **environ;

static int is_sealed(int fd)
{
	struct statvfs fs;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & SEALS) == SEALS)
		return 1;
	return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

/* O_PATH. 5.12; needs rights in this mount namespace. */
static int detached_view(int exe)
{
	auto_fd int tree = mount_tree_clone(exe, "", 0);
	struct statvfs fs;
	int r = tree < 0 ? tree : mount_change(tree, MS_RDONLY, 0, 0);

	if (r < 0)
		return r;
	if (fstatvfs(tree, &fs) < 0)
		return -errno;
	return fs.f_flag & ST_RDONLY ? take_fd(&tree) : -EROFS;
}

static int sealed_copy(int exe)
{
	auto_fd int copy = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	ssize_t n;

	if (copy < 0 && errno == EINVAL) /* before 6.3 all of them were executable */
		copy = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return -errno;
	do
		n = sendfile(copy, exe, NULL, 1 << 20);
	while (n > 0);
	if (n < 0 || fchmod(copy, 0500) < 0 || fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return -errno;
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

/* Returns only when it failed. */
static int start_again(int fd, char *const *argv)
{
	char path[PATH_FD_MAX];

	execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	if (errno == ENOSYS) /* before 3.19 */
		execve(path_of_fd(fd, path), argv, environ);
	return -errno;
}

static int refuse(int r, int user_ns, struct err *e)
{
	return err_sys(e, r,
		"keep hull's own file out of the reach of the container's root, who may write to "
		"it: "
		"neither a sealed copy nor a read-only mount of it can be had here; a container %s "
		"needs none",
		user_ns ? "that is run by a hull of root's"
			: "with a user namespace, run by root,");
}

int seal_self(int user_ns, struct err *e)
{
	static int (*const views[])(int exe) = {detached_view, sealed_copy, mount_view};
	auto_fd int exe = -1;
	auto_free char *self = NULL;
	auto_strv char **argv = NULL;
	int r = -EIO;

	if (user_ns && geteuid() == 0 && userns_is_initial())
		return 0; /* a range of ids that are nobody's */
	exe = open(EXE, O_RDONLY | O_CLOEXEC);
	if (exe < 0)
		return err_sys(e, errno, "open the running program by " EXE);
	if (!is_reachable(exe, user_ns) || is_sealed(exe))
		return 0;
	self = helpers_self(e);
	if (!self)
		return -1;
	argv = command_line();
	if (!argv || setenv(HELPERS_SELF, self, 1) < 0)
		return err_sys(e, argv ? errno : EIO, "read this program's own command line");
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		auto_fd int fd = views[i](exe);

		r = fd < 0 ? fd : start_again(fd, argv);
	}
	return refuse(r, user_ns, e);
}
