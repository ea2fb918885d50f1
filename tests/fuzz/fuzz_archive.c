/* fuzz_archive.c: everything that reads an archive before a file system is touched: the
 * decompressors and the tar reader. What comes out is checked for what unpack.c relies on. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz.h"
#include "image/transfer/place.h"
#include "image/transfer/tar.h"

/* A bomb is not what is looked for here. */
static const struct limit limit = {.bytes = 16 << 20};

static void check_entry(const struct tar_entry *n)
{
	char path[PATH_MAX];

	require(*n->path && strlen(n->path) < PATH_MAX && strlen(n->link) < PATH_MAX);
	require(n->mode <= 07777 && n->uid != UINT32_MAX && n->gid != UINT32_MAX);
	require(n->size <= INT64_MAX);
	require(n->mtime.tv_nsec >= 0 && n->mtime.tv_nsec < 1000000000);
	if (place_clean(n->path, path, NULL) < 0)
		return;
	require(path[0] != '/' && !strstr(path, "//") && !strstr(path, "/../"));
	require(strncmp(path, "../", 3) != 0 && strcmp(path, "..") != 0);
}

static int read_content(struct tar *t, const struct tar_entry *n)
{
	uint64_t offset, end = 0;
	const uint8_t *p;
	int64_t len;

	while ((len = tar_data(t, &p, &offset, NULL)) > 0) {
		require(offset >= end);
		end = offset + (uint64_t)len;
		require(end <= n->size);
		require(p[0] + p[len - 1] >= 0); /* readable */
	}
	return (int)len;
}

static void read_archive(int fd)
{
	const struct tar_entry *n;
	struct stream *s = NULL;
	struct tar *t;
	int count = 0;

	if (stream_open(fd, 0, &limit, &s, NULL) < 0)
		return;
	t = tar_new(s);
	while (tar_next(t, &n, NULL) == 1) {
		check_entry(n);
		/* Every second one is skipped, as whiteouts are. */
		if (count++ % 2 == 0 && read_content(t, n) < 0)
			break;
	}
	tar_free(t);
	stream_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	read_archive(fd);
	return 0;
}
