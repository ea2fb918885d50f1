/* fuzz_manifest.c: manifests, indexes, the list of docker save. What is taken has digests that are
 * some, and can be read one way only. */
#include "fuzz.h"
#include "oci/manifest.h"

static void check_descriptor(const struct oci_descriptor *d)
{
	require(strlen(d->digest) == 71 && strncmp(d->digest, "sha256:", 7) == 0);
	require(strspn(d->digest + 7, "0123456789abcdef") == 64 && d->size >= 0);
}

static void read_manifest(const char *text, const char *said)
{
	struct oci_manifest m, again;
	struct err e;

	if (oci_manifest_parse(text, strlen(text), said, &m, &e) == 0) {
		auto_free char *once = oci_manifest_text(&m);

		check_descriptor(&m.config);
		require(oci_media(m.config.media_type) == OCI_IS_CONFIG);
		for (size_t i = 0; i < m.n_layers; i++)
			check_descriptor(&m.layers[i]);
		require(m.n_layers <= OCI_LAYERS_MAX);
		require(oci_manifest_parse(once, strlen(once), NULL, &again, &e) == 0);
		auto_free char *twice = oci_manifest_text(&again);
		require(streq(once, twice));
		oci_manifest_done(&again);
	}
	oci_manifest_done(&m);
}

static int read_index(const char *text, const char *said)
{
	struct oci_index i;
	struct err e;
	int r = oci_index_parse(text, strlen(text), said, &i, &e);

	for (size_t k = 0; r == 0 && k < i.n_manifests; k++) {
		check_descriptor(&i.manifests[k]);
		oci_annotation(&i.manifests[k], OCI_REF_NAME);
	}
	oci_index_done(&i);
	return r;
}

static void read_list(const char *text)
{
	struct oci_docker_archive a, again;
	struct err e;

	if (oci_docker_archive_parse(text, strlen(text), &a, &e) == 0) {
		auto_free char *once = oci_docker_archive_text(&a);

		require(oci_docker_archive_parse(once, strlen(once), &again, &e) == 0);
		oci_docker_archive_done(&again);
	}
	oci_docker_archive_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *texts[3] = {NULL};
	struct oci_manifest m;
	struct oci_platform p;
	struct err e;

	/* A document, what was said of it, a platform. */
	fuzz_texts(data, size, texts, ARRAY_SIZE(texts));
	if (texts[0]) {
		read_manifest(texts[0], texts[1]);
		/* CVE-2021-41190 */
		if (read_index(texts[0], texts[1]) == 0) {
			require(oci_manifest_parse(texts[0], strlen(texts[0]), texts[1], &m, &e) <
				0);
			oci_manifest_done(&m);
		}
		read_list(texts[0]);
	}
	if (texts[2] && oci_platform_parse(texts[2], &p, &e) == 0)
		require(oci_platform_fit(&p, &p) > 0);
	if (texts[2])
		oci_platform_done(&p);
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		free(texts[k]);
	return 0;
}
