/* landlock.c: Landlock rules for a worker (landlock(7)). The headers of the build machine
 * may be older than the kernel, so what is needed of them is here. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/box/box_parts.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
	FS_EXECUTE = 1 << 0,
	FS_READ = 1 << 2 | 1 << 3, /* files, folders */
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_BLOCK = 1 << 11,
	FS_ALL_V2 = (1 << 14) - 1,
	FS_TRUNCATE = 1 << 14,	/* 3 */
	FS_IOCTL_DEV = 1 << 15, /* 5 */
	NET_BIND = 1 << 0,	/* 4: of tcp */
	NET_CONNECT = 1 << 1,
	SCOPE_ALL = 3, /* 6: abstract sockets, signals */
};

struct ruleset {
	uint64_t fs, net, scoped;
};
struct beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

/* What a kernel of this version knows; members it does not know must be zero. */
static struct ruleset handled(int abi, int network)
{
	return (struct ruleset){
		.fs = FS_ALL_V2 | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0),
		.net = abi < 4	 ? 0
		       : network ? NET_BIND
				 : NET_BIND | NET_CONNECT,
		.scoped = abi >= 6 ? SCOPE_ALL : 0,
	};
}

/* Paths beneath fd. */
static int allow_beneath(int ruleset, int fd, uint64_t what)
{
	struct beneath allow = {.parent_fd = fd, .allowed = what};

	return (int)syscall(SYS_landlock_add_rule, ruleset, 1, &allow, 0);
}

int box_landlock(const struct box *b, struct err *e)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1), r;
	struct ruleset rules = handled(abi, b->network);
	uint64_t all = rules.fs &
		       ~(uint64_t)(FS_EXECUTE | FS_MAKE_SOCK | FS_MAKE_BLOCK | FS_IOCTL_DEV);
	auto_fd int fd = -1;

	if (abi < 2)
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	r = fd < 0 ? -1 : allow_beneath(fd, BOX_ROOT_FD, b->read_only ? FS_READ : all);
	for (int i = 0; r == 0 && i < b->n_layers; i++)
		r = allow_beneath(fd, BOX_LAYERS_FD + i, FS_READ);
	if (r < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_sys(e, errno, "shut %s in (Landlock)", b->who);
	return 0;
}
