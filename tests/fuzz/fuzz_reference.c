/* fuzz_reference.c: image names. What is accepted must read the same when it is read again. */
#include "base/mem.h"
#include "fuzz.h"
#include "image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	struct reference r, again;

	reference_is_id(text);
	if (reference_parse(text, &r, NULL) < 0)
		return 0;
	require(*r.domain && *r.path && (*r.tag || *r.digest));
	require(reference_parse(r.full, &again, NULL) == 0 && streq(r.full, again.full));
	require(reference_parse(r.familiar, &again, NULL) == 0 && streq(r.full, again.full));
	require(streq(r.familiar_name, again.familiar_name));
	return 0;
}
