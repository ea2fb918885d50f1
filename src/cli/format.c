/* format.c: --format of one object. */
#include "cli/format.h"

#include "base/buf.h"
#include "base/mem.h"
#include "cli/template.h"

#define TEXT_MAX (64UL << 20)

int format_check(const char *format, struct err *e)
{
	auto_template struct template *t = NULL;

	if (streq(format, "json"))
		return 0;
	t = template_parse(format, e);
	if (t)
		return 0;
	err_wrap(e, "template parsing error");
	return err_status(e, 64);
}

char *format_text(
	const char *format, json_t *object, const struct template_member *members, struct err *e)
{
	const struct template_env env = {.members = members};
	auto_buf struct buf b = BUF_MAX(TEXT_MAX);
	auto_template struct template *t = NULL;

	if (streq(format, "json"))
		return jsonx_text(object, 0);
	t = template_parse(format, e);
	if (t && template_run(t, object, &env, &b, e) == 0)
		return buf_steal(&b);
	err_wrap(e, "template parsing error");
	return NULL;
}
