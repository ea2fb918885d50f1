/* window.h: memory for what decompressors look back upon. Up to 8 MiB it is ordinary memory. The
 * larger windows of xz -7 to -9 (up to 64 MiB) and zstd --long or --ultra (128 MiB) lie in a file
 * without a name: the kernel can write them out and take their pages whenever it needs memory, and
 * this process keeps few of them mapped. Quiet. */
#pragma once

#include <stddef.h>

#define WINDOW_MAPS 4

struct windows {
	int dirfd; /* of the file system that the file is to lie on; -1: ordinary memory for all */
	struct {
		void *p;
		size_t len;
	} maps[WINDOW_MAPS];
	int n_maps;
	long faults; /* of this thread, at the last trim */
};

/* In the shape that both libraries call allocators in; opaque is a struct windows. */
void *windows_alloc(void *opaque, size_t size);
void windows_free(void *opaque, void *p);
/* Give mapped pages back when there may be too many. The bytes stay. */
void windows_trim(struct windows *w);
