/* import_layer.c: one layer out of an archive: its folder, its recipe, its devices. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/mem.h"
#include "image/import_parts.h"

static int run(struct layer_unpack *u, int recipe_fd, int blob_fd, struct err *e)
{
	struct import_nodes nodes = {0};
	struct worker_job job = WORKER_JOB("unpack", u->archive_fd, u->tmp->fd);
	int r;

	job.recipe_fd = recipe_fd;
	job.spool_fd = blob_fd;
	job.length = u->length;
	job.max_bytes = u->max_bytes;
	job.nodes = &nodes;
	r = worker_run(&job, &u->result, e);
	if (r == 0)
		r = import_nodes_make(u->tmp->fd, &nodes, e);
	free(nodes.v);
	return r;
}

/* Once for a layer. */
static void say_squashed(struct store *s, int64_t n)
{
	auto_free char *text = NULL;

	if (!n || !s->warn)
		return;
	text = xasprintf("%lld files belong to users or groups that you have no ids for: they are "
			 "root's in the image (more ids: /etc/subuid and /etc/subgid)",
		(long long)n);
	s->warn(text);
}

int layer_unpack(struct layer_unpack *u, struct err *e)
{
	auto_fd int recipe = -1, blob = -1;

	if (store_stage_file(u->s, u->stage, u->recipe_name, &recipe, e) < 0)
		return -1;
	if (u->blob_name && store_stage_file(u->s, u->stage, u->blob_name, &blob, e) < 0)
		return -1;
	if (run(u, recipe, blob, e) < 0)
		return -1;
	say_squashed(u->s, u->result.squashed);
	u->layer.size = u->result.bytes;
	u->layer.uid_max = u->result.uid_max;
	u->layer.tar_size = u->result.stream_bytes;
	snprintf(u->layer.diff_id, sizeof(u->layer.diff_id), "sha256:%s", u->result.digest);
	if (!hash_is_digest(u->layer.diff_id))
		return err_set(e, ERR_SYSTEM, "the archive unpacker talks nonsense");
	return 0;
}
