/* image.c: the OCI image configuration as tables (image-spec 1.1, config.md), with Docker's
 * members, and the checks that everything out of an image has to pass. */
#include "oci/image.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "oci/shape.h"

#define LIST_MAX 4096

/* The first item that does not pass is named. */
static int check_each(char *const *v, const struct shape_at *up, const char *name,
	int (*good)(const char *), const char *rule, struct err *e)
{
	struct shape_at list = {.up = up, .name = name};

	strv_foreach (s, v) {
		struct shape_at at = {.up = &list, .index = (size_t)(s - v)};

		if (!good(*s))
			return shape_err(e, &at, "must be %s, not \"%.100s\"", rule, *s);
	}
	return 0;
}

static int is_assignment(const char *s)
{
	return *s != '=' && strchr(s, '=');
}

static int is_absolute(const char *s)
{
	return *s == '/';
}

static int check_config(void *base, const struct shape_at *at, struct err *e)
{
	struct shape_at health = {.up = at, .name = "Healthcheck"};
	struct oci_image *i = base;

	if (i->healthcheck && !json_is_object(i->healthcheck))
		return shape_err(e, &health, "must be an object");
	/* CVE-2020-14370, CVE-2026-57231: a name without a value must not import the host's. */
	if (check_each(i->env, at, "Env", is_assignment, "NAME=value", e) < 0)
		return -1;
	return check_each(i->volumes, at, "Volumes", is_absolute, "an absolute path", e);
}

static int check_rootfs(void *base, const struct shape_at *at, struct err *e)
{
	struct oci_image *i = base;

	/* CVE-2024-3727: digests become names of folders. */
	return check_each(i->diff_ids, at, "diff_ids", hash_is_digest,
		"\"sha256:\" and 64 lower-case hexadecimal digits", e);
}

#define F(member) offsetof(struct oci_image_history, member)
static const struct shape_member history_members[] = {
	MEMBER("created", STR, 0, created),
	MEMBER("author", STR, 0, author),
	MEMBER("created_by", STR, 0, created_by),
	MEMBER("comment", STR, 0, comment),
	MEMBER("empty_layer", BOOL, 0, empty_layer),
};
static const struct shape history_shape = SHAPE(history_members, struct oci_image_history, NULL);

#undef F
#define F(member) offsetof(struct oci_image, member)
static const struct shape_member config_members[] = {
	MEMBER("User", STR, 0, user),
	MEMBER("ExposedPorts", KEYS, 0, exposed_ports),
	MEMBER("Env", STRV, 0, env),
	MEMBER("Entrypoint", STRV, SHAPE_SET, entrypoint, .aux = F(entrypoint_set)),
	MEMBER("Cmd", STRV, SHAPE_SET, cmd, .aux = F(cmd_set)),
	MEMBER("Volumes", KEYS, 0, volumes),
	MEMBER("WorkingDir", STR, 0, working_dir),
	MEMBER("Labels", STRMAP, 0, labels),
	MEMBER("StopSignal", STR, 0, stop_signal),
	MEMBER("Healthcheck", RAW, 0, healthcheck),
	MEMBER("OnBuild", STRV, 0, on_build),
	MEMBER("Shell", STRV, 0, shell),
};
static const struct shape config_shape = SHAPE(config_members, struct oci_image, check_config);

static const struct shape_member rootfs_members[] = {
	MEMBER("type", CONST, 0, diff_ids, .words = "layers"),
	MEMBER("diff_ids", STRV, SHAPE_ALWAYS, diff_ids),
};
static const struct shape rootfs_shape = SHAPE(rootfs_members, struct oci_image, check_rootfs);

static const struct shape_member image_members[] = {
	MEMBER("created", STR, 0, created),
	MEMBER("author", STR, 0, author),
	MEMBER("architecture", STR, SHAPE_ALWAYS, architecture),
	MEMBER("os", STR, SHAPE_ALWAYS, os),
	MEMBER("variant", STR, 0, variant),
	NESTED("config", config_shape),
	NESTED("rootfs", rootfs_shape),
	MEMBER("history", LIST, 0, history, .aux = F(n_history), .sub = &history_shape),
};
static const struct shape image_shape = SHAPE(image_members, struct oci_image, NULL);

int oci_image_parse(const char *text, size_t len, struct oci_image *out, struct err *e)
{
	auto_json json_t *json = NULL;

	memset(out, 0, sizeof(*out));
	json = jsonx_parse(text, len, "the image configuration", e);
	return json ? shape_read(&image_shape, json, out, LIST_MAX, e) : -1;
}

char *oci_image_text(const struct oci_image *i)
{
	return shape_text(&image_shape, i);
}

void oci_image_done(struct oci_image *i)
{
	shape_done(&image_shape, i);
	memset(i, 0, sizeof(*i));
}
