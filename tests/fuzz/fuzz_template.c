/* fuzz_template.c: any text as a template over a container's JSON: an answer or an error, in
 * bounded time. */
#include "base/mem.h"
#include "cli/template.h"
#include "fuzz.h"

static const char object[] =
	"{\"Id\":\"abc\",\"A\":{\"B\":\"c\",\"N\":3,\"L\":[1,2.5,null,\"x\"]},\"M\":{\"k\":\"v\"},"
	"\"T\":true,\"Z\":null,\"P\":{\"80/tcp\":[{\"HostPort\":\"1\"}]}}";
static const struct template_member members[] = {
	{"M", MEMBER_MAP, 0}, {"P", MEMBER_MAP_OF_LISTS, 0}, {"H", MEMBER_OBJECT, 1}, {NULL, 0, 0}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_json json_t *dot = json_loads(object, 0, NULL), *labels = json_object();
	struct err e;
	auto_template struct template *t = template_parse(text, &e);
	auto_buf struct buf b = BUF_MAX(1 << 20);
	const struct template_env env = {
		.members = members,
		.labels = labels,
		.header = size % 2,
		.rows = size % 3 == 0,
	};

	if (t)
		template_run(t, dot, &env, &b, &e);
	return 0;
}
