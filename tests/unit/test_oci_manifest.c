/* test_oci_manifest.c: manifests, indexes, platforms: what is taken, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "oci/manifest.h"

#define D "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define DESCRIPTOR(type, more) \
	"{\"mediaType\":\"" type "\",\"digest\":\"" D "\",\"size\":7" more "}"
#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define CONFIG_OF DESCRIPTOR(OCI "config.v1+json", "")
#define LAYER_OF DESCRIPTOR(OCI "layer.v1.tar+gzip", "")

static const char good[] = "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\","
			   "\"config\":" CONFIG_OF ",\"layers\":[" LAYER_OF "," LAYER_OF "],"
			   "\"annotations\":{\"a\":\"b\"},\"unknown\":[1]}";

static void is_manifest(const char *text, const char *said)
{
	struct oci_manifest m;
	struct err e = {0};

	if (oci_manifest_parse(text, strlen(text), said, &m, &e) < 0)
		fail_msg("%s", e.text);
	oci_manifest_done(&m);
}

static void is_refused(const char *text, const char *said, const char *word)
{
	struct oci_manifest m;
	struct err e = {0};

	assert_int_equal(oci_manifest_parse(text, strlen(text), said, &m, &e), -1);
	oci_manifest_done(&m);
	if (!strstr(e.text, word))
		fail_msg("\"%s\", not \"%s\"", e.text, word);
}

static void test_manifest(void **state)
{
	struct oci_manifest m;
	struct err e = {0};

	assert_int_equal(oci_manifest_parse(good, strlen(good), NULL, &m, &e), 0);
	assert_int_equal(m.n_layers, 2);
	assert_string_equal(m.config.digest, D);
	assert_int_equal(m.layers[1].size, 7);
	oci_manifest_done(&m);
	is_manifest(good, OCI "manifest.v1+json");
	is_manifest(good, OCI "manifest.v1+json; charset=utf-8");
	/* OCI's may leave it out, Docker's have types of their own. */
	is_manifest("{\"schemaVersion\":2,\"config\":" CONFIG_OF ",\"layers\":[]}", NULL);
	is_manifest("{\"schemaVersion\":2,\"mediaType\":\"" DOCKER
		    "distribution.manifest.v2+json\",\"config\":" DESCRIPTOR(
			    DOCKER "container.image.v1+json", "") ",\"layers\":[" DESCRIPTOR(DOCKER
			    "image.rootfs.diff.tar.gzip",
			    "") "," DESCRIPTOR(DOCKER "image.rootfs.foreign.diff.tar.gzip",
			    ",\"urls\":[\"http://x/\"]") "]}",
		DOCKER "distribution.manifest.v2+json");
}

