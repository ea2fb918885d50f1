/* window.c: memory for what decompressors look back upon.
 *
 * How it works: a large window is a shared mapping of a file that never had a name, on the file
 * system that the archive is unpacked to: room for it is taken at once (fallocate), so that no
 * access can fail later. Its pages are the page cache's. After each step the mapping's pages are
 * unmapped when more than FAULTS_MAX of them may have come: the bytes are still there, and a page
 * that is looked at again is mapped again, which costs less than a microsecond. */
#define _GNU_SOURCE
#include "image/transfer/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

#define ORDINARY_MAX ((size_t)12 << 20) /* zstd needs some more than its window of 8 MiB */
/* A page fault maps one page, or when it only reads, 16 (fault-around). */
#define FAULTS_MAX 192

/* The file, or -errno. */
static int make_file(const struct windows *w, size_t size)
{
	int fd = openat(w->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (fallocate(fd, 0, 0, (off_t)size) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static void *map_file(struct windows *w, size_t size)
{
	auto_fd int fd = make_file(w, size);
	void *p;

	if (fd < 0)
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return NULL;
	/* No read-ahead: it makes large folios, and each fault maps a whole one (6.18 on). */
	madvise(p, size, MADV_RANDOM);
	w->maps[w->n_maps].p = p;
	w->maps[w->n_maps++].len = size;
	return p;
}

void *windows_alloc(void *opaque, size_t size)
{
	struct windows *w = opaque;
	void *p;

	if (size <= ORDINARY_MAX || w->dirfd < 0 || w->n_maps == WINDOW_MAPS)
		return malloc(size);
	p = map_file(w, size);
	/* A file system that is nearly full, or has no files without a name: the archive may fit.
	 */
	return p ? p : malloc(size);
}

void windows_free(void *opaque, void *p)
{
	struct windows *w = opaque;

	for (int i = 0; i < w->n_maps; i++) {
		if (w->maps[i].p != p)
			continue;
		munmap(p, w->maps[i].len);
		w->maps[i] = w->maps[--w->n_maps];
		return;
	}
	free(p);
}

void windows_trim(struct windows *w)
{
	struct rusage use = {0};
	long faults;

	if (!w->n_maps || getrusage(RUSAGE_THREAD, &use) < 0)
		return;
	/* A page that is new in the page cache counts as a major one. */
	faults = use.ru_minflt + use.ru_majflt;
	if (faults - w->faults < FAULTS_MAX)
		return;
	w->faults = faults;
	for (int i = 0; i < w->n_maps; i++)
		madvise(w->maps[i].p, w->maps[i].len, MADV_DONTNEED);
}
