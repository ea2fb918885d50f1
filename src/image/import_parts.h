/* import_parts.h: inside the image folder only: the steps of an import. */
#pragma once

#include "image/store_parts.h"
#include "image/transfer/result.h"

struct import_nodes {
	struct transfer_node *v;
	size_t n;
};

/* A run of hull-transfer: transfer/main.c says what its modes do. Descriptors stay the caller's. */
struct worker_job {
	const char *mode;
	int archive_fd, target_fd;
	int recipe_fd, spool_fd; /* -1: none */
	const int *layer_fds;
	size_t n_layers;
	int64_t length;	   /* of the archive from where archive_fd stands; -1: to its end */
	int64_t max_bytes; /* as in struct store_import */
	/* The ids that the worker sees, and which they are here. NULL: each for itself. */
	const struct fs_owners *owners;
	struct import_nodes *nodes; /* gets the devices to be made; caller frees v */
	/* Told of each file in an archive of images; texts are closed. */
	int (*member)(void *ctx, const struct transfer_member *m, struct err *e);
	void *ctx;
};
#define WORKER_JOB(m, archive, target)                                                        \
	{                                                                                     \
		.mode = (m), .archive_fd = (archive), .target_fd = (target), .recipe_fd = -1, \
		.spool_fd = -1, .length = -1                                                  \
	}
int worker_run(const struct worker_job *job, struct transfer_result *out, struct err *e);
/* A layer out of an archive into tmp, its recipe (and with want_blob, its compressed bytes) into
 * stage: import_layer.c. */
struct layer_unpack {
	struct store *s;
	const struct store_tmp *tmp, *stage;
	int archive_fd;
	int64_t length;		       /* -1: to its end */
	int64_t max_bytes;	       /* as in struct store_import */
	const char *recipe_name;       /* in stage */
	const char *blob_name;	       /* NULL: not wanted */
	struct transfer_result result; /* out */
	struct store_layer layer;      /* out */
};
int layer_unpack(struct layer_unpack *u, struct err *e);
/* Make the devices that it could not: import_nodes.c. */
int import_nodes_make(int target_fd, const struct import_nodes *nodes, struct err *e);

/* An import in two halves, so that who makes the archive can be asked between them whether it was
 * made well. */
struct import {
	struct store *s;
	struct store_tmp tmp, stage;
	struct store_layer layer;
	struct oci_image config;
	char ref[512]; /* full; "": none */
	int failed;    /* in import_commit */
};
/* Check the request, unpack, sync. */
int import_begin(
	struct store *s, const struct store_import *req, struct import *out, struct err *e);
/* Name the layer, store the image. */
int import_commit(struct import *i, char out_id[72], struct err *e);
/* After either, and whether they succeeded or not. */
void import_done(struct import *i);