static void test_refused(void **state)
{
#define WITH(members) "{\"schemaVersion\":2," members "}"
#define PARTS "\"config\":" CONFIG_OF ",\"layers\":[" LAYER_OF "]"
	is_refused("{}", NULL, "schemaVersion");
	is_refused("[]", NULL, "schemaVersion");
	is_refused("nonsense", NULL, "the manifest");
	is_refused("{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, "schema 1");
	is_refused(WITH(PARTS), DOCKER "distribution.manifest.v1+prettyjws", "schema 1");
	/* CVE-2021-41190, also for readers that do not mind the case. */
	is_refused(WITH(PARTS ",\"manifests\":[]"), NULL, "both");
	is_refused(WITH(PARTS ",\"MANIFESTS\":[]"), NULL, "both");
	is_refused(WITH("\"mediaType\":\"" OCI "index.v1+json\"," PARTS), NULL, "says of itself");
	is_refused(good, OCI "index.v1+json", "announced");
	is_refused(WITH("\"layers\":[]"), NULL, "config is missing");
	is_refused(WITH("\"config\":" CONFIG_OF), NULL, "layers is missing");
	is_refused(WITH("\"config\":" DESCRIPTOR(
			   "application/vnd.oci.empty.v1+json", "") ",\"layers\":[]"),
		NULL, "no image");
	is_refused(WITH("\"config\":" CONFIG_OF ",\"layers\":[" DESCRIPTOR(
			   "application/vnd.oci.image.layer.v1.tar+encrypted", "") "]"),
		NULL, "layer 0");
	/* CVE-2024-3727 */
	is_refused(WITH("\"config\":{\"mediaType\":\"" OCI
			"config.v1+json\",\"size\":1,\"digest\":\"sha256:../../x\"},\"layers\":[]"),
		NULL, "config has the digest");
	is_refused(WITH("\"config\":{\"mediaType\":\"" OCI
			"config.v1+json\",\"size\":-1,\"digest\":\"" D "\"},\"layers\":[]"),
		NULL, "config.size");
	is_refused(WITH("\"config\":7,\"layers\":[]"), NULL, "config must be an object");
	is_refused(WITH("\"config\":" CONFIG_OF ",\"layers\":{}"), NULL, "must be a list");
	is_refused(WITH("\"config\":" CONFIG_OF ",\"config\":" CONFIG_OF ",\"layers\":[]"), NULL,
		"duplicate");
}

static void test_index(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI
		"index.v1+json\",\"manifests\":[" DESCRIPTOR(OCI "manifest.v1+json",
			",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":"
			"\"v8\"},\"annotations\":{\"" OCI_REF_NAME "\":\"x\"}") "]}";
	struct oci_index i;
	struct err e = {0};

	assert_int_equal(oci_index_parse(text, strlen(text), OCI "index.v1+json", &i, &e), 0);
	assert_string_equal(i.manifests[0].platform->variant, "v8");
	assert_string_equal(oci_annotation(&i.manifests[0], OCI_REF_NAME), "x");
	assert_null(oci_annotation(&i.manifests[0], "y"));
	oci_index_done(&i);
	assert_int_equal(oci_index_parse(good, strlen(good), NULL, &i, &e), -1);
	oci_index_done(&i);
}

/* What is written is read again, and always the same bytes. */
static void test_written(void **state)
{
	struct oci_descriptor layers[] = {
		{.media_type = (char *)OCI_MEDIA_LAYER, .digest = (char *)D, .size = 5}};
	struct oci_manifest m = {.media_type = (char *)OCI_MEDIA_MANIFEST,
		.config = {.media_type = (char *)OCI_MEDIA_CONFIG, .digest = (char *)D, .size = 0},
		.layers = layers,
		.n_layers = 1};
	auto_free char *text = oci_manifest_text(&m);

	assert_string_equal(text, "{\"schemaVersion\":2,\"mediaType\":\"" OCI
				  "manifest.v1+json\",\"config\":{\"mediaType\":\"" OCI
				  "config.v1+json\",\"digest\":\"" D
				  "\",\"size\":0},\"layers\":[{\"mediaType\":\"" OCI
				  "layer.v1.tar\",\"digest\":\"" D "\",\"size\":5}]}");
	is_manifest(text, OCI_MEDIA_MANIFEST);
}

static void test_docker_archive(void **state)
{
	static const char text[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\"],\"Layers\":["
				   "\"l/layer.tar\"]},{\"Config\":\"d.json\",\"RepoTags\":null,"
				   "\"Layers\":[]}]";
	struct oci_docker_archive a;
	struct err e = {0};

	assert_int_equal(oci_docker_archive_parse(text, strlen(text), &a, &e), 0);
	assert_int_equal(a.n_images, 2);
	assert_string_equal(a.images[0].repo_tags[0], "a:1");
	assert_null(a.images[1].repo_tags);
	auto_free char *again = oci_docker_archive_text(&a);
	assert_string_equal(again, "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\"],\"Layers\":["
				   "\"l/layer.tar\"]},{\"Config\":\"d.json\",\"Layers\":[]}]");
	oci_docker_archive_done(&a);
	assert_int_equal(oci_docker_archive_parse("{}", 2, &a, &e), -1);
	oci_docker_archive_done(&a);
	assert_int_equal(oci_docker_archive_parse("[{}]", 4, &a, &e), -1);
	oci_docker_archive_done(&a);
}

static int fit(const char *want, const char *have)
{
	struct oci_platform w, h;
	int r;

	assert_int_equal(oci_platform_parse(want, &w, NULL), 0);
	assert_int_equal(oci_platform_parse(have, &h, NULL), 0);
	r = oci_platform_fit(&w, &h);
	oci_platform_done(&w);
	oci_platform_done(&h);
	return r;
}

static void test_platforms(void **state)
{
	struct oci_platform p;
	struct err e = {0};

	assert_true(fit("linux/amd64", "amd64"));
	assert_true(fit("x86_64", "linux/amd64"));
	assert_false(fit("linux/amd64", "linux/arm64"));
	assert_false(fit("linux/amd64", "windows/amd64"));
	assert_true(fit("arm64", "linux/arm64/v8"));
	assert_true(fit("arm64/v8", "linux/arm64"));
	/* From the most to the least capable. */
	assert_true(fit("arm/v7", "arm/v7") > fit("arm/v7", "arm/v6"));
	assert_true(fit("arm/v7", "arm/v6") > fit("arm/v7", "arm/v5"));
	assert_true(fit("arm/v7", "arm/v5"));
	assert_false(fit("arm/v6", "arm/v7"));
	assert_true(fit("amd64", "amd64") > fit("amd64", "amd64/v1"));
	assert_true(fit("amd64", "amd64/v1"));
	assert_false(fit("amd64", "amd64/v3"));
	assert_true(fit("amd64/v3", "amd64/v3") > fit("amd64/v3", "amd64"));
	static const char *const bad[] = {"a/b/c/d", "linux/", "../x", "Linux/AMD64", "a b"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(oci_platform_parse(bad[i], &p, &e), -1);
		oci_platform_done(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_docker_archive),
		cmocka_unit_test(test_platforms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
