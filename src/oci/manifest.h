/* manifest.h: the OCI documents around an image (image-spec 1.1: descriptor.md, manifest.md,
 * image-index.md), Docker's twins of them (manifest v2 schema 2, manifest list), and the
 * manifest.json of docker save. All of it is hostile input: digests are checked before anybody
 * makes a name of them. Speaking. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "oci/platform.h"

/* Documents larger than that are nobody's; the limits of registries and their clients. */
#define OCI_MANIFEST_MAX ((size_t)4 << 20)
#define OCI_CONFIG_MAX ((size_t)8 << 20)
/* Overlay takes 500 lower folders; the deepest images known have some 130. */
#define OCI_LAYERS_MAX 500

#define OCI_MEDIA_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER "application/vnd.oci.image.layer.v1.tar"

#define OCI_REF_NAME "org.opencontainers.image.ref.name"
#define OCI_CONTAINERD_NAME "io.containerd.image.name"

enum oci_media {
	OCI_IS_OTHER, /* an artifact, a signature, ... */
	OCI_IS_INDEX,
	OCI_IS_MANIFEST,
	OCI_IS_CONFIG,
	OCI_IS_LAYER,	/* however compressed: look at its bytes */
	OCI_IS_SCHEMA1, /* Docker's first manifest, which nobody takes any more */
};
/* Of a media type, parameters ("; charset=...") and case ignored. NULL: OTHER. */
enum oci_media oci_media(const char *type);

struct oci_descriptor {
	char *media_type, *digest, *artifact_type;
	int64_t size;
	json_t *annotations;	       /* object of text or NULL */
	struct oci_platform *platform; /* NULL: not said */
};

struct oci_manifest {
	char *media_type; /* may be missing in OCI's */
	struct oci_descriptor config, *layers;
	size_t n_layers;
};

struct oci_index {
	char *media_type;
	struct oci_descriptor *manifests;
	size_t n_manifests;
};

/* media_type: what the descriptor (or the registry) said that this is; NULL: nothing. Refused are
 * documents that say something else of themselves, ones that could be read both as manifest and as
 * index (CVE-2021-41190), schema 1, and manifests of something that is no image. What a
 * parser fills is to be released also after an error. */
int oci_manifest_parse(const char *text, size_t len, const char *media_type,
	struct oci_manifest *out, struct err *e);
void oci_manifest_done(struct oci_manifest *m);
int oci_index_parse(
	const char *text, size_t len, const char *media_type, struct oci_index *out, struct err *e);
void oci_index_done(struct oci_index *i);
/* Compact, members in the order that Docker and skopeo have; caller frees. */
char *oci_manifest_text(const struct oci_manifest *m);
char *oci_index_text(const struct oci_index *i);
const char *oci_annotation(const struct oci_descriptor *d, const char *name); /* or NULL */

/* manifest.json in what docker save makes: names of files in the archive. */
struct oci_docker_image {
	char *config, **repo_tags, **layers;
};
struct oci_docker_archive {
	struct oci_docker_image *images;
	size_t n_images;
};
int oci_docker_archive_parse(
	const char *text, size_t len, struct oci_docker_archive *out, struct err *e);
char *oci_docker_archive_text(const struct oci_docker_archive *a);
void oci_docker_archive_done(struct oci_docker_archive *a);
