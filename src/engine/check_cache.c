/* check_cache.c: what is made beside containers: compiled filters, the base layer, volumes in the
 * making. All of it is made under the starters' lock (launch.c). */
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
#include "engine/base_layer.h"
#include "engine/check.h"
#include "engine/seccomp.h"
#include "kernel/fs.h"

static int remove_filter(int dirfd, const char *name)
{
	auto_free char *sum = xasprintf("%.*s.sum", HASH_HEX, name);

	if (unlinkat(dirfd, sum, 0) < 0 && errno != ENOENT)
		return -errno;
	return fs_remove_tree(dirfd, name);
}

/* KEY.bpf is judged by its content, KEY.sum goes with it. */
static void check_filter(void *ctx, int dirfd, const char *name)
{
	struct check *c = ctx;
	size_t len = strspn(name, "0123456789abcdef");
	const char *why = "it was never finished";
	int r = 0;

	if (len == HASH_HEX && streq(name + len, ".bpf")) {
		why = seccomp_cache_judge(dirfd, name);
	} else if (len == HASH_HEX && streq(name + len, ".sum")) {
		auto_free char *bpf = xasprintf("%.*s.bpf", HASH_HEX, name);
		why = faccessat(dirfd, bpf, F_OK, AT_SYMLINK_NOFOLLOW) == 0
			      ? NULL
			      : "a checksum without its filter";
	}
	if (!why)
		return;
	if (c->repair)
		r = remove_filter(dirfd, name);
	check_tell(c, r, "filter", name, "it is removed; the next run that needs it makes it anew",
		"%s", why);
}

static void check_volume(void *ctx, int dirfd, const char *name)
{
	struct check *c = ctx;
	int r = 0;

	if (!str_after(name, ".new-"))
		return;
	if (c->repair)
		r = fs_remove_tree(dirfd, name);
	check_tell(
		c, r, "volume", name, "it is removed", "its hull was killed before it was filled");
}

static void check_base_tmp(void *ctx, int dirfd, const char *name)
{
	struct check *c = ctx;
	int r = 0;

	if (!str_after(name, ENGINE_BASE ".tmp"))
		return;
	if (c->repair)
		r = fs_remove_tree(dirfd, name);
	check_tell(c, r, "base", name, "it is removed", "its hull was killed while it was made");
}

void check_caches(struct check *c)
{
	if (!c->alone)
		return;
	fs_each(c->en->root_fd, ENGINE_SECCOMP, check_filter, c);
	fs_each(c->en->root_fd, ENGINE_VOLUMES, check_volume, c);
	fs_each(c->en->root_fd, ".", check_base_tmp, c);
	if (base_layer_check(c->en, 0))
		check_tell(c, c->repair && base_layer_check(c->en, 1) ? -EIO : 0, "base",
			ENGINE_BASE, "what is missing is made anew",
			"the lowest layer of all containers is not whole");
}
