/* replay.c: the seeds of a fuzz target as ordinary tests (TAP): replay FOLDER. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)1 << 20)

static int is_seed(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **list = NULL;
	int n = argc == 2 ? scandir(argv[1], &list, is_seed, alphasort) : -1;

	if (n < 1) {
		fputs("usage: replay FOLDER-WITH-SEEDS\n", stderr);
		return 2;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		auto_free char *path = xasprintf("%s/%s", argv[1], list[i]->d_name);
		auto_buf struct buf b = BUF_MAX(INPUT_MAX);
		int r = fd_read_file(AT_FDCWD, path, &b);

		/* What breaks it ends this program: the test that did not come has failed. */
		if (r == 0)
			LLVMFuzzerTestOneInput((const uint8_t *)(b.data ? b.data : ""), b.len);
		printf("%sok %d - %s\n", r < 0 ? "not " : "", i + 1, list[i]->d_name);
		fflush(stdout);
		free(list[i]);
	}
	free(list);
	return 0;
}
