/* import_worker.c: hull-transfer's arguments, and what it tells. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/mem.h"
#include "image/box/box.h"
#include "image/import_parts.h"
#include "image/worker.h"

#define PROGRAM "hull-transfer"
#define SHARE_MAX 0.9 /* of the free space and inodes an archive may take without being asked */

static uint64_t share(uint64_t free)
{
	uint64_t n = (uint64_t)((double)free * SHARE_MAX);

	return n ? n : 1;
}

/* Of the file system that is written to. It may make inodes as it needs them, and say 0. */
static void add_limits(const struct worker_job *job, char ***v)
{
	uint64_t bytes = job->max_bytes > 0 ? (uint64_t)job->max_bytes : 0;
	int index = streq(job->mode, "index");
	struct statvfs fs;

	if (fstatvfs(index ? job->spool_fd : job->target_fd, &fs) == 0) {
		if (job->max_bytes == 0 && fs.f_blocks)
			bytes = share((uint64_t)fs.f_bavail * fs.f_frsize);
		if (fs.f_files && !index) {
			strv_addf(v, "--limit-entries");
			strv_addf(v, "%llu", (unsigned long long)share(fs.f_favail));
		}
	}
	strv_addf(v, "--limit-bytes");
	strv_addf(v, "%llu", (unsigned long long)bytes);
}

static char **arguments(const struct worker_job *job)
{
	char **v = NULL;

	strv_add(&v, PROGRAM);
	strv_add(&v, job->mode);
	strv_addf(&v, "--archive-fd");
	strv_addf(&v, "%d", BOX_ARCHIVE_FD);
	strv_addf(&v, "--result-fd");
	strv_addf(&v, "%d", BOX_RESULT_FD);
	strv_addf(&v, "--target-fd");
	strv_addf(&v, "%d", BOX_ROOT_FD);
	strv_addf(&v, "--recipe");
	strv_addf(&v, "%d", job->recipe_fd >= 0);
	strv_addf(&v, "--spool");
	strv_addf(&v, "%d", job->spool_fd >= 0);
	strv_addf(&v, "--layers");
	strv_addf(&v, "%zu", job->n_layers);
	add_limits(job, &v);
	if (job->length >= 0) {
		strv_addf(&v, "--length");
		strv_addf(&v, "%lld", (long long)job->length);
	}
	return v;
}

static int take_node(const char *body, size_t len, struct import_nodes *nodes)
{
	const size_t head = offsetof(struct transfer_node, path);
	struct transfer_node *n;

	if (len <= head || nodes->n == TRANSFER_NODES_MAX || body[len - 1])
		return -1;
	nodes->v = xreallocarray(nodes->v, nodes->n + 1, sizeof(*nodes->v));
	n = &nodes->v[nodes->n++];
	memcpy(n, body, len);
	n->path[sizeof(n->path) - 1] = '\0';
	return 0;
}

static int take_result(const char *body, size_t len, struct transfer_result *out)
{
	if (len != sizeof(*out))
		return -1;
	memcpy(out, body, sizeof(*out));
	out->digest[sizeof(out->digest) - 1] = '\0';
	out->blob_digest[sizeof(out->blob_digest) - 1] = '\0';
	return out->stream_bytes < 0 || out->blob_bytes < 0 || out->bytes < 0 || out->entries < 0 ||
			       out->uid_max < 0 || out->squashed < 0
		       ? -1
		       : 0;
}

static int take_member(const struct worker *w, const char *body, size_t len,
	const struct worker_job *job, struct err *e)
{
	const size_t head = offsetof(struct transfer_member, text);
	const struct transfer_member *m = (const void *)body;

	if (!job->member || len <= head || m->path_len < 2 || m->link_len < 1 ||
		m->path_len > PATH_MAX || m->link_len > PATH_MAX ||
		len != head + m->path_len + m->link_len || m->text[m->path_len - 1] ||
		m->text[m->path_len + m->link_len - 1] || m->kind > TRANSFER_HARD_LINK ||
		m->offset > INT64_MAX || m->size > INT64_MAX)
		return worker_nonsense(w, e);
	return job->member(job->ctx, m, e);
}

/* 1: done, 0: it went away without a last word, -1: it said an error. */
static int listen_to(const struct worker *w, const struct worker_job *job,
	struct transfer_result *out, struct err *e)
{
	_Alignas(struct transfer_member) char body[sizeof(struct transfer_member)];
	struct transfer_head head;

	_Static_assert(sizeof(body) >= sizeof(struct err), "an error fits");
	_Static_assert(sizeof(body) >= sizeof(struct transfer_node), "a device fits");
	while (worker_hear(w, &head, body, sizeof(body))) {
		int r = -1;

		if (head.kind == TRANSFER_ERROR)
			return worker_error(w, body, head.len, e);
		if (head.kind == TRANSFER_DONE && take_result(body, head.len, out) == 0)
			return 1;
		if (head.kind == TRANSFER_MEMBER && take_member(w, body, head.len, job, e) < 0)
			return -1;
		if (head.kind == TRANSFER_MEMBER)
			continue;
		if (head.kind == TRANSFER_NODE && job->nodes)
			r = take_node(body, head.len, job->nodes);
		if (r < 0)
			return worker_nonsense(w, e);
	}
	return 0;
}

static struct worker_fd *give(const struct worker_job *job, size_t *out_n)
{
	const struct worker_fd given[] = {
		{job->archive_fd, BOX_ARCHIVE_FD},
		{job->target_fd, BOX_ROOT_FD},
		{job->recipe_fd, BOX_RECIPE_FD},
		{job->spool_fd, BOX_SPOOL_FD},
	};
	struct worker_fd *fds = xcalloc(ARRAY_SIZE(given) + job->n_layers, sizeof(*fds));

	memcpy(fds, given, sizeof(given));
	for (size_t i = 0; i < job->n_layers; i++)
		fds[ARRAY_SIZE(given) + i] = (struct worker_fd){
			job->layer_fds[i], BOX_LAYERS_FD + (int)i};
	*out_n = ARRAY_SIZE(given) + job->n_layers;
	return fds;
}

int worker_run(const struct worker_job *job, struct transfer_result *out, struct err *e)
{
	auto_strv char **argv = arguments(job);
	struct worker_start start = {.program = PROGRAM,
		.who = "the archive unpacker",
		.argv = argv,
		.owners = job->owners};
	auto_free struct worker_fd *fds = give(job, &start.n_fds);
	struct worker w;
	int r = -1;

	start.fds = fds;
	if (worker_start(&start, &w, e) == 0)
		r = listen_to(&w, job, out, e);
	return worker_end(&w, r, e);
}
