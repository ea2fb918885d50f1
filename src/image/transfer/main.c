/* main.c: hull-transfer, the worker for archives. Started by hull:
 *
 *	hull-transfer MODE --target-fd N --archive-fd N --result-fd N ...
 *
 * --limit-bytes N, --limit-entries N: limit.h
 *
 * unpack	unpacks the archive into the (empty) target folder; with --recipe 1, writes what
 *		making the same tar again takes to descriptor 5; with --spool 1, copies a compressed
 *		archive as it is to descriptor 6; --length N: the archive is the next N bytes only
 * index	tells where the files in the archive lie; --spool 1: in the plain copy that it
 *		writes to descriptor 6
 * rebuild	the archive is a recipe, the target its layer: writes the tar to descriptor 6
 * verify	as rebuild, but the tar goes nowhere: only its digest is wanted
 * export	the --layers N folders from descriptor 7 on, topmost first, as the tar of what a
 *		container of them sees, to descriptor 6; the archive is not read
 *
 * It writes messages (result.h) to the result descriptor, and shuts itself into the target folder
 * first (box.c); the namespaces it does that in are made by who starts it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/parse.h"
#include "image/box/box.h"
#include "image/transfer/decompress.h"
#include "image/transfer/index.h"
#include "image/transfer/rebuild.h"
#include "image/transfer/result.h"
#include "image/transfer/stream.h"
#include "image/transfer/tree.h"
#include "image/transfer/unpack.h"

#define LAYERS_MAX 512

struct options {
	int64_t target_fd, archive_fd, result_fd;
	int64_t limit_bytes, limit_entries, length, recipe, spool, layers;
};

struct mode {
	const char *name;
	int read_only; /* of the target */
	int (*run)(const struct options *o, struct transfer_result *out, struct err *e);
};

static int usage(void)
{
	fputs("usage: hull-transfer MODE --target-fd N --archive-fd N --result-fd N "
	      "...\nhull starts it; it is of no use by hand.\n",
		stderr);
	return 2;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		int64_t *value;
		int64_t max;
	} table[] = {
		{"--target-fd", &o->target_fd, INT16_MAX},
		{"--archive-fd", &o->archive_fd, INT16_MAX},
		{"--result-fd", &o->result_fd, INT16_MAX},
		{"--limit-bytes", &o->limit_bytes, INT64_MAX},
		{"--limit-entries", &o->limit_entries, INT64_MAX},
		{"--length", &o->length, INT64_MAX},
		{"--recipe", &o->recipe, 1},
		{"--spool", &o->spool, 1},
		{"--layers", &o->layers, LAYERS_MAX},
	};

	*o = (struct options){-1, -1, -1, .length = -1};
	if (argc % 2)
		return -1;
	for (int i = 2; i < argc; i += 2) {
		size_t k = 0;

		while (k < ARRAY_SIZE(table) && !streq(argv[i], table[k].name))
			k++;
		if (k == ARRAY_SIZE(table) || parse_i64(argv[i + 1], table[k].value) < 0 ||
			*table[k].value < 0 || *table[k].value > table[k].max)
			return -1;
	}
	return o->target_fd < 0 || o->archive_fd < 0 || o->result_fd < 0 ? -1 : 0;
}

/* The three descriptors to where box.h wants them; returns the target's. */
static int arrange(const struct options *o)
{
	int high[3];
	const int given[3] = {(int)o->archive_fd, (int)o->result_fd, (int)o->target_fd};

	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, BOX_LAYERS_FD + (int)o->layers);
		if (high[i] < 0)
			return -1;
	}
	if (dup2(high[0], BOX_ARCHIVE_FD) < 0 || dup2(high[1], BOX_RESULT_FD) < 0)
		return -1;
	if (!o->recipe)
		close(BOX_RECIPE_FD);
	if (!o->spool)
		close(BOX_SPOOL_FD);
	return high[2];
}

static void send_message(uint32_t kind, const void *data, size_t len)
{
	struct transfer_head head = {kind, (uint32_t)len};

	fd_write_all(BOX_RESULT_FD, &head, sizeof(head));
	fd_write_all(BOX_RESULT_FD, data, len);
}

/* Whoever started us died before the signal was asked for: an archive that never ends would keep
 * us, and the folder's lock, for ever. */
static int nobody_listens(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, 0) == 1 && p.revents & POLLERR;
}

