/* dents.h: inside the kernel folder only: listing a folder by getdents64(2), without opendir: no
 * allocation, no second owner of the descriptor. */
#pragma once

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define DENTS_HEAD 19 /* struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name */

struct dents {
	int fd;	       /* borrowed, O_RDONLY */
	int pos, len;  /* within room */
	off_t off;     /* cookie of the entry that was given last, for lseek(2) */
	unsigned type; /* its DT_*; may be DT_UNKNOWN */
	size_t size;   /* of room */
	char *room;    /* aligned to 8 */
};

/* Next name, without "." and "..": 1 with *out_name (valid until the next call), 0 at the end. */
static inline int dents_next(struct dents *d, const char **out_name)
{
	for (;;) {
		unsigned short reclen;
		const char *entry, *name;

		if (d->pos >= d->len) {
			long n = syscall(SYS_getdents64, d->fd, d->room, d->size);
			if (n <= 0)
				return n < 0 ? -errno : 0;
			d->pos = 0;
			d->len = (int)n;
		}
		entry = d->room + d->pos;
		memcpy(&reclen, entry + 16, sizeof(reclen));
		memcpy(&d->off, entry + 8, sizeof(d->off));
		d->type = (unsigned char)entry[18];
		d->pos += reclen;
		name = entry + DENTS_HEAD;
		if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
			continue;
		*out_name = name;
		return 1;
	}
}
