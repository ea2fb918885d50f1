/* fs.c: removing and measuring folders as a whole. */
#define _GNU_SOURCE
#include "kernel/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/dents.h"
#include "kernel/fs_walk.h"
#include "kernel/path.h"

#define RELIST_MAX 64

int fs_is_empty(int dirfd, const char *name)
{
	auto_fd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(8) char room[512];
	struct dents d = {.fd = fd, .size = sizeof(room), .room = room};
	const char *first;
	int r = fd < 0 ? -errno : dents_next(&d, &first);

	return r < 0 ? r : !r;
}

void fs_each(int dirfd, const char *folder, void (*one)(void *ctx, int dirfd, const char *name),
	void *ctx)
{
	auto_fd int fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_Alignas(8) char room[8192];
	struct dents d = {.fd = fd, .size = sizeof(room), .room = room};
	const char *name = NULL;

	while (fd >= 0 && dents_next(&d, &name) > 0)
		one(ctx, fd, name);
}

/* Let its owner read and change the folder at fd (O_PATH too, for which fchmod is no way). */
static int open_up(int fd)
{
	char path[PATH_FD_MAX];

	return chmod(path_of_fd(fd, path), 0700) < 0 ? -errno : 0;
}

static int unlink_name(int dirfd, const char *name, int flags)
{
	return unlinkat(dirfd, name, flags) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Within the tree: its folders are ours to open up. */
static int remove_name(int dirfd, const char *name, int flags)
{
	int r = unlink_name(dirfd, name, flags);

	return r == -EACCES && open_up(dirfd) == 0 ? unlink_name(dirfd, name, flags) : r;
}

static int enter(struct fs_walk *w, const char *name)
{
	int r = fs_walk_enter(w, name);
	auto_fd int fd = -1;

	if (r != -EACCES)
		return r;
	fd = openat(fs_walk_fd(w), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && open_up(fd) == 0 ? fs_walk_enter(w, name) : r;
}

/* 1: it was a folder with something in it and is entered now. */
static int remove_entry(struct fs_walk *w, const char *name, unsigned type)
{
	int r = type == DT_DIR ? -EISDIR : remove_name(fs_walk_fd(w), name, 0);

	if (r != -EISDIR)
		return r;
	/* Before descending: the kernel answers EBUSY for a mount point, even one of the same file
	 * system, and never gets as far as ENOTEMPTY. */
	r = remove_name(fs_walk_fd(w), name, AT_REMOVEDIR);
	if (r != -ENOTEMPTY && r != -EEXIST)
		return r;
	r = enter(w, name);
	if (r == -ENOENT) /* somebody else removed it meanwhile */
		return 0;
	return r < 0 ? r : 1;
}

/* The current folder was listed to its end. */
static int remove_left(struct fs_walk *w, int *relists, int failed)
{
	int r = fs_walk_leave(w);

	if (r < 0)
		return r;
	r = remove_name(fs_walk_fd(w), w->left, AT_REMOVEDIR);
	if (r != -ENOTEMPTY && r != -EEXIST)
		return r;
	/* A listing may miss names while others are removed: once more, but not for ever, and not
	 * for what could not be removed. */
	return failed || ++*relists > RELIST_MAX ? -ENOTEMPTY : fs_walk_enter(w, w->left);
}

static int is_fatal(int r)
{
	return r == -ESTALE || r == -EMFILE || r == -ENFILE || r == -EIO;
}

/* Everything beneath the start of the walk. */
static int remove_beneath(struct fs_walk *w)
{
	int first = 0, relists = 0;

	for (;;) {
		const char *name = NULL;
		unsigned type = 0;
		int r = fs_walk_next(w, &name, &type);

		if (r < 0)
			return r;
		if (r > 0)
			r = remove_entry(w, name, type);
		else if (w->n == 1)
			return first;
		else
			r = remove_left(w, &relists, first);
		if (r < 0 && !first)
			first = r;
		if (is_fatal(r))
			return r;
	}
}

int fs_remove_tree(int dirfd, const char *name)
{
	struct fs_walk w;
	int r = unlink_name(dirfd, name, 0);

	if (r != -EISDIR)
		return r;
	r = unlink_name(dirfd, name, AT_REMOVEDIR);
	for (int i = 0; i < 3 && (r == -ENOTEMPTY || r == -EEXIST); i++) {
		r = fs_walk_start(&w, dirfd, name);
		if (r == 0)
			r = remove_beneath(&w);
		fs_walk_done(&w);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		r = unlink_name(dirfd, name, AT_REMOVEDIR);
	}
	return r;
}

/* Count one entry; 1 when it is a folder that was entered. */
static int measure(struct fs_walk *w, struct fs_inodes *seen, const char *name, int64_t *sum)
{
	struct stat st;
	int is_new = 1, r;

	if (fstatat(fs_walk_fd(w), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode)) {
		r = fs_walk_enter(w, name);
		if (r == -EXDEV || r == -ENOENT || r == -ENOTDIR)
			return 0;
		*sum += (int64_t)st.st_blocks * 512;
		return r;
	}
	if (st.st_nlink > 1)
		fs_inodes_see(seen, st.st_dev, st.st_ino, NULL, &is_new);
	if (is_new)
		*sum += (int64_t)st.st_blocks * 512;
	return 0;
}

int fs_tree_usage(int dirfd, int64_t *out_bytes)
{
	struct fs_inodes seen = {0};
	struct fs_walk w;
	struct stat st;
	int64_t sum = 0;
	int r = fs_walk_start(&w, dirfd, ".");

	if (r == 0 && fstat(fs_walk_fd(&w), &st) == 0)
		sum = (int64_t)st.st_blocks * 512;
	while (r == 0) {
		const char *name = NULL;
		unsigned type = 0;

		r = fs_walk_next(&w, &name, &type);
		if (r > 0)
			r = measure(&w, &seen, name, &sum);
		else if (r == 0 && w.n == 1)
			break;
		else if (r == 0)
			r = fs_walk_leave(&w);
	}
	fs_walk_done(&w);
	fs_inodes_done(&seen);
	if (r == 0)
		*out_bytes = sum;
	return r;
}

int fs_scratch_file(int dirfd)
{
	char name[32];
	int fd = memfd_create("scratch", MFD_CLOEXEC);

	if (fd >= 0 || errno != ENOSYS)
		return fd < 0 ? -errno : fd;
	snprintf(name, sizeof(name), ".scratch-%d", (int)getpid());
	unlinkat(dirfd, name, 0); /* left by a killed one of the same pid */
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlinkat(dirfd, name, 0);
	return fd;
}

const char *fs_type_name(int fd, char out[24])
{
	static const struct {
		unsigned long magic;
		const char *name;
	} types[] = {
		{0xef53, "ext4"},
		{0x58465342, "xfs"},
		{0x9123683e, "btrfs"},
		{0x794c7630, "overlay"},
		{0x01021994, "tmpfs"},
		{0x858458f6, "ramfs"},
		{0x2fc12fc1, "zfs"},
		{0xf2f52010, "f2fs"},
		{0xca451a4e, "bcachefs"},
		{0x6969, "nfs"},
		{0xff534d42, "cifs"},
		{0xfe534d42, "smb2"},
		{0x00c36400, "ceph"},
		{0x01021997, "9p"},
		{0x65735546, "fuse"},
		{0x73717368, "squashfs"},
		{0xe0f5e1e2, "erofs"},
		{0x9660, "iso9660"},
		{0x4d44, "vfat"},
		{0x2011bab0, "exfat"},
		{0x15013346, "udf"},
		{0x3153464a, "jfs"},
		{0x01161970, "gfs2"},
		{0x7461636f, "ocfs2"},
		{0x61756673, "aufs"},
		{0xf15f, "ecryptfs"},
		{0x9fa0, "proc"},
		{0x62656572, "sysfs"},
		{0x0027e0eb, "cgroup"},
		{0x63677270, "cgroup2"},
		{0x1cd1, "devpts"},
		{0x19800202, "mqueue"},
		{0x958458f6, "hugetlbfs"},
		{0xcafe4a11, "bpf"},
		{0x64626720, "debugfs"},
		{0x74726163, "tracefs"},
		{0x6e736673, "nsfs"},
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].magic == ((unsigned long)fs.f_type & 0xffffffff))
			return types[i].name;
	snprintf(out, 24, "0x%lx", (unsigned long)fs.f_type & 0xffffffff);
	return out;
}
