/* archives.c: images in and out: thin over the store. */
#include <string.h>

#include "engine/engine.h"
#include "engine/mode.h"
#include "engine/parts.h"
#include "image/store.h"

int engine_image_load(struct engine *en, const struct engine_load *req, struct err *e)
{
	struct store_load load = {
		.archive_fd = req->archive_fd,
		.folder_fd = req->folder_fd,
		.platform = req->platform,
		.loaded = req->loaded,
		.ctx = req->ctx,
	};

	if (engine_parse_max_size(req->max_size, &load.max_bytes, e) < 0 || mode_enter(en, e) < 0)
		return -1;
	if (store_load(en->store, &load, e) == 0)
		return 0;
	/* Which archive: the store knows a descriptor only. */
	return err_wrap(e, "%.200s", req->source);
}

int engine_image_save(struct engine *en, const struct engine_save *req, struct err *e)
{
	const struct store_save save = {
		.names = req->names,
		.tar_fd = req->tar_fd,
		.folder_fd = req->folder_fd,
		.docker = req->docker,
	};

	return mode_enter(en, e) < 0 ? -1 : store_save(en->store, &save, e);
}
