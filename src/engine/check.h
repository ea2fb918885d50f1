/* check.h: inside the engine's folder only: what the parts of `hull system check` share. */
#pragma once

#include "engine/container_store.h"
#include "engine/parts.h"
#include "image/store_check.h"
#include "kernel/cgroup.h"

struct check {
	struct engine *en;
	int repair;
	struct store_deep *deep; /* NULL: contents are not read */
	int alone; /* no hull is in the midst of preparing a run: what is half made is garbage */
	struct container_row *rows;
	size_t n_rows;
	struct cgroup_host cgroups;
	struct engine_check *out;
	struct err why; /* of the repair that fails, for check_tell */
};

/* r: what the repair returned (-errno, or -1 with c->why); counts only when c->repair. */
void check_tell(struct check *c, int r, const char *kind, const char *name, const char *repair,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* What no repair touches; advice: what the user may do. */
void check_leave(struct check *c, const char *kind, const char *name, const char *advice,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
const struct container_row *check_row(const struct check *c, const char *id);
int check_is_id(const char *name);

/* check_database.c: 1 when one of them is damaged, so that nothing else can be judged by it. */
int check_databases(struct check *c);
/* The engine could not be opened: because of a damaged database? -1 no; 0 yes, and it is told; 1:
 * it was put away, try again. */
int check_lost_databases(const struct engine_options *o, int repair, const struct err *why,
	struct engine_check *out);
/* check_containers.c: rows, folders of both kinds, id ranges. */
void check_rows(struct check *c);
void check_kept_folders(struct check *c);
void check_run_folders(struct check *c);
void check_ids(struct check *c);
/* check_host.c: what the kernel holds. */
void check_cgroups(struct check *c);
void check_mounts(struct check *c);
void check_processes(struct check *c);
/* check_network.c: what is left of containers' networks. */
void check_networks(struct check *c);
/* check_cache.c: compiled filters, the base layer, volumes in the making. */
void check_caches(struct check *c);
