/* load_choose.c: what is in an archive of images.
 *
 * How it works: there may be an OCI layout (index.json), the list of docker save (manifest.json),
 * or both, as Docker writes since 25: then the images are the layout's, with their manifests, and
 * the list adds its names, and those images that only it has. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "image/load_parts.h"
#include "image/reference.h"

struct load_image *load_images_add(struct load_images *images)
{
	images->v = xreallocarray(images->v, images->n + 1, sizeof(*images->v));
	images->v[images->n] = (struct load_image){0};
	return &images->v[images->n++];
}

static void image_done(struct load_image *i)
{
	free(i->config_path);
	free(i->config_digest);
	strv_free(i->layers);
	strv_free(i->refs);
	free(i->manifest_text);
	free(i->manifest_digest);
	if (i->manifest)
		oci_manifest_done(i->manifest);
	free(i->manifest);
	if (i->platform)
		oci_platform_done(i->platform);
	free(i->platform);
}

void load_images_done(struct load_images *images)
{
	for (size_t i = 0; i < images->n; i++)
		image_done(&images->v[i]);
	free(images->v);
	*images = (struct load_images){0};
}

/* "blobs/sha256/<hex>", "<hex>.json": a name that promises a digest. */
static char *promised(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *digest = xasprintf("sha256:%.*s", (int)strcspn(name, "."), name);

	return hash_is_digest(digest) ? take_ptr(digest) : NULL;
}

static int add_tags(struct load_image *image, char *const *tags, struct err *e)
{
	strv_foreach (t, tags) {
		struct reference ref;

		if (reference_parse(*t, &ref, e) < 0)
			return err_wrap(e, "the archive names an image \"%.200s\"", *t);
		if (!*ref.digest && !strv_has(image->refs, ref.full))
			strv_add(&image->refs, ref.full);
	}
	return 0;
}

static struct load_image *find_config(struct load_images *images, const char *path)
{
	for (size_t i = 0; i < images->n; i++)
		if (streq(images->v[i].config_path, path))
			return &images->v[i];
	return NULL;
}

static int take_docker(struct load_images *images, const struct oci_docker_image *d, struct err *e)
{
	struct load_image *image = find_config(images, d->config);

	if (!image) {
		image = load_images_add(images);
		image->config_path = xstrdup(d->config);
		image->config_digest = promised(d->config);
		image->layers = strv_dup(d->layers);
	}
	return add_tags(image, d->repo_tags, e);
}

static int take_list(struct load_images *images, const char *text, size_t len, struct err *e)
{
	struct oci_docker_archive list = {0};
	int r = oci_docker_archive_parse(text, len, &list, e);

	for (size_t i = 0; r == 0 && i < list.n_images; i++)
		r = take_docker(images, &list.images[i], e);
	oci_docker_archive_done(&list);
	return r;
}

static int nothing(struct load_source *src, int n_documents, struct err *e)
{
	auto_load_file struct load_file f = {.fd = -1};

	if (n_documents)
		return err_set(e, ERR_INVALID, "the archive holds no image");
	if (load_find(src, "repositories", &f, NULL) == 1)
		return err_set(e, ERR_UNSUPPORTED,
			"the archive was made by a Docker before 1.10: save the image anew with a "
			"current one");
	return err_set(e, ERR_INVALID,
		"there is neither an index.json (OCI) nor a manifest.json (docker save): this is "
		"no %s; a root file system is taken by hull import",
		src->folder_fd >= 0 ? "image layout" : "archive of images");
}

int load_choose(struct load_source *src, const struct oci_platform *want, struct load_images *out,
	struct err *e)
{
	auto_buf struct buf index = BUF_MAX(OCI_MANIFEST_MAX), list = BUF_MAX(OCI_MANIFEST_MAX);
	int layout = load_read(src, "index.json", &index, e), docker;

	if (layout < 0 || (layout && load_layout(src, index.data ? index.data : "", index.len, want,
					     out, e) < 0))
		return -1;
	docker = load_read(src, "manifest.json", &list, e);
	if (docker < 0 || (docker && take_list(out, list.data ? list.data : "", list.len, e) < 0))
		return -1;
	return out->n ? 0 : nothing(src, layout + docker, e);
}
