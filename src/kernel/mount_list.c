/* mount_list.c: mount points beneath a folder. */
#define _GNU_SOURCE
#include "kernel/mount_list.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/mountinfo.h"

int mount_list(const char *path, char ***out)
{
	auto_buf struct buf text = BUF_MAX(MOUNTINFO_MAX);
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", &text);

	if (r < 0)
		return r;
	*out = NULL;
	for (char *save, *line = text.data ? strtok_r(text.data, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		char *words, *field = strtok_r(line, " ", &words);

		for (int i = 0; i < 4 && field; i++)
			field = strtok_r(NULL, " ", &words);
		if (!field)
			continue;
		mountinfo_unescape(field);
		if (str_after(field, path))
			strv_add(out, field);
	}
	return 0;
}
