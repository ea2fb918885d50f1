/* container_store.h: the rows of containers in hull.db. What a container is doing at the moment is
 * not in them: state.h asks the kernel. Speaking. */
#pragma once

#include <stdint.h>

#include "base/db.h"
#include "base/err.h"

struct container_row { /* strings owned */
	char *id, *name;
	char *image, *image_id; /* as asked for; "sha256:...", "" with --rootfs */
	int64_t created_ns;
	int64_t slot, n_slots; /* id range, idrange.h; slot -1: none */
	int ephemeral;	       /* --rm: a row without a living process is garbage */
	int started;  /* it was told to run, so that no record of an end means a lost one */
	char *config; /* JSON, record.h; NULL when it was not asked for */
};
void container_row_done(struct container_row *r);

/* run_path: the file for containers of --rm, in the run folder. */
int container_store_migrate(struct db *db, const char *run_path, struct err *e);
/* Within a transaction. ERR_CONFLICT with Docker's text when the name is taken. */
int container_store_add(struct db *db, const struct container_row *r, struct err *e);
/* No error when it is gone. */
int container_store_remove(struct db *db, const char *id, struct err *e);
/* By name ("/x" too), id, or unique prefix of an id; "No such container: X". */
int container_store_find(struct db *db, const char *text, struct container_row *out, struct err *e);
/* 1 and *out, or 0. */
int container_store_get(struct db *db, const char *id, struct container_row *out, struct err *e);
/* All, newest first; without their config. Caller frees the array and its members. */
int container_store_list(struct db *db, struct container_row **out, size_t *out_n, struct err *e);
/* The config of one; caller frees; NULL with *e when it is gone. */
char *container_store_config(struct db *db, const char *id, struct err *e);
/* 1 and the id of some container that uses the image, else 0. */
int container_store_image_user(struct db *db, const char *image_id, char out_id[65], struct err *e);
int container_store_name_taken(struct db *db, const char *name, struct err *e);
/* [a-zA-Z0-9][a-zA-Z0-9_.-]+, with Docker's words. */
int container_name_check(const char *name, struct err *e);
