/* path.c: opening, making and reading by paths we do not own. */
#define _GNU_SOURCE
#include "kernel/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/path_walk.h"
#include "kernel/sys.h"

#define PROC_MAGIC 0x9fa0
/* openat2 answers EAGAIN to a path with ".." when anything was renamed or mounted anywhere
 * meanwhile. Who does that all the time must not be able to stop us: then the walker, which has no
 * such limit. */
#define EAGAIN_MAX 32

int path_open(int rootfd, const char *path, int flags, mode_t mode)
{
	struct sys_open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	for (int i = 0; i < EAGAIN_MAX; i++) {
		fd = sys_openat2(rootfd, path, &how);
		/* EPERM may be a sandbox around us that is older than the call. */
		if (fd == -ENOSYS || fd == -EPERM)
			break;
		if (fd != -EAGAIN && fd != -EINTR)
			return fd;
	}
	return path_walk_open(rootfd, path, flags | O_CLOEXEC, mode);
}

/* Where the last component of path starts; *out_len without the slashes after it. */
static const char *last_component(const char *path, size_t *out_len)
{
	size_t end = strlen(path), start;

	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/'; start--)
		;
	*out_len = end - start;
	return path + start;
}

int path_open_parent(int rootfd, const char *path, char name[NAME_MAX + 1])
{
	size_t len;
	const char *last = last_component(path, &len);
	auto_free char *parent = NULL;
	int fd;

	if (!len || (len == 1 && last[0] == '.') || (len == 2 && memcmp(last, "..", 2) == 0))
		return -EINVAL;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	parent = last == path ? xstrdup("/") : xstrndup(path, (size_t)(last - path));
	fd = path_open(rootfd, parent, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	memcpy(name, last, len);
	name[len] = '\0';
	return fd;
}

/* mkdirat with exactly this mode. The umask is the process's, which is why nothing here may run in
 * a process with threads. */
static int make_dir(int dirfd, const char *name, mode_t mode)
{
	mode_t mask = umask(0);
	int r = mkdirat(dirfd, name, mode) < 0 ? -errno : 0;

	umask(mask);
	return r;
}

/* Make (or find, when somebody was faster) the folder `name` and open it; never through a link. */
static int make_and_enter(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	int r = make_dir(dirfd, name, mode);
	auto_fd int fd = -1;
	struct stat st;

	if (r < 0 && r != -EEXIST)
		return r;
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode)) /* it leads nowhere, else it would have been followed */
		return -ENOENT;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (r == 0 && (uid != (uid_t)-1 || gid != (gid_t)-1) &&
		fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	return take_fd(&fd);
}

/* path up to its byte `end` (a '/'). */
static int open_prefix(int rootfd, char *path, size_t end)
{
	int fd;

	path[end] = '\0';
	fd = path_open(rootfd, *path ? path : "/", O_PATH | O_DIRECTORY, 0);
	path[end] = '/';
	return fd;
}

/* Where the last slash before byte `from` is; 0 when there is none. */
static size_t slash_before(const char *path, size_t from)
{
	while (from > 0 && path[--from] != '/')
		;
	return from;
}

/* The deepest folder of path that is there, and in *out_rest the part after it. Bisected: each look
 * costs as many steps as the path has components, of which an archive may have 2,000, each of them
 * a link. */
static int open_existing(int rootfd, char *path, const char **out_rest)
{
	size_t there = 0, missing = strlen(path);
	int fd = path_open(rootfd, "/", O_PATH | O_DIRECTORY, 0);

	*out_rest = path;
	while (fd >= 0) {
		size_t mid = slash_before(path, there + (missing - there) / 2 + 1);
		int found;

		if (mid <= there) { /* the other half has the slashes */
			mid = there + strcspn(path + there + 1, "/") + 1;
			if (mid >= missing || !path[mid])
				break;
		}
		found = open_prefix(rootfd, path, mid);
		if (found == -ENOENT) {
			missing = mid;
			continue;
		}
		close(fd);
		fd = found;
		there = mid;
		*out_rest = path + mid;
	}
	return fd;
}

static int has_dotdot(const char *rest)
{
	for (; *rest; rest += strcspn(rest, "/")) {
		rest += strspn(rest, "/");
		if (strncmp(rest, "..", 2) == 0 && (rest[2] == '/' || !rest[2]))
			return 1;
	}
	return 0;
}

int path_mkdirs(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	size_t made;

	return path_mkdirs_count(rootfd, path, mode, uid, gid, &made);
}

int path_mkdirs_count(
	int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, size_t *out_made)
{
	auto_fd int dir = path_open(rootfd, path, O_PATH | O_DIRECTORY, 0);
	auto_free char *copy = NULL;
	const char *rest;

	*out_made = 0;
	if (dir != -ENOENT || !*path)
		return take_fd(&dir);
	copy = xstrdup(path);
	dir = open_existing(rootfd, copy, &rest);
	if (has_dotdot(rest))
		return -ENOENT;
	while (dir >= 0 && *(rest += strspn(rest, "/"))) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(rest, "/");
		int fd;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, rest, len);
		name[len] = '\0';
		rest += len;
		if (streq(name, "."))
			continue;
		fd = make_and_enter(dir, name, mode, uid, gid);
		fd_close_ptr(&dir);
		dir = fd;
		*out_made += 1;
	}
	return take_fd(&dir);
}

/* An empty file for a mount; mknod makes it without ever opening what may be there by now. */
static int make_file(int rootfd, const char *path)
{
	size_t len;
	const char *last = last_component(path, &len);
	auto_free char *parent = xstrndup(path, (size_t)(last - path));
	auto_free char *name = xstrndup(last, len);
	auto_fd int dir = path_mkdirs(rootfd, *parent ? parent : "/", 0755, -1, -1);
	auto_fd int fd = -1;
	struct stat st;
	mode_t mask;
	int r;

	if (dir < 0)
		return dir;
	if (!len || streq(name, ".") || streq(name, ".."))
		return -EINVAL;
	mask = umask(0);
	r = mknodat(dir, name, S_IFREG | 0644, 0) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0 && r != -EEXIST)
		return r;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? -ENOENT : take_fd(&fd);
}

int path_mount_target(int rootfd, const char *path, int dir)
{
	int fd = path_open(rootfd, path, O_PATH, 0);

	if (fd != -ENOENT || !*path)
		return fd;
	return dir ? path_mkdirs(rootfd, path, 0755, -1, -1) : make_file(rootfd, path);
}

char *path_of_fd(int fd, char out[PATH_FD_MAX])
{
	snprintf(out, PATH_FD_MAX, "/proc/self/fd/%d", fd);
	return out;
}

int path_reopen(int fd, int flags)
{
	auto_fd int proc = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	char name[PATH_FD_MAX];
	int r;

	if (proc < 0 || fstatfs(proc, &fs) < 0 || fs.f_type != PROC_MAGIC)
		return -EXDEV;
	snprintf(name, sizeof(name), "%d", fd);
	r = openat(proc, name, flags | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

int path_read(int rootfd, const char *path, struct buf *b)
{
	auto_fd int found = path_open(rootfd, path, O_PATH, 0);
	auto_fd int fd = -1;
	struct stat st;

	if (found < 0)
		return found;
	/* The type first: the mere open of a device may act (a watchdog, a tape). */
	if (fstat(found, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = path_reopen(found, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -EXDEV) /* before /proc is mounted in a new root */
		fd = path_open(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? fd_read_all(fd, b) : -EINVAL;
}
