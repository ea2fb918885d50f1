/* check_containers.c: rows of containers, their two folders, and their ids.
 *
 * How it works: a container whose lock somebody holds is being made, runs, or is being removed: its
 * parts are left to whoever that is. Without one, a container of --rm is garbage, and any other
 * must be whole. Of folders without rows sweep.c tells why they are garbage. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/check.h"
#include "engine/files.h"
#include "engine/idrange.h"
#include "engine/remove.h"
#include "engine/state.h"
#include "kernel/fs.h"

#define RM_ADVICE "left: hull rm removes it"

/* ---- rows */

static int is_folder(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int is_file(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* A part of its folder that launch.c makes and that is not there; NULL: whole. */
static const char *missing_part(const struct container_row *row, int kept_fd)
{
	if (kept_fd < 0)
		return "folder";
	if (*row->image_id && !is_folder(kept_fd, "upper"))
		return "folder upper";
	if (*row->image_id && !is_folder(kept_fd, "work"))
		return "folder work";
	for (size_t i = 0; files_names[i]; i++)
		if (!is_file(kept_fd, files_names[i]))
			return files_names[i];
	return NULL;
}

/* Under its lock, where there is a folder to lock. */
static int erase(struct check *c, const char *id, int flags)
{
	auto_fd int run = engine_container_folder(c->en->runroot_fd, id);
	auto_fd int lock = run < 0 ? -1 : container_lock(run, 0);
	struct container_row row = {0};
	int r;

	if (lock == -EAGAIN)
		return -EBUSY;
	r = container_store_get(c->en->db, id, &row, NULL);
	if (r == 1)
		r = container_erase(c->en, &row, flags, &c->why);
	container_row_done(&row);
	return r;
}

/* Its hull was killed before it could run, or somebody took a part away. */
static int check_whole(struct check *c, const struct container_row *row)
{
	static const char repair[] = "it is removed: it never ran";
	auto_fd int kept = engine_container_folder(c->en->root_fd, row->id);
	const char *lost = missing_part(row, kept);
	int r = 0;

	if (!lost)
		return 1;
	if (kept >= 0 && (fs_is_empty(kept, "upper") == 0 || is_file(kept, "exit"))) {
		check_leave(c, "container", row->id, RM_ADVICE, "its %s is missing", lost);
		return 0;
	}
	if (c->repair)
		r = erase(c, row->id, ERASE_CGROUP | ERASE_VOLUMES);
	check_tell(c, r, "container", row->id, repair, "its %s is missing", lost);
	return 0;
}

static int has_image(struct check *c, const char *id)
{
	return store_image_there(c->en->store, id, NULL) != 0;
}

static void check_config(struct check *c, const struct container_row *row)
{
	auto_free char *text = container_store_config(c->en->db, row->id, NULL);
	auto_json json_t *config = text ? jsonx_parse(text, strlen(text), "a container", NULL)
					: NULL;

	if (text && !config)
		check_leave(c, "container", row->id, RM_ADVICE,
			"its configuration in the database is damaged");
	if (*row->image_id && !has_image(c, row->image_id))
		check_leave(
			c, "container", row->id, RM_ADVICE, "its image %s is gone", row->image_id);
}

static void check_one(struct check *c, const struct container_row *row)
{
	auto_fd int run = engine_container_folder(c->en->runroot_fd, row->id);
	int r = 0;

	c->out->containers++;
	if (run >= 0 && container_is_locked(run)) {
		if (is_file(run, "state"))
			c->out->running++;
		else
			c->out->busy++;
		return;
	}
	if (row->ephemeral) {
		if (c->repair)
			r = engine_container_cleanup(c->en, row->id, &c->why);
		check_tell(c, r, "container", row->id, "it is removed",
			"it was to go with its end (--rm), and its hull and its monitor are gone");
		return;
	}
	if (check_whole(c, row))
		check_config(c, row);
}

void check_rows(struct check *c)
{
	for (size_t i = 0; i < c->n_rows; i++)
		check_one(c, &c->rows[i]);
}

/* ---- folders without rows */

/* Asked anew: it may have come since the rows were read. */
static int row_is_there(struct check *c, const char *id)
{
	struct container_row row = {0};
	int r = check_row(c, id) ? 1 : container_store_get(c->en->db, id, &row, NULL);

	container_row_done(&row);
	return r != 0;
}

static int erase_garbage(struct check *c, const char *id)
{
	auto_fd int run = engine_container_folder(c->en->runroot_fd, id);
	auto_fd int lock = run < 0 ? -1 : container_lock(run, 0);

	if (lock == -EAGAIN || row_is_there(c, id))
		return -EBUSY;
	return container_erase_garbage(c->en, id);
}

static void check_folder(struct check *c, const char *id, const char *kind, const char *problem)
{
	auto_fd int run = engine_container_folder(c->en->runroot_fd, id);
	int r = 0;

	if (run >= 0 && container_is_locked(run)) {
		c->out->busy++;
		return;
	}
	if (row_is_there(c, id))
		return;
	if (c->repair)
		r = erase_garbage(c, id);
	check_tell(c, r, kind, id, "the folder is removed", "%s", problem);
}

static void check_kept(void *ctx, int dirfd, const char *name)
{
	struct check *c = ctx;
	if (check_is_id(name))
		check_folder(c, name, "container",
			"its folder has no row in the database: it was being made or removed");
	else
		check_leave(c, "container", name, "left: look at it yourself",
			"nothing of hull's has such a name");
}

void check_kept_folders(struct check *c)
{
	fs_each(c->en->root_fd, ENGINE_CONTAINERS, check_kept, c);
}

static void check_run(void *ctx, int dirfd, const char *name)
{
	struct check *c = ctx;
	int r = 0;

	if (check_is_id(name)) {
		check_folder(c, name, "run folder",
			"there is no such container: it was being made or removed");
	} else if (*name == '.' && check_is_id(name + 1)) {
		if (!c->alone) {
			c->out->busy++;
			return;
		}
		if (c->repair)
			r = fs_remove_tree(dirfd, name);
		check_tell(c, r, "run folder", name, "the folder is removed",
			"its hull was killed while it made the folder");
	} else {
		check_leave(c, "run folder", name, "left: look at it yourself",
			"nothing of hull's has such a name");
	}
}

void check_run_folders(struct check *c)
{
	fs_each(c->en->runroot_fd, ENGINE_CONTAINERS, check_run, c);
}

/* ---- ids */

static int compare_slots(const void *a, const void *b)
{
	const struct container_row *const *x = a, *const *y = b;

	return (*x)->slot < (*y)->slot ? -1 : (*x)->slot > (*y)->slot;
}

void check_ids(struct check *c)
{
	auto_free const struct container_row **v = xcalloc(c->n_rows + 1, sizeof(*v));
	struct idrange_taken taken = {0};
	int64_t end = 0;
	size_t n = 0;

	for (size_t i = 0; i < c->n_rows; i++)
		if (c->rows[i].slot >= 0)
			v[n++] = &c->rows[i];
	qsort(v, n, sizeof(*v), compare_slots);
	if (n)
		idrange_taken_read(&taken);
	for (size_t i = 0; i < n; i++) {
		const struct container_row *row = v[i];
		const char *why = NULL;

		if (row->n_slots < 1 || row->slot + row->n_slots > IDRANGE_SLOTS)
			why = "its range of user ids lies outside of those that hull gives";
		else if (row->slot < end)
			why = "its range of user ids overlaps with another container's";
		else if (idrange_taken_hit(&taken, row->slot, row->n_slots))
			why = "its range of user ids holds ids that belong to somebody by now "
			      "(/etc/subuid, /etc/subgid, /etc/passwd, /etc/group)";
		if (why)
			check_leave(c, "ids", row->id,
				"left: hull rm it, and make it anew with other ids", "%s", why);
		end = row->slot + row->n_slots > end ? row->slot + row->n_slots : end;
	}
	idrange_taken_done(&taken);
}
