/* manifest.c: manifests, indexes and the list of docker save as tables. */
#include "oci/manifest.h"

#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "oci/shape.h"

#define LIST_MAX 4096

static const struct {
	const char *type;
	enum oci_media media;
} media_types[] = {
	{OCI_MEDIA_INDEX, OCI_IS_INDEX},
	{"application/vnd.docker.distribution.manifest.list.v2+json", OCI_IS_INDEX},
	{OCI_MEDIA_MANIFEST, OCI_IS_MANIFEST},
	{"application/vnd.docker.distribution.manifest.v2+json", OCI_IS_MANIFEST},
	{"application/vnd.docker.distribution.manifest.v1+json", OCI_IS_SCHEMA1},
	{"application/vnd.docker.distribution.manifest.v1+prettyjws", OCI_IS_SCHEMA1},
	{OCI_MEDIA_CONFIG, OCI_IS_CONFIG},
	{"application/vnd.docker.container.image.v1+json", OCI_IS_CONFIG},
	{OCI_MEDIA_LAYER, OCI_IS_LAYER},
	{OCI_MEDIA_LAYER "+gzip", OCI_IS_LAYER},
	{OCI_MEDIA_LAYER "+zstd", OCI_IS_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar", OCI_IS_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", OCI_IS_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", OCI_IS_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar", OCI_IS_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_IS_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar.zstd", OCI_IS_LAYER},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar", OCI_IS_LAYER},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", OCI_IS_LAYER},
};

enum oci_media oci_media(const char *type)
{
	size_t len = type ? strcspn(type, "; ") : 0;

	for (size_t i = 0; len && i < ARRAY_SIZE(media_types); i++)
		if (strncasecmp(type, media_types[i].type, len) == 0 && !media_types[i].type[len])
			return media_types[i].media;
	return OCI_IS_OTHER;
}

static int check_descriptor(void *base, const struct shape_at *at, struct err *e)
{
	const struct oci_descriptor *d = base;

	/* CVE-2024-3727: before anything is looked up by it. */
	if (!hash_is_digest(d->digest))
		return shape_err(e, at,
			"has the digest \"%.100s\"; only \"sha256:\" and 64 lower-case "
			"hexadecimal digits are taken",
			d->digest);
	return 0;
}

#define F(member) offsetof(struct oci_platform, member)
static const struct shape_member platform_members[] = {
	MEMBER("architecture", STR, 0, architecture),
	MEMBER("os", STR, 0, os),
	MEMBER("variant", STR, 0, variant),
};
static const struct shape platform_shape = SHAPE(platform_members, struct oci_platform, NULL);

#undef F
#define F(member) offsetof(struct oci_descriptor, member)
static const struct shape_member descriptor_members[] = {
	MEMBER("mediaType", STR, SHAPE_REQ, media_type),
	MEMBER("digest", STR, SHAPE_REQ, digest),
	MEMBER("size", I64, SHAPE_REQ | SHAPE_ALWAYS, size, .max = INT64_MAX),
	MEMBER("annotations", STRMAP, 0, annotations),
	MEMBER("platform", PTR, 0, platform, .sub = &platform_shape),
	MEMBER("artifactType", STR, 0, artifact_type),
};
static const struct shape descriptor_shape = SHAPE(
	descriptor_members, struct oci_descriptor, check_descriptor);

#undef F
#define F(member) offsetof(struct oci_manifest, member)
static const struct shape_member manifest_members[] = {
	MEMBER("mediaType", STR, 0, media_type),
	MEMBER("config", OBJ, SHAPE_REQ, config, .sub = &descriptor_shape),
	MEMBER("layers", LIST, SHAPE_REQ | SHAPE_ALWAYS, layers, .aux = F(n_layers),
		.sub = &descriptor_shape),
};
static const struct shape manifest_shape = SHAPE(manifest_members, struct oci_manifest, NULL);

#undef F
#define F(member) offsetof(struct oci_index, member)
static const struct shape_member index_members[] = {
	MEMBER("mediaType", STR, 0, media_type),
	MEMBER("manifests", LIST, SHAPE_REQ | SHAPE_ALWAYS, manifests, .aux = F(n_manifests),
		.sub = &descriptor_shape),
};
static const struct shape index_shape = SHAPE(index_members, struct oci_index, NULL);

#undef F
#define F(member) offsetof(struct oci_docker_image, member)
static const struct shape_member docker_members[] = {
	MEMBER("Config", STR, SHAPE_REQ, config),
	MEMBER("RepoTags", STRV, 0, repo_tags),
	MEMBER("Layers", STRV, SHAPE_ALWAYS, layers),
};
static const struct shape docker_shape = SHAPE(docker_members, struct oci_docker_image, NULL);

#undef F
#define F(member) offsetof(struct oci_docker_archive, member)
static const struct shape_member archive_members[] = {
	MEMBER("manifest", LIST, SHAPE_REQ | SHAPE_ALWAYS, images, .aux = F(n_images),
		.sub = &docker_shape),
};
static const struct shape archive_shape = SHAPE(archive_members, struct oci_docker_archive, NULL);

/* ---- what a document is */

static int schema1(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED,
		"the image has a manifest of Docker's schema 1, which nobody makes any more: build "
		"or push it again with a current tool");
}

