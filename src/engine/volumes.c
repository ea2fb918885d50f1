/* volumes.c: named and anonymous volumes.
 *
 * How it works: a volume comes into being whole: made and filled as ".new-..." beside the others,
 * then renamed. When the name is taken meanwhile, the other's is used. A volume that is there but
 * empty is filled in place, under a lock on its folder, because others may have it mounted. What
 * the image has at the destination is read from an overlay of its layers that is mounted nowhere: a
 * detached tree, or on old kernels a mount in the namespace of a child process. */
#define _GNU_SOURCE
#include "engine/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/mounts.h"
#include "kernel/fs.h"
#include "kernel/mount.h"
#include "kernel/ns.h"
#include "kernel/overlay.h"
#include "kernel/path.h"

#define LAYERS_MAX OVERLAY_LOWERS_MAX

static int open_layers(char *const *layers, int fds[LAYERS_MAX], size_t *out_n)
{
	size_t n = strv_len(layers);

	*out_n = 0;
	if (n > LAYERS_MAX)
		return -E2BIG;
	while (n-- > 0) { /* topmost first */
		int fd = open(layers[n], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		fds[(*out_n)++] = fd;
	}
	return 0;
}

/* The merged layers, read-only; on_fd < 0: as a detached tree, else mounted there. */
static int merged_mount(const int *fds, size_t n, int on_fd)
{
	const struct overlay o = {.lowers = fds, .n_lowers = n, .upper_fd = -1, .work_fd = -1};

	return overlay_mount(&o, MS_RDONLY, on_fd);
}

/* 0 also when the image has nothing there, or no folder. */
static int copy_from(int root_fd, const char *path, int data_fd)
{
	auto_fd int src = path_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0);

	if (src < 0)
		return src == -ENOENT || src == -ENOTDIR || src == -ELOOP ? 0 : src;
	return fs_copy_tree(src, data_fd);
}

/* The child's part: nothing of another mount namespace may be mounted, so all is opened anew. */
static int copy_in_namespace(int *fds, size_t n, const char *path, int scratch_fd, int data_fd)
{
	auto_fd int at = -1, top = -1;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		fds[i] = mount_reopen(fds[i]);
		if (fds[i] < 0)
			return fds[i];
	}
	at = mount_reopen(scratch_fd);
	top = at < 0 ? at : merged_mount(fds, n, at);
	return top < 0 ? top : copy_from(top, path, data_fd);
}

/* In a child, because its mount namespace is thrown away with it. */
static int copy_in_child(int *fds, size_t n, const char *path, int scratch_fd, int data_fd)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int r = copy_in_namespace(fds, n, path, scratch_fd, data_fd);
		_exit(r < 0 ? (-r > 254 ? 254 : -r) : 0);
	}
	ns_wait(pid, -1, -1, &status);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* What the image has at path -> the folder data_fd. scratch_fd: a folder to mount on. */
static int copy_up(char *const *layers, const char *path, int scratch_fd, int data_fd)
{
	int fds[LAYERS_MAX], r;
	size_t n;

	r = open_layers(layers, fds, &n);
	if (r == 0 && n == 1) {
		r = copy_from(fds[0], path, data_fd);
	} else if (r == 0 && n > 1) {
		auto_fd int tree = merged_mount(fds, n, -1);
		if (tree == -ENOSYS)
			r = copy_in_child(fds, n, path, scratch_fd, data_fd);
		else
			r = tree < 0 ? tree : copy_from(tree, path, data_fd);
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return r;
}

/* A volume that is there: fill it if it is empty. */
static int use_old(int folder_fd, const char *name, char *const *layers, const char *destination,
	struct err *e)
{
	auto_fd int data = openat(
		folder_fd, ENGINE_VOLUME_DATA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = 0;

	if (data < 0)
		return err_sys(e, errno, "open the volume %s", name);
	if (!layers || fs_is_empty(data, ".") != 1)
		return 0;
	if (flock(data, LOCK_EX) < 0)
		return err_sys(e, errno, "lock the volume %s", name);
	if (fs_is_empty(data, ".") == 1)
		r = copy_up(layers, destination, folder_fd, data);
	return r < 0 ? err_sys(e, r, "copy %s of the image into the volume %s", destination, name)
		     : 0;
}

static int fill_new(int volumes_fd, const char *tmp, const char *about, char *const *layers,
	const char *destination)
{
	int r;

	auto_fd int folder = -1, data = -1;

	if (mkdirat(volumes_fd, tmp, 0700) < 0)
		return -errno;
	folder = openat(volumes_fd, tmp, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || mkdirat(folder, ENGINE_VOLUME_DATA, 0755) < 0)
		return -errno;
	data = openat(folder, ENGINE_VOLUME_DATA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (data < 0 || fchmod(data, 0755) < 0) /* whatever the umask */
		return -errno;
	r = about ? fd_write_file(folder, VOLUME_ABOUT, about, strlen(about), 0600, 0) : 0;
	return r == 0 && layers ? copy_up(layers, destination, folder, data) : r;
}

static int make_new(int volumes_fd, const char *name, const char *about, char *const *layers,
	const char *destination, struct err *e)
{
	char tmp[32] = ".new-";
	int r;

	hash_random_hex(8, tmp + strlen(tmp));
	r = fill_new(volumes_fd, tmp, about, layers, destination);
	if (r == 0 && renameat2(volumes_fd, tmp, volumes_fd, name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r == -EINVAL || r == -ENOSYS) /* a file system without NOREPLACE */
		r = renameat(volumes_fd, tmp, volumes_fd, name) < 0 ? -errno : 0;
	if (r == 0)
		return 0;
	fs_remove_tree(volumes_fd, tmp);
	if (r == -EEXIST || r == -ENOTEMPTY)
		return 0; /* somebody was faster: theirs */
	return err_sys(e, r, "make the volume %s", name);
}

int volumes_use(struct engine *en, const char *name, char *const *layers, const char *destination,
	char **out_path, struct err *e)
{
	auto_fd int volumes = -1, folder = -1;

	if (mounts_volume_name_check(name, e) < 0 ||
		engine_folder(en->root_fd, ENGINE_VOLUMES, &volumes, e) < 0)
		return -1;
	folder = openat(volumes, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 && errno == ENOENT) {
		if (make_new(volumes, name, NULL, layers, destination, e) < 0)
			return -1;
	} else if (folder < 0) {
		return err_sys(e, errno, "open the volume %s", name);
	} else if (use_old(folder, name, layers, destination, e) < 0) {
		return -1;
	}
	*out_path = xasprintf("%s/" ENGINE_VOLUMES "/%s/" ENGINE_VOLUME_DATA, en->root, name);
	return 0;
}

int volumes_make(struct engine *en, const char *name, const char *about, struct err *e)
{
	auto_fd int volumes = -1;

	if (mounts_volume_name_check(name, e) < 0 ||
		engine_folder(en->root_fd, ENGINE_VOLUMES, &volumes, e) < 0)
		return -1;
	if (faccessat(volumes, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return make_new(volumes, name, about, NULL, NULL, e);
}

int volumes_remove(struct engine *en, const char *name, struct err *e)
{
	auto_fd int volumes = openat(
		en->root_fd, ENGINE_VOLUMES, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (volumes < 0 || mounts_volume_name_check(name, NULL) < 0)
		return 0;
	r = fs_remove_tree(volumes, name);
	return r < 0 ? err_sys(e, r, "remove the volume %s", name) : 0;
}
