/* load_source.c: files of an archive of images, or of an OCI layout folder, by their names. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/load_parts.h"
#include "kernel/path.h"

#define SPOOL_NAME "spool"
#define LINKS_MAX 8
/* A hundred images of a hundred layers with long names need a tenth of it. */
#define NAMES_MAX ((size_t)16 << 20)

struct load_member {
	char *path, *link; /* link: where a link leads to, from the archive's root; else NULL */
	int64_t offset, size;
	size_t order;
};

struct members {
	struct load_source *src;
	size_t bytes;
};

/* "a/b/../c" -> "a/c"; NULL when it climbs out. */
static char *flatten(const char *folder, size_t folder_len, const char *link)
{
	auto_free char *whole = *link == '/' ? xstrdup(link)
					     : xasprintf("%.*s/%s", (int)folder_len, folder, link);
	auto_strv char **parts = strv_split(whole, "/");
	char *out = xcalloc(1, strlen(whole) + 2), *end = out;

	strv_foreach (p, parts) {
		if (!**p || streq(*p, "."))
			continue;
		if (streq(*p, "..")) {
			if (end == out) {
				free(out);
				return NULL;
			}
			while (end > out && *--end != '/')
				;
			*end = '\0';
			continue;
		}
		if (end > out)
			*end++ = '/';
		end = stpcpy(end, *p);
	}
	return out;
}

static int take_member(void *ctx, const struct transfer_member *m, struct err *e)
{
	struct members *all = ctx;
	struct load_source *src = all->src;
	const char *link = m->text + m->path_len, *slash = strrchr(m->text, '/');
	struct load_member *out;

	all->bytes += m->path_len + m->link_len + sizeof(*out);
	if (src->n_members >= TRANSFER_MEMBERS_MAX || all->bytes > NAMES_MAX)
		return err_set(e, ERR_UNSUPPORTED,
			"the archive has too many files for one of images; a root file system is "
			"taken by hull import");
	if (src->n_members == src->room) {
		src->room = src->room ? src->room * 2 : 64;
		src->members = xreallocarray(src->members, src->room, sizeof(*src->members));
	}
	out = &src->members[src->n_members];
	*out = (struct load_member){
		.path = xstrdup(m->text),
		.offset = (int64_t)m->offset,
		.size = (int64_t)m->size,
		.order = src->n_members++,
	};
	if (m->kind == TRANSFER_SYMLINK)
		out->link = flatten(m->text, slash ? (size_t)(slash - m->text) : 0, link);
	else if (m->kind == TRANSFER_HARD_LINK)
		out->link = flatten("", 0, link);
	if (m->kind != TRANSFER_FILE && !out->link)
		out->link = xstrdup(""); /* leads nowhere */
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct load_member *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : x->order < y->order ? -1 : 1;
}

/* A plain tar in a regular file, from its start: what lies in it is read where it lies. */
static int is_plain_file(int fd)
{
	char head[512];
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0 &&
	       pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	       memcmp(head + 257, "ustar", 5) == 0;
}

int load_source_archive(struct store *s, int archive_fd, int64_t max_bytes,
	const struct store_tmp *stage, struct load_source *out, struct err *e)
{
	struct members members = {.src = out};
	struct worker_job job = WORKER_JOB("index", archive_fd, stage->fd);
	struct transfer_result result;
	int r;

	*out = (struct load_source){.folder_fd = -1, .archive_fd = archive_fd};
	job.max_bytes = max_bytes;
	job.member = take_member;
	job.ctx = &members;
	if (!is_plain_file(archive_fd)) {
		if (store_stage_file(s, stage, SPOOL_NAME, &job.spool_fd, e) < 0)
			return -1;
		out->archive_fd = job.spool_fd;
	}
	r = worker_run(&job, &result, e);
	if (r == 0 && out->n_members)
		qsort(out->members, out->n_members, sizeof(*out->members), by_path);
	if (out->archive_fd != archive_fd) {
		/* Its space is given back with the last descriptor. */
		unlinkat(stage->fd, SPOOL_NAME, 0);
	} else {
		/* The worker has moved it. */
		lseek(archive_fd, 0, SEEK_SET);
	}
	return r;
}

void load_source_done(struct load_source *src)
{
	for (size_t i = 0; i < src->n_members; i++) {
		free(src->members[i].path);
		free(src->members[i].link);
	}
	free(src->members);
	*src = (struct load_source){.folder_fd = -1, .archive_fd = -1};
}

/* Of several with one name the last, as if the archive had been unpacked. */
static const struct load_member *find_member(const struct load_source *src, const char *path)
{
	size_t low = 0, high = src->n_members;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(src->members[mid].path, path) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && streq(src->members[low - 1].path, path) ? &src->members[low - 1] : NULL;
}

static int find_in_folder(
	const struct load_source *src, const char *path, struct load_file *out, struct err *e)
{
	struct stat st;
	int fd = path_open(src->folder_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return err_sys(e, fd, "open %.300s in the image layout", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_INVALID, "%.300s in the image layout is no file", path);
	}
	*out = (struct load_file){.fd = fd, .own = 1, .size = st.st_size};
	return 1;
}

int load_find(struct load_source *src, const char *path, struct load_file *out, struct err *e)
{
	const struct load_member *m;

	*out = (struct load_file){.fd = -1};
	if (src->folder_fd >= 0)
		return find_in_folder(src, path, out, e);
	m = find_member(src, path);
	for (int i = 0; m && m->link && i < LINKS_MAX; i++)
		m = find_member(src, m->link);
	if (!m || m->link)
		return 0;
	*out = (struct load_file){.fd = src->archive_fd, .offset = m->offset, .size = m->size};
	return 1;
}

void load_file_done(struct load_file *f)
{
	if (f->own)
		close(f->fd);
	*f = (struct load_file){.fd = -1};
}

int load_read(struct load_source *src, const char *path, struct buf *b, struct err *e)
{
	auto_load_file struct load_file f = {.fd = -1};
	int r = load_find(src, path, &f, e);
	char *room;

	if (r <= 0)
		return r;
	room = (uint64_t)f.size < b->max ? buf_room(b, (size_t)f.size) : NULL;
	if (!room)
		return err_set(e, ERR_INVALID,
			"%.300s has %lld bytes; a document of an image has at most %zu", path,
			(long long)f.size, b->max - 1);
	for (int64_t at = 0; at < f.size;) {
		ssize_t n = pread(f.fd, room + at, (size_t)(f.size - at), f.offset + at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(e, errno, "read %.300s", path)
				     : err_set(e, ERR_INVALID, "%.300s is cut off", path);
		at += n;
	}
	b->len = (size_t)f.size;
	b->data[b->len] = '\0';
	return 1;
}

char *load_blob_path(const char *digest)
{
	return xasprintf("blobs/sha256/%s", str_after(digest, "sha256:"));
}

int load_read_blob(
	struct load_source *src, const struct oci_descriptor *d, struct buf *b, struct err *e)
{
	auto_free char *path = load_blob_path(d->digest);
	char hex[HASH_HEX + 1];
	int r = load_read(src, path, b, e);

	if (r == 0)
		return err_set(e, ERR_INVALID, "the archive is not complete: %s is missing", path);
	if (r < 0)
		return -1;
	hash_sha256_hex(b->data, b->len, hex);
	if ((int64_t)b->len != d->size || !streq(hex, d->digest + strlen("sha256:")))
		return err_set(e, ERR_INVALID,
			"the archive is damaged: %s has %zu bytes and the digest %.12s..., not "
			"what its name and the %lld bytes that are announced say",
			path, b->len, hex, (long long)d->size);
	return 0;
}