/* ---- modes */

static int send_node(void *ctx, const struct transfer_node *n, struct err *e)
{
	send_message(TRANSFER_NODE, n, offsetof(struct transfer_node, path) + strlen(n->path) + 1);
	return 0;
}

static struct limit limit_of(const struct options *o)
{
	return (struct limit){(uint64_t)o->limit_bytes, (uint64_t)o->limit_entries};
}

static int unpack(const struct options *o, struct transfer_result *out, struct err *e)
{
	struct unpack_request req = {
		.rootfd = BOX_ROOT_FD, .limit = limit_of(o), .node = send_node};
	const struct decompress_source source = {
		.fd = BOX_ARCHIVE_FD,
		.copy_fd = o->spool ? BOX_SPOOL_FD : -1,
		.len = o->length < 0 ? UINT64_MAX : (uint64_t)o->length,
		.window_dirfd = BOX_ROOT_FD,
	};

	if (stream_open_source(&source, 1, &req.limit, &req.stream, e) < 0)
		return -1;
	if (o->recipe && recipe_new(BOX_RECIPE_FD, BOX_ROOT_FD, &req.recipe, e) < 0)
		return -1;
	return unpack_run(&req, out, e);
}

static int send_member(void *ctx, const struct transfer_member *m, struct err *e)
{
	send_message(TRANSFER_MEMBER, m,
		offsetof(struct transfer_member, text) + m->path_len + m->link_len);
	return 0;
}

static int index_archive(const struct options *o, struct transfer_result *out, struct err *e)
{
	struct index_request req = {
		.spool_fd = o->spool ? BOX_SPOOL_FD : -1, .member = send_member};
	const struct limit limit = limit_of(o);
	const struct decompress_source source = {
		.fd = BOX_ARCHIVE_FD,
		.copy_fd = -1,
		.len = UINT64_MAX,
		.window_dirfd = BOX_ROOT_FD,
	};
	int r = o->spool ? stream_open_source(&source, 1, &limit, &req.stream, e)
			 : stream_open_sparse(BOX_ARCHIVE_FD, &req.stream, e);

	return r < 0 ? -1 : index_run(&req, e);
}

static int rebuild(const struct options *o, struct transfer_result *out, struct err *e)
{
	return rebuild_run(BOX_ARCHIVE_FD, BOX_ROOT_FD, BOX_SPOOL_FD, out, e);
}

static int verify(const struct options *o, struct transfer_result *out, struct err *e)
{
	return rebuild_verify(BOX_ARCHIVE_FD, BOX_ROOT_FD, out, e);
}

static int export_tree(const struct options *o, struct transfer_result *out, struct err *e)
{
	int layers[LAYERS_MAX];

	for (int i = 0; i < (int)o->layers; i++)
		layers[i] = BOX_LAYERS_FD + i;
	return tree_write(layers, (size_t)o->layers, TREE_MERGED, BOX_SPOOL_FD, out, e);
}

static const struct mode modes[] = {
	{"unpack", 0, unpack},
	{"index", 0, index_archive},
	{"rebuild", 1, rebuild},
	{"verify", 1, verify},
	{"export", 1, export_tree},
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(modes); i++)
		if (streq(name, modes[i].name))
			return &modes[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct mode *mode = find_mode(argv[1]);
	struct transfer_result result = {0};
	struct box box = {0};
	struct options o;
	struct err e = {0};

	if (!mode || parse_options(argc, argv, &o) < 0)
		return usage();
	/* One heap for both threads: a second one would ask for the number of processors. */
	mallopt(M_ARENA_MAX, 1);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (nobody_listens((int)o.result_fd))
		return 2;
	box = (struct box){.target_fd = arrange(&o),
		.n_layers = (int)o.layers,
		.read_only = mode->read_only,
		.who = "the archive unpacker"};
	if (box.target_fd < 0) {
		err_sys(&e, errno, "arrange the archive unpacker's descriptors");
		send_message(TRANSFER_ERROR, &e, sizeof(e));
		return 2;
	}
	if (box_enter(&box, &e) < 0 || mode->run(&o, &result, &e) < 0)
		send_message(TRANSFER_ERROR, &e, sizeof(e));
	else
		send_message(TRANSFER_DONE, &result, sizeof(result));
	/* Not exit: the other thread may wait for an archive that does not come. */
	_exit(0);
}
