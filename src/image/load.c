/* load.c: images out of an archive or an OCI layout.
 *
 * How it works: hull-transfer tells where each file lies (load_source.c). The documents among them
 * are read and checked here; they are small, and of a strict form (oci/manifest.h). They say which
 * images there are (load_choose.c), and each goes into the store on its own (load_image.c). */
#define _GNU_SOURCE
#include "image/load_parts.h"

#include <unistd.h>

#include "base/fd.h"

static int open_source(struct load *l, struct err *e)
{
	if (l->req->folder_fd >= 0) {
		l->source = (struct load_source){.folder_fd = l->req->folder_fd, .archive_fd = -1};
		return 0;
	}
	return load_source_archive(
		l->s, l->req->archive_fd, l->req->max_bytes, &l->stage, &l->source, e);
}

static int load_all(struct load *l, struct err *e)
{
	struct load_images images = {0};
	int r = open_source(l, e);

	if (r == 0)
		r = load_choose(&l->source, &l->want, &images, e);
	for (size_t i = 0; r == 0 && i < images.n; i++)
		r = load_image(l, &images.v[i], e);
	load_images_done(&images);
	if (l->source.archive_fd >= 0 && l->source.archive_fd != l->req->archive_fd)
		close(l->source.archive_fd);
	load_source_done(&l->source);
	return r;
}

int store_load(struct store *s, const struct store_load *req, struct err *e)
{
	struct load l = {
		.s = s, .req = req, .source = {.folder_fd = -1, .archive_fd = -1}, .stage.fd = -1};
	int r = oci_platform_parse(req->platform, &l.want, e);

	if (r == 0)
		r = store_tmp_make(s, &l.stage, e);
	if (r == 0)
		r = load_all(&l, e);
	store_tmp_done(s, &l.stage);
	oci_platform_done(&l.want);
	if (r == 0)
		db_checkpoint(s->db, NULL);
	return r;
}
