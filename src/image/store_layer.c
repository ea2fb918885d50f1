/* store_layer.c: layer folders: in the making, in place, and on their way out.
 *
 * How it works: everything beneath layers/ that is not named by 64 hexadecimal digits is a
 * .tmp-XXXX folder: a layer that is being unpacked, or one that is being removed. Who works on one
 * holds its flock, which dies with the last process that has the descriptor (importer and
 * unpacker); so whoever gets that lock has found garbage and removes it.
 *
 * A folder gets its final name inside the transaction that makes its row. SQLite's write lock then
 * says that nobody else is between these two steps: a folder without a row is what a killed import
 * left, and is moved away. Removal goes the other way round: rows first, then, under the write
 * lock again, each folder that still has no row is renamed to .tmp-XXXX, then removed. */
#define _GNU_SOURCE
#include "image/store_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "kernel/fs.h"

#define TRIES_MAX 16

static int open_layers(struct store *s)
{
	return openat(s->rootfd, STORE_LAYERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_folder(int dirfd, const char *name)
{
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void tmp_name(char out[32])
{
	char hex[17];

	hash_random_hex(8, hex);
	snprintf(out, 32, STORE_TMP_PREFIX "%s", hex);
}

int store_tmp_lock(int layers, const char *name)
{
	auto_fd int fd = open_folder(layers, name);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	return take_fd(&fd);
}

void store_tmp_sweep(struct store *s)
{
	int fd = open_layers(s);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		fd_close_ptr(&fd);
		return;
	}
	while ((d = readdir(dir))) {
		if (!str_after(d->d_name, STORE_TMP_PREFIX))
			continue;
		auto_fd int lock = store_tmp_lock(fd, d->d_name);
		if (lock >= 0)
			fs_remove_tree(fd, d->d_name);
	}
	closedir(dir);
}

/* Between the mkdir and the flock a sweeper may have taken it for garbage: then it has no link any
 * more once we have the lock. */
static int lock_made(int layers, struct store_tmp *t)
{
	auto_fd int fd = open_folder(layers, t->name);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -EAGAIN;
	/* The umask of whoever called is not the layer's. */
	if (fchmod(fd, 0755) < 0)
		return -errno;
	t->fd = take_fd(&fd);
	return 0;
}

static int make_locked(int layers, struct store_tmp *t)
{
	int r;

	tmp_name(t->name);
	if (mkdirat(layers, t->name, 0755) < 0)
		return -errno;
	r = lock_made(layers, t);
	if (r < 0 && r != -EAGAIN)
		unlinkat(layers, t->name, AT_REMOVEDIR);
	return r;
}

int store_tmp_make(struct store *s, struct store_tmp *out, struct err *e)
{
	auto_fd int layers = open_layers(s);
	struct store_tmp t = {.fd = -1};
	int r = -EAGAIN;

	if (layers < 0)
		return err_sys(e, errno, "open the folder %s/" STORE_LAYERS, s->root);
	store_tmp_sweep(s);
	for (int i = 0; r == -EAGAIN && i < TRIES_MAX; i++)
		r = make_locked(layers, &t);
	if (r < 0)
		return err_sys(e, r, "make a folder for a layer in %s/" STORE_LAYERS, s->root);
	*out = t;
	return 0;
}

void store_tmp_done(struct store *s, struct store_tmp *t)
{
	auto_fd int layers = open_layers(s);

	if (t->name[0] && layers >= 0)
		fs_remove_tree(layers, t->name);
	t->name[0] = '\0';
	fd_close_ptr(&t->fd);
}

/* Away under a name that every sweep takes for garbage. */
int store_layer_move_away(int layers, const char *hex)
{
	char garbage[32];

	tmp_name(garbage);
	return renameat(layers, hex, layers, garbage) < 0 ? -errno : 0;
}

int store_shifted_move_away(struct store *s, int shifted_fd, const char *name)
{
	auto_fd int layers = open_layers(s);
	char garbage[32];

	tmp_name(garbage);
	if (layers < 0 || renameat(shifted_fd, name, layers, garbage) < 0)
		return -errno;
	return 0;
}

/* Within the transaction: put the folder at its name, whatever a killed import left there. */
static int place(struct store *s, struct store_tmp *t, const char *hex, struct err *e)
{
	auto_fd int layers = open_layers(s);
	int r;

	if (layers < 0)
		return err_sys(e, errno, "open the folder %s/" STORE_LAYERS, s->root);
	r = store_layer_move_away(layers, hex);
	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "move %s/" STORE_LAYERS "/%s away", s->root, hex);
	if (renameat(layers, t->name, layers, hex) < 0)
		return err_sys(e, errno, "name the layer %s/" STORE_LAYERS "/%s", s->root, hex);
	t->name[0] = '\0';
	if (fsync(layers) < 0)
		return err_sys(e, errno, "sync the folder %s/" STORE_LAYERS, s->root);
	return 0;
}

int store_layer_add(
	struct store *s, struct store_tmp *t, const struct store_layer *l, struct err *e)
{
	const char *hex = str_after(l->diff_id, "sha256:");
	int64_t there;
	int r;

	if (!hex || !hash_is_digest(l->diff_id))
		return err_set(e, ERR_INVALID, "\"%.100s\" is no digest", l->diff_id);
	r = db_int(s->db, &there, e, "SELECT 1 FROM layers WHERE diff_id = ?", "s", l->diff_id);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (place(s, t, hex, e) < 0)
		return -1;
	return db_run(s->db, e, "INSERT INTO layers VALUES(?, ?, ?, ?)", "siii", l->diff_id,
		l->size, l->uid_max, time_now_ns());
}

/* Those that no row claims get names of garbage, under the write lock. */
static int move_unclaimed(struct store *s, int layers, char *const *diff_ids)
{
	int failed = 0;

	strv_foreach (d, diff_ids) {
		const char *hex = str_after(*d, "sha256:");
		int64_t there;
		int r = hex && hash_is_digest(*d)
				? db_int(s->db, &there, NULL,
					  "SELECT 1 FROM layers WHERE diff_id = ?", "s", *d)
				: 1;

		failed = r < 0 ? -1 : failed;
		if (r != 0)
			continue;
		store_layer_move_away(layers, hex);
		store_shifted_unlink(s, hex);
		store_recipe_unlink(s, *d);
	}
	return failed;
}

int store_garbage_remove(struct store *s, char *const *blobs, char *const *diff_ids)
{
	auto_fd int layers = open_layers(s);
	int r;

	if (layers < 0 || db_is_unsure(s->db) || db_begin(s->db, 0, NULL) < 0)
		return -1;
	r = store_blobs_unlink(s, blobs);
	if (move_unclaimed(s, layers, diff_ids) < 0)
		r = -1;
	db_rollback(s->db); /* only its lock was wanted */
	store_tmp_sweep(s);
	return r;
}
