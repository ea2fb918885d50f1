/* userns.h: the user namespace this process lives in, and how an ordinary user gets one. Quiet. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "kernel/ns.h"

#define USERNS_LINES_MAX 340 /* of an id map (5 before 4.15) */

struct userns_map { /* lines of uid_map or gid_map */
	struct ns_idmap *v;
	size_t n;
};
void userns_map_done(struct userns_map *m);
void userns_map_add(struct userns_map *m, uint32_t inside, uint32_t outside, uint32_t count);
/* Lines "name:start:count" (subuid(5)) whose name is one of the two (NULL: none): added to m, whose
 * ids inside go on from `inside`. Returns what comes behind the last. Modifies text. */
uint32_t userns_map_subids(
	struct userns_map *m, char *text, const char *name, const char *number, uint32_t inside);
/* Is the id one of those inside? */
int userns_map_has(const struct userns_map *m, uint32_t id);

/* 1: the machine's own, where root is root. One stat(2). */
int userns_is_initial(void);
/* /proc/self/uid_map, or gid_map. 0 or -errno. */
int userns_map_read(int gids, struct userns_map *out);

/* Become root of a user namespace of one's own, with a mount namespace that belongs to it. The
 * process must have one thread.
 *
 * With more than one line or id in a map, new_uid_map and new_gid_map are the programs newuidmap(1)
 * and newgidmap(1), which are run by children that stay outside; what they complain goes to `log`.
 * Otherwise the process maps its own user and group, and setgroups(2) is denied from then on
 * (user_namespaces(7)). Returns 0, -ECHILD when one of the two failed (the process is nobody then,
 * and good for nothing but an error), or -errno with nothing changed. */
int userns_enter(const struct userns_map *uids, const struct userns_map *gids,
	const char *new_uid_map, const char *new_gid_map, struct buf *log);
/* The same by joining a namespace of that kind that is there (a descriptor of /proc/PID/ns/user),
 * again with a mount namespace of one's own. 0 or -errno. */
int userns_join(int fd);
