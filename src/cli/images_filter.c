/* images_filter.c: --filter of `hull images`. */
#include "cli/images_filter.h"

#include <fnmatch.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/time.h"

/* before=X, since=X: when X was created. */
static int image_time(struct engine *en, const char *name, int64_t *out_ns, struct err *e)
{
	auto_json json_t *image = engine_image_inspect(en, name, e);

	if (!image)
		return -1;
	time_parse(jsonx_str(image, "Created", ""), out_ns);
	return 0;
}

static int add(struct images_filter *f, const char *key, const char *value, struct err *e)
{
	static const char *const keys[] = {
		"before", "dangling", "label", "reference", "since", NULL};
	const char *near;

	if (streq(key, "dangling"))
		return parse_bool(value, &f->dangling) == 0
			       ? 0
			       : err_set(e, ERR_INVALID,
					 "invalid filter 'dangling=%s': true or false is expected",
					 value);
	if (streq(key, "before"))
		return image_time(f->en, value, &f->before, e);
	if (streq(key, "since"))
		return image_time(f->en, value, &f->since, e);
	if (streq(key, "reference"))
		f->has_reference = 1;
	else if (streq(key, "label"))
		f->has_label = 1;
	else if (streq(key, "until"))
		return err_set(
			e, ERR_UNSUPPORTED, "the filter 'until' of images is not available yet");
	else {
		near = parse_nearest(key, keys);
		return err_set(e, ERR_INVALID, "invalid filter '%s'%s%s%s", key,
			near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
	}
	return 0;
}

int images_filter_init(
	struct images_filter *f, struct engine *en, char *const *filters, struct err *e)
{
	*f = (struct images_filter){.en = en, .filters = filters, .dangling = -1};
	strv_foreach (text, filters) {
		size_t len = strcspn(*text, "=");
		auto_free char *key = xstrndup(*text, len);
		if (!(*text)[len])
			return err_set(e, ERR_INVALID, "invalid filter '%s': KEY=VALUE is expected",
				*text);
		if (add(f, key, *text + len + 1, e) < 0)
			return -1;
	}
	return 0;
}

static int label_fits(const json_t *labels, const char *want)
{
	size_t n = strcspn(want, "=");
	auto_free char *key = xstrndup(want, n);
	const char *have = jsonx_str(labels, key, NULL);

	return have && (!want[n] || streq(have, want + n + 1));
}

static int labels_fit(const struct images_filter *f, const struct engine_image *i)
{
	struct err ignored;
	auto_json json_t *image = engine_image_inspect(f->en, i->id, &ignored);
	const json_t *labels = jsonx_obj(jsonx_obj(image, "Config"), "Labels");

	strv_foreach (text, f->filters) {
		const char *want = str_after(*text, "label=");
		if (want && !label_fits(labels, want))
			return 0;
	}
	return 1;
}

int images_filter_matches(const struct images_filter *f, const struct engine_image *i)
{
	int dangling = !i->refs || !i->refs[0];

	if (f->dangling >= 0 && f->dangling != dangling)
		return 0;
	if ((f->before && i->created_ns >= f->before) || (f->since && i->created_ns <= f->since))
		return 0;
	return !f->has_label || labels_fit(f, i);
}

/* A pattern fits the whole name or the name without its tag; a blank pattern part never crosses a
 * slash. */
int images_filter_shows(const struct images_filter *f, const char *ref)
{
	const char *slash = ref ? strrchr(ref, '/') : NULL;

	if (!f->has_reference || !ref)
		return !f->has_reference;
	auto_free char *name = xstrndup(
		ref, (size_t)(slash ? slash - ref : 0) + strcspn(slash ? slash : ref, ":@"));
	strv_foreach (text, f->filters) {
		const char *pattern = str_after(*text, "reference=");
		if (pattern && (fnmatch(pattern, ref, FNM_PATHNAME) == 0 ||
				       fnmatch(pattern, name, FNM_PATHNAME) == 0))
			return 1;
	}
	return 0;
}
