/* load_layout.c: which images of an OCI layout's index.json are loaded, and by which names.
 *
 * How it works: the top index lists manifests, and indexes of manifests for several platforms. Of a
 * nested index the manifest that fits the wanted platform best is taken; of manifests with one name
 * likewise. A manifest that stands for itself is taken whatever its platform, unless one was asked
 * for. What is no image (attestations, signatures) is passed over. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "image/load_parts.h"
#include "image/reference.h"

#define DEPTH_MAX 3
#define PLATFORMS_MAX 200 /* bytes of an error */

struct layout {
	struct load_source *src;
	const struct oci_platform *want;
	struct load_images *out;
};

/* BuildKit's attestations are manifests in the index of the image that they are about. */
static int is_attestation(const struct oci_descriptor *d)
{
	return oci_annotation(d, "vnd.docker.reference.type") ||
	       (d->platform && d->platform->architecture &&
		       streq(d->platform->architecture, "unknown"));
}

/* containerd and Docker give the whole name of its own; others have it, or only a tag, where the
 * specification wants a tag. A single word is taken as an image's name, as podman has it. */
static char *name_of(const struct oci_descriptor *d)
{
	const char *text = oci_annotation(d, OCI_CONTAINERD_NAME);
	struct reference ref;

	if (!text)
		text = oci_annotation(d, OCI_REF_NAME);
	if (!text || reference_is_id(text) || reference_parse(text, &ref, NULL) < 0 || *ref.digest)
		return NULL;
	return xstrdup(ref.full);
}

static struct oci_platform *copy_platform(const struct oci_platform *p)
{
	struct oci_platform *copy;

	if (!p)
		return NULL;
	copy = xcalloc(1, sizeof(*copy));
	*copy = (struct oci_platform){
		xstrdup(p->architecture), xstrdup(p->os), xstrdup(p->variant)};
	return copy;
}

static int add_manifest(
	struct layout *l, const struct oci_descriptor *d, const char *ref, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(OCI_MANIFEST_MAX);
	struct oci_manifest *m;
	struct load_image *image;

	if (load_read_blob(l->src, d, &b, e) < 0)
		return -1;
	image = load_images_add(l->out);
	m = image->manifest = xcalloc(1, sizeof(*m));
	if (oci_manifest_parse(b.data, b.len, d->media_type, m, e) < 0)
		return -1;
	image->manifest_text = xstrdup(b.data);
	image->manifest_digest = xstrdup(d->digest);
	image->config_path = load_blob_path(m->config.digest);
	image->config_digest = xstrdup(m->config.digest);
	image->platform = copy_platform(d->platform);
	for (size_t i = 0; i < m->n_layers; i++)
		strv_take(&image->layers, load_blob_path(m->layers[i].digest));
	if (ref)
		strv_add(&image->refs, ref);
	return 0;
}

/* Two descriptors of one manifest are one image with two names. */
static int add(struct layout *l, const struct oci_descriptor *d, const char *ref, struct err *e)
{
	for (size_t i = 0; i < l->out->n; i++) {
		struct load_image *image = &l->out->v[i];

		if (!image->manifest_digest || !streq(image->manifest_digest, d->digest))
			continue;
		if (ref && !strv_has(image->refs, ref))
			strv_add(&image->refs, ref);
		return 0;
	}
	return add_manifest(l, d, ref, e);
}

static int no_platform(const struct layout *l, const struct oci_index *index, struct err *e)
{
	auto_free char *want = oci_platform_text(l->want);
	auto_buf struct buf have = BUF_MAX(PLATFORMS_MAX);

	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct oci_descriptor *d = &index->manifests[i];
		auto_free char *text = d->platform ? oci_platform_text(d->platform) : NULL;

		if (text && !is_attestation(d))
			buf_printf(&have, "%s%s", have.len ? ", " : "", text);
	}
	return err_set(e, ERR_NOT_FOUND,
		"the archive has no image for %s; it has %s: choose one with --platform", want,
		have.len ? have.data : "none with a platform");
}

static int take_index(struct layout *l, const struct oci_descriptor *d, const char *ref, int depth,
	struct err *e);

static int take(
	struct layout *l, const struct oci_descriptor *d, const char *ref, int depth, struct err *e)
{
	if (oci_media(d->media_type) == OCI_IS_INDEX)
		return take_index(l, d, ref, depth + 1, e);
	return add(l, d, ref, e);
}

static int is_image(const struct oci_descriptor *d)
{
	enum oci_media media = oci_media(d->media_type);

	return (media == OCI_IS_MANIFEST || media == OCI_IS_INDEX || media == OCI_IS_SCHEMA1) &&
	       !is_attestation(d);
}

static int take_index(
	struct layout *l, const struct oci_descriptor *d, const char *ref, int depth, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(OCI_MANIFEST_MAX);
	struct oci_index index = {0};
	const struct oci_descriptor *best = NULL;
	int fit = 0, r;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_INVALID,
			"the archive has indexes within indexes, deeper than %d", DEPTH_MAX);
	r = load_read_blob(l->src, d, &b, e);
	if (r == 0)
		r = oci_index_parse(b.data, b.len, d->media_type, &index, e);
	for (size_t i = 0; r == 0 && i < index.n_manifests; i++) {
		int f = is_image(&index.manifests[i])
				? oci_platform_fit(l->want, index.manifests[i].platform)
				: 0;
		if (f > fit) {
			fit = f;
			best = &index.manifests[i];
		}
	}
	if (r == 0)
		r = best ? take(l, best, ref, depth, e) : no_platform(l, &index, e);
	oci_index_done(&index);
	return r;
}

/* Some other one of the top index with the same name, or none when this has none, fits better. */
static int is_outdone(
	const struct layout *l, const struct oci_index *index, char *const *names, size_t i)
{
	const struct oci_descriptor *d = &index->manifests[i];
	int fit = oci_platform_fit(l->want, d->platform);

	if (oci_media(d->media_type) == OCI_IS_INDEX || !d->platform)
		return 0;
	for (size_t k = 0; k < index->n_manifests; k++) {
		const struct oci_descriptor *o = &index->manifests[k];
		int other;

		if (k == i || !is_image(o) || !o->platform || streq(o->digest, d->digest))
			continue;
		other = oci_platform_fit(l->want, o->platform);
		if (names[i] && names[k] && streq(names[i], names[k]) &&
			(other > fit || (other == fit && k > i)))
			return 1;
		if (!names[i] && !names[k] && !fit && other)
			return 1;
	}
	return 0;
}

static int take_top(struct layout *l, const struct oci_index *index, struct err *e)
{
	char **names = xcalloc(index->n_manifests + 1, sizeof(*names));
	int r = 0;

	for (size_t i = 0; i < index->n_manifests; i++)
		names[i] = name_of(&index->manifests[i]);
	for (size_t i = 0; r == 0 && i < index->n_manifests; i++)
		if (is_image(&index->manifests[i]) && !is_outdone(l, index, names, i))
			r = take(l, &index->manifests[i], names[i], 0, e);
	for (size_t i = 0; i < index->n_manifests; i++)
		free(names[i]);
	free(names);
	return r;
}

int load_layout(struct load_source *src, const char *text, size_t len,
	const struct oci_platform *want, struct load_images *out, struct err *e)
{
	struct layout l = {.src = src, .want = want, .out = out};
	struct oci_index index = {0};
	int r = oci_index_parse(text, len, NULL, &index, e);

	if (r == 0)
		r = take_top(&l, &index, e);
	oci_index_done(&index);
	return r;
}
