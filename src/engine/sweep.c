/* sweep.c: folders of containers that have no row: what a hull leaves that was killed while it made
 * a container or removed one. A run folder is made before everything else and removed after
 * everything else, so it leads to all the rest; its lock tells whether somebody is still at work
 * there. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/mode.h"
#include "engine/remove.h"
#include "engine/state.h"
#include "kernel/fs.h"

#define OLD_S 10 /* nobody takes that long between two calls; a stopped process may */

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int is_old(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_mtim.tv_sec < time(NULL) - OLD_S;
}

static void sweep_one(struct engine *en, int dirfd, const char *id)
{
	auto_fd int folder = openat(dirfd, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd int lock = folder < 0 ? -1 : container_lock(folder, 0);
	struct container_row row = {0};

	if (folder < 0 || lock == -EAGAIN || mode_enter(en, NULL) < 0)
		return;
	if (lock < 0) {
		/* The last step of a removal: help it along. */
		if (unlinkat(dirfd, id, AT_REMOVEDIR) < 0 && is_old(dirfd, id))
			container_erase_garbage(en, id);
		return;
	}
	/* Stored since the rows were read, and its hull killed: ps will see it next time. */
	if (container_store_get(en->db, id, &row, NULL) == 0)
		container_erase_garbage(en, id);
	container_row_done(&row);
}

void containers_sweep(struct engine *en, const struct container_row *rows, size_t n_rows)
{
	auto_free const char **ids = NULL;
	struct dirent *de;
	DIR *d;
	int fd = openat(
		en->runroot_fd, ENGINE_CONTAINERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fd_close_ptr(&fd);
		return;
	}
	ids = xcalloc(n_rows + 1, sizeof(*ids));
	for (size_t i = 0; i < n_rows; i++)
		ids[i] = rows[i].id;
	qsort(ids, n_rows, sizeof(*ids), compare_ids);
	while ((de = readdir(d))) {
		const char *name = de->d_name;
		size_t len = strlen(name);

		if (len == ENGINE_ID_LEN && !bsearch(&name, ids, n_rows, sizeof(*ids), compare_ids))
			sweep_one(en, dirfd(d), name);
		else if (*name == '.' && len == ENGINE_ID_LEN + 1 && is_old(dirfd(d), name))
			fs_remove_tree(dirfd(d), name);
	}
	closedir(d);
}
