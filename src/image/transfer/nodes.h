/* nodes.h: devices of an archive, which only the host's root can make: see result.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/transfer/result.h"

struct nodes {
	struct nodes_item *items;
	size_t n, room, path_bytes;
};

/* fd (taken) is of the placeholder: it stays open, so that its inode number is nobody else's. */
int nodes_add(struct nodes *s, int fd, mode_t type, uint32_t major, uint32_t minor,
	const char *path, struct err *e);
/* A hard link was made: when it is to a placeholder, it has to be told too. */
int nodes_linked(struct nodes *s, int dirfd, const char *name, const char *path, struct err *e);
int nodes_is_whiteout(const struct nodes *s, ino_t ino);
int nodes_tell(const struct nodes *s,
	int (*tell)(void *ctx, const struct transfer_node *n, struct err *e), void *ctx,
	struct err *e);
void nodes_done(struct nodes *s);
