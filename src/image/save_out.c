/* save_out.c: blobs and documents of saved images, as members of a tar or files in a folder. */
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
#include "image/import_parts.h"
#include "image/save_parts.h"
#include "image/tar_header.h"

#define COPY_SIZE ((size_t)256 << 10)
#define BLOBS "blobs/sha256"

static int broken(struct err *e, int r)
{
	return err_sys(e, r, "write the archive");
}

/* What eleven octal digits cannot say is said in base 256 (GNU, star). */
static void put_size(uint8_t *h, uint64_t size)
{
	if (tar_header_number(h + AT_SIZE, 12, size) == 0)
		return;
	for (int i = 11; i > 0; i--, size >>= 8)
		h[AT_SIZE + i] = (uint8_t)size;
	h[AT_SIZE] = 0x80;
}

static int put_header(
	const struct save_out *o, const char *path, char type, int64_t size, struct err *e)
{
	uint8_t h[TAR_UNIT];
	int r;

	tar_header_start(h, type);
	memcpy(h + AT_NAME, path, strnlen(path, NAME_SIZE));
	tar_header_number(h + AT_MODE, 8, type == '5' ? 0755 : 0644);
	tar_header_number(h + AT_UID, 8, 0);
	tar_header_number(h + AT_GID, 8, 0);
	put_size(h, (uint64_t)size);
	tar_header_number(h + AT_MTIME, 12, 0);
	tar_header_sum(h);
	r = fd_write_all(o->tar_fd, h, sizeof(h));
	return r < 0 ? broken(e, r) : 0;
}

static int pad(const struct save_out *o, int64_t size, struct err *e)
{
	static const char zeros[TAR_UNIT];
	size_t rest = (size_t)(size % TAR_UNIT);
	int r = rest ? fd_write_all(o->tar_fd, zeros, TAR_UNIT - rest) : 0;

	return r < 0 ? broken(e, r) : 0;
}

/* Where the member's bytes go; close what it gives with end_member. */
static int begin_member(
	const struct save_out *o, const char *path, int64_t size, int *out_fd, struct err *e)
{
	if (o->tar_fd >= 0) {
		*out_fd = o->tar_fd;
		return put_header(o, path, '0', size, e);
	}
	*out_fd = openat(o->folder_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return *out_fd < 0 ? err_sys(e, errno, "make the file %s", path) : 0;
}

static int end_member(const struct save_out *o, int64_t size, int fd, struct err *e)
{
	if (o->tar_fd >= 0)
		return pad(o, size, e);
	return close(fd) < 0 ? broken(e, errno) : 0;
}

static int put_folder(const struct save_out *o, const char *path, struct err *e)
{
	auto_free char *with_slash = xasprintf("%s/", path);

	if (o->tar_fd >= 0)
		return put_header(o, with_slash, '5', 0, e);
	return mkdirat(o->folder_fd, path, 0755) < 0 ? err_sys(e, errno, "make the folder %s", path)
						     : 0;
}

int save_out_start(struct save_out *o, struct err *e)
{
	return put_folder(o, "blobs", e) < 0 ? -1 : put_folder(o, BLOBS, e);
}

int save_out_text(struct save_out *o, const char *path, const char *text, struct err *e)
{
	size_t len = strlen(text);
	int fd, r;

	if (begin_member(o, path, (int64_t)len, &fd, e) < 0)
		return -1;
	r = fd_write_all(fd, text, len);
	if (r < 0)
		broken(e, r);
	return end_member(o, (int64_t)len, fd, r < 0 ? NULL : e) < 0 || r < 0 ? -1 : 0;
}

/* "": it was written before. */
static void path_once(struct save_out *o, const char *digest, char out[128])
{
	*out = '\0';
	if (strv_has(o->written, digest))
		return;
	strv_add(&o->written, digest);
	snprintf(out, 128, BLOBS "/%s", str_after(digest, "sha256:"));
}

int save_out_document(struct save_out *o, const char *text, char out_digest[72], struct err *e)
{
	char hex[HASH_HEX + 1], path[128];

	hash_sha256_hex(text, strlen(text), hex);
	snprintf(out_digest, 72, "sha256:%s", hex);
	path_once(o, out_digest, path);
	return *path ? save_out_text(o, path, text, e) : 0;
}

static int differs(const char *digest, struct err *e)
{
	return err_set(e, ERR_SYSTEM,
		"%.19s... in the store is damaged: what it holds has another digest; remove the "
		"image and load or import it anew",
		digest);
}

/* Exactly size bytes, of that digest. */
static int copy(int from, int to, int64_t size, const char *digest, struct err *e)
{
	auto_free char *room = xmalloc(COPY_SIZE);
	char hex[HASH_HEX + 1];
	struct hash h;

	hash_start(&h);
	while (size) {
		ssize_t n = read(from, room, size < (int64_t)COPY_SIZE ? (size_t)size : COPY_SIZE);
		int r = n > 0 ? fd_write_all(to, room, (size_t)n) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read %.19s... of the store", digest);
		if (n == 0)
			return differs(digest, e);
		if (r < 0)
			return broken(e, r);
		hash_add(&h, room, (size_t)n);
		size -= n;
	}
	hash_end(&h, hex);
	return streq(hex, digest + strlen("sha256:")) ? 0 : differs(digest, e);
}

int save_out_blob(struct save_out *o, const char *digest, int64_t size, struct err *e)
{
	auto_fd int from = -1;
	char path[128];
	int to, r;

	path_once(o, digest, path);
	if (!*path)
		return 0;
	if (store_blob_open(o->s, digest, &from, e) < 0 || begin_member(o, path, size, &to, e) < 0)
		return -1;
	r = copy(from, to, size, digest, e);
	return end_member(o, size, to, r < 0 ? NULL : e) < 0 || r < 0 ? -1 : 0;
}

static int rebuild(
	struct save_out *o, const char *diff_id, int recipe, int to, int64_t size, struct err *e)
{
	auto_free char *folder = xasprintf(STORE_LAYERS "/%s", str_after(diff_id, "sha256:"));
	auto_fd int layer = openat(o->s->rootfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct worker_job job = WORKER_JOB("rebuild", recipe, layer);
	struct transfer_result result;

	if (layer < 0)
		return err_sys(e, errno, "open %s/%s", o->s->root, folder);
	job.spool_fd = to;
	if (worker_run(&job, &result, e) < 0)
		return -1;
	if (result.stream_bytes != size || !streq(result.digest, diff_id + strlen("sha256:")))
		return differs(diff_id, e);
	return 0;
}

int save_out_layer(struct save_out *o, const char *diff_id, struct err *e)
{
	auto_fd int recipe = -1;
	char path[128];
	int64_t size;
	int to, r;

	path_once(o, diff_id, path);
	if (!*path)
		return 0;
	if (store_recipe_open(o->s, diff_id, &recipe, &size, e) < 0 ||
		begin_member(o, path, size, &to, e) < 0)
		return -1;
	r = rebuild(o, diff_id, recipe, to, size, e);
	return end_member(o, size, to, r < 0 ? NULL : e) < 0 || r < 0 ? -1 : 0;
}

int save_out_finish(struct save_out *o, struct err *e)
{
	static const char zeros[2 * TAR_UNIT];
	int r = o->tar_fd >= 0 ? fd_write_all(o->tar_fd, zeros, sizeof(zeros))
			       : (syncfs(o->folder_fd) < 0 ? -errno : 0);

	strv_free(o->written);
	o->written = NULL;
	return r < 0 ? broken(e, r) : 0;
}
