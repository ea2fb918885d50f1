/* parts.h: inside the engine's folder only: the engine itself, and where things lie. */
#pragma once

#include "base/db.h"
#include "engine/engine.h"
#include "image/store.h"
#include "kernel/userns.h"
#include "network/idents.h"

#define ENGINE_CONTAINERS "containers" /* beneath root and runroot: a folder for each container */
#define ENGINE_VOLUMES "volumes"       /* beneath root */
#define ENGINE_VOLUME_DATA "_data"     /* what is mounted, inside a volume's folder */
#define ENGINE_SECCOMP "seccomp"       /* beneath root: compiled filters */
#define ENGINE_ID_LEN 64

struct engine {
	char *root, *runroot;	 /* absolute */
	int root_fd, runroot_fd; /* O_PATH */
	struct db *db;		 /* NULL between engine_db_close and engine_db_open */
	struct store *store;
	void (*warn)(const char *text);
	/* mode.h; valid when mode_known */
	int mode_known;
	int nested;    /* root of a user namespace that is not the machine's: no id is another's */
	int no_mounts; /* nested, and mounting is forbidden here: nothing can be run */
	struct userns_map uids, gids; /* nested: the ids that exist here */
	/* router.h */
	int wants_network;	      /* before mode_enter: a router is to be there afterwards */
	int router_fd;		      /* connection to hull-router, or -1 */
	int router_net_fd;	      /* the network namespace of the user's networks, or -1 */
	int router_lock_fd;	      /* held while one is started */
	int router_is_new;	      /* it knows nothing of the containers that run */
	struct network_idents idents; /* of this root, in the kernel */
};

void engine_warn(const struct engine *en, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* What is true of the whole machine is said once for each boot: 1 the first time, which leaves a
 * file of that name in the run folder (a tmpfs). */
int engine_first_time(const struct engine *en, const char *name);
/* Where the store and the run folder are to be; caller frees. */
int engine_root(const struct engine_options *o, char **out, struct err *e);
int engine_runroot(const struct engine_options *o, char **out, struct err *e);
/* Open hull.db and bring it up to date. */
int engine_db_open(struct engine *en, struct err *e);
/* Before a fork: no handle crosses it. Also closes the store. */
void engine_db_close(struct engine *en);

/* A folder beneath root_fd or runroot_fd, made with mode 0700 when it is missing; O_PATH. */
int engine_folder(int base_fd, const char *name, int *out_fd, struct err *e);
/* The folder of one container beneath base_fd, or -errno. Quiet. */
int engine_container_folder(int base_fd, const char *id);
/* --max-size of import and load. NULL: 0, the store's own; "0": none (-1), as everywhere. */
int engine_parse_max_size(const char *text, int64_t *out, struct err *e);
