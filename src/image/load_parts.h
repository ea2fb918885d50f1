/* load_parts.h: inside the image folder only: the steps of a load. */
#pragma once

#include "base/buf.h"
#include "image/import_parts.h"
#include "oci/manifest.h"

/* ---- where the bytes come from (load_source.c) */

struct load_member;

struct load_source {
	int folder_fd;	/* an OCI layout folder, else -1 */
	int archive_fd; /* the archive, or the plain copy of it that we made; not ours to close */
	struct load_member *members;
	size_t n_members, room;
};
struct load_file {
	int fd; /* not ours to close when it is the archive's */
	int own;
	int64_t offset, size;
};

/* Looks through the archive in hull-transfer; what is no plain file is copied into stage, as far
 * as max_bytes (store.h, struct store_load) allows. */
int load_source_archive(struct store *s, int archive_fd, int64_t max_bytes,
	const struct store_tmp *stage, struct load_source *out, struct err *e);
void load_source_done(struct load_source *src);
/* 1 and *out (load_file_done), 0 not there, -1. */
int load_find(struct load_source *src, const char *path, struct load_file *out, struct err *e);
void load_file_done(struct load_file *f);
#define auto_load_file __attribute__((cleanup(load_file_done)))
/* A whole document; b has the limit. 1, 0 not there, -1. */
int load_read(struct load_source *src, const char *path, struct buf *b, struct err *e);
/* A blob of an OCI layout, of which digest and size are checked. */
int load_read_blob(
	struct load_source *src, const struct oci_descriptor *d, struct buf *b, struct err *e);
/* "blobs/sha256/<hex>" */
char *load_blob_path(const char *digest);

/* ---- what is in there (load_choose.c, load_layout.c) */

struct load_image {
	char *config_path, *config_digest; /* digest: NULL in an old docker-archive */
	char **layers;			   /* paths */
	char **refs;			   /* full references */
	/* What it came with; NULL: only a list in manifest.json. */
	struct oci_manifest *manifest;
	char *manifest_text, *manifest_digest;
	struct oci_platform *platform; /* as its index says; NULL: it does not */
};
struct load_images {
	struct load_image *v;
	size_t n;
};

int load_choose(struct load_source *src, const struct oci_platform *want, struct load_images *out,
	struct err *e);
void load_images_done(struct load_images *images);
/* Append an empty one. */
struct load_image *load_images_add(struct load_images *images);
/* Those of index.json. */
int load_layout(struct load_source *src, const char *index_text, size_t len,
	const struct oci_platform *want, struct load_images *out, struct err *e);

/* ---- one image into the store (load_image.c) */

struct load {
	struct store *s;
	const struct store_load *req;
	struct load_source source;
	struct store_tmp stage;
	struct oci_platform want;
	size_t n_staged; /* files so far, for their names */
};
int load_image(struct load *l, struct load_image *image, struct err *e);
