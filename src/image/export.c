/* export.c: the merged view of layers as a tar, made by hull-transfer, which may only read them. */
#include "base/mem.h"
#include "image/import_parts.h"

int store_export(
	const int *layer_fds, size_t n, const struct fs_owners *owners, int out_fd, struct err *e)
{
	/* There is no archive to read; the topmost layer stands in for it. */
	struct worker_job job = WORKER_JOB("export", layer_fds[0], layer_fds[0]);
	struct transfer_result result;

	job.layer_fds = layer_fds;
	job.n_layers = n;
	job.spool_fd = out_fd;
	job.owners = owners;
	return worker_run(&job, &result, e);
}
