/* store_parts.h: inside the image folder only: what the files of the store share. */
#pragma once

#include "image/store.h"
#include "kernel/fs.h"

struct store {
	char *root; /* absolute */
	int rootfd;
	struct db *db;
	void (*warn)(const char *text); /* NULL: nobody listens */
};

#define STORE_LAYERS "layers"
#define STORE_BLOBS "blobs/sha256"
#define STORE_RECIPES "recipes"
#define STORE_SHIFTED "shifted"
#define STORE_SHIFT_KEY 16 /* hex digits behind the layer's and a dot */
/* Names beneath layers/ that are no layer (yet, or no more): see store_layer.c. */
#define STORE_TMP_PREFIX ".tmp-"

/* ---- which image (store_find.c) */

enum store_match { STORE_BY_REF, STORE_BY_ID };

/* The image that name means, in *out (no refs, no layers: store_image_fill), and how it was found.
 * ref (may be NULL) is the parsed reference when that was it. */
struct reference;
int store_image_match(struct store *s, const char *name, struct store_image **out,
	enum store_match *out_how, struct reference *out_ref, struct err *e);
/* The columns of STORE_IMAGE_COLUMNS of the current row. */
#define STORE_IMAGE_COLUMNS "i.id, i.size, i.created_ns, i.stored_ns, i.uid_max, i.config"
struct store_image *store_image_from_row(sqlite3_stmt *st);
int store_image_fill(struct store *s, struct store_image *i, struct err *e);

/* ---- layer folders (store_layer.c) */

/* A layer in the making: layers/.tmp-XXXX, locked by flock as long as fd lives. */
struct store_tmp {
	int fd; /* O_RDONLY, of the folder */
	char name[32];
};
/* Also clears away what killed imports left. */
int store_tmp_make(struct store *s, struct store_tmp *out, struct err *e);
/* Remove (when it is still there) and close. */
void store_tmp_done(struct store *s, struct store_tmp *t);
void store_tmp_sweep(struct store *s);
/* The lock of a .tmp folder that nobody holds, so that it is garbage; -1. */
int store_tmp_lock(int layers_fd, const char *name);
/* Within a transaction: a folder without a row gets a name that the next sweep takes for garbage.
 */
int store_layer_move_away(int layers_fd, const char *hex);

struct store_layer {
	char diff_id[72];
	int64_t size, uid_max, tar_size;
};
/* Within a transaction: give the unpacked folder its name and its row; when the layer is there
 * already, nothing (and store_tmp_done removes the copy). The content must be synced before. */
int store_layer_add(
	struct store *s, struct store_tmp *t, const struct store_layer *l, struct err *e);
/* After the transaction that deleted their rows: the blobs (image configurations among them; NULL:
 * none) and the layers' folders (diff_ids as "sha256:...") that really have no row. -1: not even
 * tried, because the database could not be locked. Quiet about what cannot be removed: the next
 * import tries again. */
int store_garbage_remove(struct store *s, char *const *blobs, char *const *diff_ids);

/* ---- blobs and recipes (store_blob.c) */

/* A new empty file in a folder that store_tmp_make made for files to come. */
int store_stage_file(struct store *s, const struct store_tmp *stage, const char *name, int *out_fd,
	struct err *e);
/* Within a transaction: give the staged (and synced) file its place, and its row when the layer has
 * none yet. tar_size: bytes of the tar that it makes. */
int store_recipe_add(struct store *s, const struct store_tmp *stage, const char *name,
	const char *diff_id, int64_t tar_size, struct err *e);
int store_recipe_open(
	struct store *s, const char *diff_id, int *out_fd, int64_t *out_tar_size, struct err *e);
/* Within a transaction: the staged file, whose bytes have that digest. Rows: store_image_blob. */
int store_blob_add(struct store *s, const struct store_tmp *stage, const char *name,
	const char *digest, struct err *e);
/* The same for bytes at hand. out_digest is filled in any case: what was written before a failure
 * is garbage of that name. */
int store_blob_put(
	struct store *s, const void *data, size_t len, char out_digest[72], struct err *e);
int store_blob_open(struct store *s, const char *digest, int *out_fd, struct err *e);
int store_blob_there(struct store *s, const char *digest);
/* Within a transaction: the image has that blob. */
#define STORE_MANIFEST "manifest"
#define STORE_LAYER "layer"
int store_image_blob(struct store *s, const char *image, const char *digest, const char *kind,
	int64_t size, struct err *e);
int store_image_blobs(struct store *s, const char *image, char ***out, struct err *e);
/* The manifest that the reference came with (of an image's references each may have another), or
 * with ref NULL, that the image came with last: 1, 0 when it came with none, -1. */
int store_image_manifest(
	struct store *s, const char *image, const char *ref, char out_digest[72], struct err *e);
/* Within a transaction, after store_image_set_ref. */
int store_ref_manifest(struct store *s, const char *ref, const char *digest, struct err *e);
/* 1 when an image has it, or it is one's configuration, 0, -1. */
int store_blob_is_claimed(struct store *s, const char *digest);
/* Under the write lock: those that no row claims. */
int store_blobs_unlink(struct store *s, char *const *digests);
void store_recipe_unlink(struct store *s, const char *diff_id);

/* ---- copies with other owners (store_shift.c) */

/* Those of a layer that goes: as store_layer_move_away. */
void store_shifted_unlink(struct store *s, const char *hex);
int store_shifted_move_away(struct store *s, int shifted_fd, const char *name);

/* ---- writing (store_image.c) */

/* Within a transaction: the reference means this image from now on. */
int store_image_set_ref(struct store *s, const char *full, const char *id, struct err *e);
/* Within a transaction: the image's rows; its layers' rows must be there. ref NULL: none. */
int store_image_add(struct store *s, const char *id, const char *text,
	const struct oci_image *config, const char *ref, struct err *e);
