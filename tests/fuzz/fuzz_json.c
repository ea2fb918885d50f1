/* fuzz_json.c: the OCI documents, hostile JSON as structs: the first byte says which one. What was
 * accepted and written out must be accepted again, and be the same bytes then. */
#include "base/json.h"
#include "fuzz.h"
#include "oci/config.h"
#include "oci/manifest.h"

static void plain(const char *text, size_t len)
{
	auto_json json_t *j = jsonx_parse(text, len, "it", NULL);
	auto_json json_t *again = NULL, *wide = jsonx_parse_u64(text, len, "it", NULL);
	auto_free char *out = NULL;

	if (!j)
		return;
	require(wide != NULL);
	out = jsonx_text(j, (int)(len % 4));
	again = jsonx_parse(out, strlen(out), "it", NULL);
	require(again && json_equal(j, again));
}

/* One function for each kind of document: parse and write; NULL when it was refused. */
static char *runtime_config(const char *text, size_t len)
{
	struct oci_config c;
	char *out = NULL;

	if (oci_config_parse(text, len, &c, NULL) == 0)
		out = oci_config_text(&c);
	oci_config_done(&c);
	return out;
}

static char *manifest(const char *text, size_t len)
{
	struct oci_manifest m;
	char *out = NULL;

	if (oci_manifest_parse(text, len, NULL, &m, NULL) == 0)
		out = oci_manifest_text(&m);
	oci_manifest_done(&m);
	return out;
}

static char *image_index(const char *text, size_t len)
{
	struct oci_index i;
	char *out = NULL;

	if (oci_index_parse(text, len, NULL, &i, NULL) == 0)
		out = oci_index_text(&i);
	oci_index_done(&i);
	return out;
}

static char *docker_archive(const char *text, size_t len)
{
	struct oci_docker_archive a;
	char *out = NULL;

	if (oci_docker_archive_parse(text, len, &a, NULL) == 0)
		out = oci_docker_archive_text(&a);
	oci_docker_archive_done(&a);
	return out;
}

static void twice(char *(*document)(const char *text, size_t len), const char *text, size_t len)
{
	auto_free char *once = document(text, len), *again = NULL;

	if (!once)
		return;
	again = document(once, strlen(once));
	require(again && streq(once, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *(*const documents[])(const char *text, size_t len) = {
		runtime_config, manifest, image_index, docker_archive};
	auto_free char *text = NULL;
	size_t which;

	if (!size)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	which = data[0] % (ARRAY_SIZE(documents) + 1);
	if (which == ARRAY_SIZE(documents))
		plain(text, strlen(text));
	else
		twice(documents[which], text, strlen(text));
	return 0;
}
