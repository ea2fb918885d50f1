/* store_shift.c: copies of layers whose files have other owners, where the kernel cannot show them
 * so: one for each layer and map, shared by all containers with that map.
 *
 * How it works: shifted/<hex of diff id>.<key of the map>; a copy is made as a .tmp folder beside
 * the layers, synced, and renamed, so that what has a name is whole. It has no row: it belongs to
 * the layer's, goes with it (store_layer.c), and can be made again at any time. Overlay's marks are
 * copied, so that copies are stacked as the layers are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/store_parts.h"

static void add_lines(struct hash *h, const struct ns_idmap *v, size_t n)
{
	char line[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "%u %u %u\n", v[i].inside, v[i].outside, v[i].count);
		hash_add(h, line, strlen(line));
	}
	hash_add(h, "\n", 1);
}

static void key_of(const struct fs_owners *o, char out[STORE_SHIFT_KEY + 1])
{
	char hex[HASH_HEX + 1];
	struct hash h;

	hash_start(&h);
	add_lines(&h, o->uids, o->n_uids);
	add_lines(&h, o->gids, o->n_gids);
	hash_end(&h, hex);
	str_copy(out, STORE_SHIFT_KEY + 1, hex);
}

/* Who comes second leaves the first one's. */
static int name_it(struct store *s, struct store_tmp *t, const char *path, struct err *e)
{
	auto_free char *tmp = xasprintf(STORE_LAYERS "/%s", t->name);

	if (syncfs(t->fd) < 0)
		return err_sys(e, errno, "write %s/%s to the disk", s->root, path);
	if (mkdirat(s->rootfd, STORE_SHIFTED, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the folder %s/" STORE_SHIFTED, s->root);
	if (renameat(s->rootfd, tmp, s->rootfd, path) == 0)
		t->name[0] = '\0';
	else if (errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(e, errno, "name %s/%s", s->root, path);
	return 0;
}

static int make(struct store *s, const char *layer, const char *path, const struct fs_owners *o,
	struct err *e)
{
	auto_fd int src = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct store_tmp tmp = {.fd = -1};
	int r;

	if (src < 0)
		return err_sys(e, errno, "open the layer %s", layer);
	if (store_tmp_make(s, &tmp, e) < 0)
		return -1;
	r = fs_copy_shifted(src, tmp.fd, o);
	r = r < 0 ? err_sys(e, r, "copy the layer %s", layer) : name_it(s, &tmp, path, e);
	store_tmp_done(s, &tmp);
	return r;
}

static char *shifted_path(const char *layer, const struct fs_owners *o)
{
	const char *slash = strrchr(layer, '/');
	char key[STORE_SHIFT_KEY + 1];

	key_of(o, key);
	return xasprintf(STORE_SHIFTED "/%s.%s", slash ? slash + 1 : layer, key);
}

int store_shifted_there(struct store *s, char *const *layers, const struct fs_owners *o)
{
	strv_foreach (l, layers) {
		auto_free char *path = shifted_path(*l, o);

		if (faccessat(s->rootfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return 0;
	}
	return 1;
}

int store_shifted(
	struct store *s, char *const *layers, const struct fs_owners *o, char ***out, struct err *e)
{
	strv_foreach (l, layers) {
		auto_free char *path = shifted_path(*l, o);

		if (faccessat(s->rootfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
			make(s, *l, path, o, e) < 0)
			return -1;
		strv_take(out, xasprintf("%s/%s", s->root, path));
	}
	return 0;
}

/* ---- removal */

struct removal {
	struct store *s;
	const char *hex;
};

static void move_one(void *ctx, int dirfd, const char *name)
{
	const struct removal *r = ctx;
	const char *rest = str_after(name, r->hex);

	if (rest && *rest == '.')
		store_shifted_move_away(r->s, dirfd, name);
}

void store_shifted_unlink(struct store *s, const char *hex)
{
	struct removal r = {s, hex};

	fs_each(s->rootfd, STORE_SHIFTED, move_one, &r);
}
