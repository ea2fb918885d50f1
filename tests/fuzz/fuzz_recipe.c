/* fuzz_recipe.c: whatever archive is unpacked, its recipe makes the same bytes again; and a recipe
 * that is not ours makes no harm. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "fuzz.h"
#include "image/transfer/recipe.h"
#include "image/transfer/unpack.h"
#include "kernel/fs.h"

static const struct limit limit = {.bytes = 4 << 20, .entries = 1000};

struct again {
	struct hash hash;
	int64_t bytes;
};

static int no_node(void *ctx, const struct transfer_node *n, struct err *e)
{
	return 0;
}

static int take(void *ctx, const void *data, size_t len, struct err *e)
{
	struct again *a = ctx;

	hash_add(&a->hash, data, len);
	a->bytes += (int64_t)len;
	return a->bytes > 16 << 20 ? -1 : 0;
}

static int unpack(int archive, int root, int recipe, struct transfer_result *out)
{
	struct unpack_request req = {.rootfd = root, .node = no_node, .limit = limit};
	int r = -1;

	if (stream_open(archive, 0, &limit, &req.stream, NULL) < 0)
		return -1;
	if (recipe_new(recipe, root, &req.recipe, NULL) == 0)
		r = unpack_run(&req, out, NULL);
	recipe_free(req.recipe);
	stream_close(req.stream);
	return r;
}

static void compare(int recipe, int root, const struct transfer_result *want)
{
	struct again a = {0};
	char hex[HASH_HEX + 1];

	hash_start(&a.hash);
	require(recipe_replay(recipe, root, take, &a, NULL) == 0);
	hash_end(&a.hash, hex);
	require(a.bytes == want->stream_bytes && streq(hex, want->digest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/hull-fuzz-XXXXXX";
	auto_fd int archive = memfd_create("archive", MFD_CLOEXEC);
	auto_fd int recipe = memfd_create("recipe", MFD_CLOEXEC);
	struct transfer_result result = {0};
	struct again a = {0};

	umask(0);
	require(archive >= 0 && recipe >= 0 && mkdtemp(path) != NULL);
	auto_fd int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(root >= 0 && fd_write_all(archive, data, size) == 0);
	lseek(archive, 0, SEEK_SET);
	if (unpack(archive, root, recipe, &result) == 0)
		compare(recipe, root, &result);
	hash_start(&a.hash);
	recipe_replay(archive, root, take, &a, NULL);
	fs_remove_tree(AT_FDCWD, path);
	return 0;
}