/* Go's decoder, which most others use, does not mind the case of names. */
static int has_member(json_t *json, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach (json, key, value)
		if (strcasecmp(key, name) == 0)
			return 1;
	return 0;
}

/* The document itself, its mediaType, and what others said of it have to agree. */
static int check_kind(
	json_t *json, const char *said, enum oci_media want, const char *what, struct err *e)
{
	const char *own = jsonx_str(json, "mediaType", NULL);
	json_int_t version = jsonx_int(json, "schemaVersion", 0);

	if (oci_media(said) == OCI_IS_SCHEMA1 || oci_media(own) == OCI_IS_SCHEMA1 || version == 1)
		return schema1(e);
	if (!json_is_object(json) || version != 2)
		return err_set(e, ERR_INVALID, "%s has no schemaVersion 2", what);
	if (has_member(json, "manifests") &&
		(has_member(json, "layers") || has_member(json, "config")))
		return err_set(e, ERR_INVALID,
			"%s has both \"manifests\" and \"layers\" or \"config\": it could be read "
			"as two different things, and is refused",
			what);
	if (own && oci_media(own) != want)
		return err_set(e, ERR_INVALID, "%s says of itself that it is %.100s", what, own);
	if (own && said && oci_media(said) != oci_media(own))
		return err_set(e, ERR_INVALID,
			"%s is announced as %.100s, but says that it is "
			"%.100s",
			what, said, own);
	return 0;
}

static int read_document(const char *text, size_t len, const char *media_type, enum oci_media want,
	const char *what, const struct shape *shape, void *out, struct err *e)
{
	auto_json json_t *json = jsonx_parse(text, len, what, e);

	if (!json || check_kind(json, media_type, want, what, e) < 0)
		return -1;
	if (shape_read(shape, json, out, LIST_MAX, e) < 0)
		return err_wrap(e, "%s", what);
	return 0;
}

static int check_image(const struct oci_manifest *m, struct err *e)
{
	if (oci_media(m->config.media_type) != OCI_IS_CONFIG)
		return err_set(e, ERR_UNSUPPORTED,
			"the manifest is of no image, but of an artifact of type %.100s",
			m->config.media_type);
	if (m->n_layers > OCI_LAYERS_MAX)
		return err_set(e, ERR_UNSUPPORTED,
			"the image has %zu layers; overlay takes at most %d", m->n_layers,
			OCI_LAYERS_MAX);
	for (size_t i = 0; i < m->n_layers; i++)
		if (oci_media(m->layers[i].media_type) != OCI_IS_LAYER)
			return err_set(e, ERR_UNSUPPORTED,
				"layer %zu of the image is a %.100s, which is no layer that can be "
				"unpacked",
				i, m->layers[i].media_type);
	return 0;
}

int oci_manifest_parse(const char *text, size_t len, const char *media_type,
	struct oci_manifest *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	if (read_document(text, len, media_type, OCI_IS_MANIFEST, "the manifest", &manifest_shape,
		    out, e) < 0)
		return -1;
	return check_image(out, e);
}

void oci_manifest_done(struct oci_manifest *m)
{
	shape_done(&manifest_shape, m);
	memset(m, 0, sizeof(*m));
}

int oci_index_parse(
	const char *text, size_t len, const char *media_type, struct oci_index *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	return read_document(
		text, len, media_type, OCI_IS_INDEX, "the index", &index_shape, out, e);
}

void oci_index_done(struct oci_index *i)
{
	shape_done(&index_shape, i);
	memset(i, 0, sizeof(*i));
}

/* ---- writing */

static char *with_version(const struct shape *shape, const void *base)
{
	auto_free char *text = shape_text(shape, base);

	return xasprintf("{\"schemaVersion\":2,%s", text + 1);
}

char *oci_manifest_text(const struct oci_manifest *m)
{
	return with_version(&manifest_shape, m);
}

char *oci_index_text(const struct oci_index *i)
{
	return with_version(&index_shape, i);
}

const char *oci_annotation(const struct oci_descriptor *d, const char *name)
{
	const char *text = d->annotations ? jsonx_str(d->annotations, name, NULL) : NULL;

	return text && *text ? text : NULL;
}

/* ---- docker save */

int oci_docker_archive_parse(
	const char *text, size_t len, struct oci_docker_archive *out, struct err *e)
{
	auto_json json_t *list = jsonx_parse(text, len, "manifest.json", e), *json = NULL;

	memset(out, 0, sizeof(*out));
	if (!list)
		return -1;
	json = json_pack("{s:O}", "manifest", list);
	if (shape_read(&archive_shape, json, out, LIST_MAX, e) < 0)
		return -1;
	for (size_t i = 0; i < out->n_images; i++)
		if (strv_len(out->images[i].layers) > OCI_LAYERS_MAX)
			return err_set(e, ERR_UNSUPPORTED,
				"the image has %zu layers; overlay takes at most %d",
				strv_len(out->images[i].layers), OCI_LAYERS_MAX);
	return 0;
}

char *oci_docker_archive_text(const struct oci_docker_archive *a)
{
	auto_free char *text = shape_text(&archive_shape, a);
	size_t head = strlen("{\"manifest\":"), len = strlen(text);

	return xstrndup(text + head, len - head - 1);
}

void oci_docker_archive_done(struct oci_docker_archive *a)
{
	shape_done(&archive_shape, a);
	memset(a, 0, sizeof(*a));
}
