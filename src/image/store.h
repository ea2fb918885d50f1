/* store.h: the content-addressed store of images. hull.db says what refers to what; blobs/sha256/
 * holds image configurations byte for byte; layers/<hex of diff id>/ one unpacked layer each,
 * shared. A layer or an image becomes visible by one transaction after its bytes are in place.
 * Speaking. */
#pragma once

#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "kernel/fs.h"
#include "oci/image.h"

struct store; /* borrows the db handle, owns a descriptor of the root folder */

/* root: HULL_ROOT (made with 0700 when missing, with its sub-folders). */
int store_open(const char *root, struct db *db, struct store **out, struct err *e);
/* What a user should know of work that succeeded: one line each. */
void store_on_warning(struct store *s, void (*warn)(const char *text));
void store_close(struct store *s);

struct store_image {
	char id[72]; /* "sha256:<hex of the configuration's bytes>" */
	char **refs; /* full references, sorted */
	struct oci_image config;
	char *config_text;  /* the bytes */
	char **layers;	    /* absolute folders, lowest first; each once */
	char **layer_names; /* "<hex>" of each in the configuration's list */
	int64_t *layer_sizes;
	int64_t size;	    /* sum of the layers' contents in bytes */
	int64_t created_ns; /* of the configuration; 0 unknown */
	int64_t stored_ns;  /* when it entered this store */
	int64_t uid_max;    /* highest uid or gid in any layer */
	char *damage; /* why config could not be read and is empty; only in lists, NULL: good */
};
void store_image_free(struct store_image *i);

/* By reference, id, or unique id prefix (>= 1 hex digits is tried after names, as Docker). Error
 * kinds: INVALID (malformed), NOT_FOUND ("No such image: X:latest"), CONFLICT (ambiguous prefix).
 */
int store_image_find(struct store *s, const char *name, struct store_image **out, struct err *e);
/* All, newest first (by created, then id). Caller frees the array and its members. dangling ones
 * have no refs. */
int store_image_list(struct store *s, struct store_image ***out, size_t *out_n, struct err *e);
/* 1 when the image of this id is there, 0, -1. */
int store_image_there(struct store *s, const char *id, struct err *e);
int store_image_tag(struct store *s, const char *name, const char *new_ref, struct err *e);

struct store_removal {
	char **untagged; /* familiar references */
	char **deleted;	 /* image ids, then layer digests: "sha256:..." */
	int files_left;	 /* they are removed, but their files could not be */
};
/* Docker's rmi: a reference is removed; the image with it when it was the last one (unless
 * no_prune...); an id with several references needs force. in_use (may be NULL) tells whether a
 * container uses an image id: CONFLICT text as Docker. Layers that no image uses are renamed away
 * in the transaction's wake, then removed. */
int store_image_remove(struct store *s, const char *name, int force,
	int (*in_use)(void *ctx, const char *image_id, char container_id[65]), void *ctx,
	struct store_removal *out, struct err *e);
void store_removal_done(struct store_removal *r);

struct store_import {
	int archive_fd;		  /* tar, plain or gzip, xz, zstd */
	const char *url;	  /* then it is fetched from there instead */
	const char *reference;	  /* NULL: dangling */
	const char *message;	  /* history comment, NULL: none */
	char *const *changes;	  /* Dockerfile instructions */
	const char *architecture; /* GOARCH name; NULL: this machine's */
	const char *created_by;	  /* history; NULL: none */
	int64_t max_bytes; /* the archive may take; 0: nine tenths of the free space, -1: no limit
			    */
};
/* Unpack by hull-transfer into a temporary layer, verify, move in place, write the configuration,
 * commit durably. out_id: 72 bytes. */
int store_import(struct store *s, const struct store_import *req, char out_id[72], struct err *e);

struct store_load {
	int archive_fd;	      /* docker-archive or oci-archive, plain or compressed; -1: */
	int folder_fd;	      /* an OCI layout */
	const char *platform; /* "linux/arm64"; NULL: this machine's */
	int64_t max_bytes;    /* each layer may take; as of struct store_import */
	/* Told of each image when it is in the store: one of its names, or NULL when it has none;
	 * replaced: the image that had this name until now, or NULL. */
	void (*loaded)(void *ctx, const char *familiar, const char *id, const char *replaced);
	void *ctx;
};
/* All images of the archive: each is whole or not there. Digests are kept: load.c. */
int store_load(struct store *s, const struct store_load *req, struct err *e);

struct store_save {
	char *const *names;    /* as `save` takes them: a name without a tag is all its tags */
	int tar_fd, folder_fd; /* one of them; the other -1 */
	int docker;	       /* with a manifest.json, for docker load */
};
int store_save(struct store *s, const struct store_save *req, struct err *e);

/* The merged view of these folders (topmost first) as a tar. owners: files that have been given
 * other owners by it are shown with those that they had; NULL: as they are. */
int store_export(
	const int *layer_fds, size_t n, const struct fs_owners *owners, int out_fd, struct err *e);

/* *out (caller frees): the folders of copies of these layers (and of the base layer), in which
 * files have the owners that the map says (fs.h). Made where they are not there yet: kept until the
 * layer goes. The image must be in use by a row. */
int store_shifted(struct store *s, char *const *layers, const struct fs_owners *o, char ***out,
	struct err *e);
/* 1: all are there. */
int store_shifted_there(struct store *s, char *const *layers, const struct fs_owners *o);

/* mmdebstrap of `reference` ("debian:SUITE" or "ubuntu:SUITE" when apt knows it) from the machine's
 * own mirrors. Prints its progress to stderr. Import of its tar as it comes. mirror: NULL or a URL
 * to use; variant: NULL = minbase; include: NULL or packages by comma. */
int store_bootstrap(struct store *s, const char *reference, const char *mirror, const char *variant,
	const char *include, int (*started)(void *ctx, struct err *e), void *ctx, char out_id[72],
	struct err *e);
