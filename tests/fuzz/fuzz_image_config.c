/* fuzz_image_config.c: an image's configuration, and the instructions of `import --change`. The
 * bytes that we store and hash must read as the same image again. */
#include "fuzz.h"
#include "oci/image.h"

static void round_trip(const struct oci_image *i)
{
	auto_free char *once = oci_image_text(i), *twice = NULL;
	struct oci_image again;
	struct err e;

	if (oci_image_parse(once, strlen(once), &again, &e) < 0)
		abort();
	twice = oci_image_text(&again);
	require(streq(once, twice));
	oci_image_done(&again);
}

static void check(const struct oci_image *i)
{
	strv_foreach (s, i->env)
		require(**s != '=' && strchr(*s, '='));
	strv_foreach (s, i->volumes)
		require(**s == '/');
	strv_foreach (s, i->diff_ids)
		require(strlen(*s) == 71 && strncmp(*s, "sha256:", 7) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char empty[] = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},"
				    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
	char *texts[3] = {NULL};
	struct oci_image i;
	struct err e;

	/* A document (or none), then instructions. */
	fuzz_texts(data, size, texts, ARRAY_SIZE(texts));
	if (texts[0] && !*texts[0]) {
		free(texts[0]);
		texts[0] = xstrdup(empty);
	}
	if (oci_image_parse(texts[0], strlen(texts[0]), &i, &e) == 0) {
		check(&i);
		round_trip(&i);
		for (size_t k = 1; k < ARRAY_SIZE(texts) && texts[k]; k++)
			if (oci_image_change(&i, texts[k], &e) == 0)
				round_trip(&i);
		check(&i);
	}
	oci_image_done(&i);
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		free(texts[k]);
	return 0;
}
