/* index.c: what lies where in an archive of images (docker-archive, oci-archive).
 *
 * How it works: the layers in such an archive are unpacked straight from it, so all that is wanted
 * is where each file begins. A plain archive in a file is skipped through; anything else (a pipe,
 * a compressed archive) is written to the spool, uncompressed, while it is looked through, and what
 * is said is about the spool. Links are told too: docker save has made some (a layer that two
 * images share). */
#define _GNU_SOURCE
#include "image/transfer/index.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/transfer/place.h"
#include "image/transfer/tar.h"

struct spool {
	int fd, err;
};

static void spool_bytes(void *ctx, const void *data, size_t len)
{
	struct spool *s = ctx;
	int r = s->err ? s->err : fd_write_all(s->fd, data, len);

	if (r < 0)
		s->err = r;
}

static int tell(
	const struct index_request *req, const struct tar_entry *n, uint64_t offset, struct err *e)
{
	struct transfer_member m = {.offset = offset};
	char path[PATH_MAX];

	if (place_clean(n->path, path, e) < 0)
		return -1;
	m.kind = n->type == TAR_FILE	  ? TRANSFER_FILE
		 : n->type == TAR_SYMLINK ? TRANSFER_SYMLINK
					  : TRANSFER_HARD_LINK;
	m.size = n->type == TAR_FILE ? n->size : 0;
	m.path_len = (uint32_t)strlen(path) + 1;
	m.link_len = n->type != TAR_FILE ? (uint32_t)strlen(n->link) + 1 : 1;
	memcpy(m.text, path, m.path_len);
	memcpy(m.text + m.path_len, n->type != TAR_FILE ? n->link : "", m.link_len);
	return req->member(req->ctx, &m, e);
}

static int walk(
	const struct index_request *req, struct tar *t, const struct spool *spool, struct err *e)
{
	const struct tar_entry *n;
	size_t told = 0;
	int r;

	while ((r = tar_next(t, &n, e)) == 1) {
		if (spool->err)
			break;
		if (n->type != TAR_FILE && n->type != TAR_SYMLINK && n->type != TAR_HARD_LINK)
			continue;
		if (n->sparse)
			return err_set(e, ERR_UNSUPPORTED,
				"%.300s in the archive is a sparse file: pack it without -S",
				n->path);
		if (++told > TRANSFER_MEMBERS_MAX)
			return err_set(e, ERR_UNSUPPORTED,
				"the archive has more than %d files: this is no archive of images; "
				"a root file system is taken by hull import",
				TRANSFER_MEMBERS_MAX);
		if (tell(req, n, stream_offset(req->stream), e) < 0)
			return -1;
	}
	if (spool->err)
		return err_sys(e, spool->err, "write the archive to the disk");
	return r < 0 ? -1 : 0;
}

int index_run(const struct index_request *req, struct err *e)
{
	struct spool spool = {.fd = req->spool_fd};
	struct tar *t = tar_new(req->stream);
	int r;

	if (req->spool_fd >= 0)
		stream_set_tap(req->stream, &(struct stream_tap){spool_bytes, &spool});
	r = walk(req, t, &spool, e);
	tar_free(t);
	return r;
}
