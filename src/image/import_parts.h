/* import_parts.h: inside the image folder only: the steps of an import. */
#pragma once

#include "image/store_parts.h"
#include "image/transfer/result.h"

struct import_nodes {
	struct transfer_node *v;
	size_t n;
};

/* Run hull-transfer on the archive with target_fd as its folder: import_worker.c. */
int import_worker(int archive_fd, int target_fd, struct transfer_result *out,
	struct import_nodes *out_nodes, struct err *e);
/* Make the devices that it could not: import_nodes.c. */
int import_nodes_make(int target_fd, const struct import_nodes *nodes, struct err *e);

/* An import in two halves, so that who makes the archive can be asked between them whether it was
 * made well. */
struct import {
	struct store *s;
	struct store_tmp tmp;
	struct store_layer layer;
	struct oci_image config;
	char ref[512]; /* full; "": none */
};
/* Check the request, unpack, sync. */
int import_begin(
	struct store *s, const struct store_import *req, struct import *out, struct err *e);
/* Name the layer, store the image. */
int import_commit(struct import *i, char out_id[72], struct err *e);
/* After either, and whether they succeeded or not. */
void import_done(struct import *i);
