/* mounts_long.c: --mount as a struct: fields of CSV, then one row of a table for each key. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "engine/mounts_parts.h"

#define TEXT_MAX 65536

struct parser {
	struct mount_request r;
	const char *cwd;
	char *target, *source;
	const char *family[3]; /* a "bind-..." etc. key that was seen, by type */
	int64_t size;
	unsigned mode;
	int size_set, mode_set, anything;
};

/* CSV: fields by comma; "..." may hold commas, "" in it is a quote. */
static int split_csv(const char *text, char ***out, struct err *e)
{
	const char *p = text;

	if (strlen(text) > TEXT_MAX)
		return err_set(e, ERR_INVALID, "the text is longer than %d bytes", TEXT_MAX);
	for (;;) {
		auto_buf struct buf b = BUF_MAX(TEXT_MAX);

		if (*p == '"') {
			for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
				p += *p == '"';
				buf_putc(&b, *p);
			}
			if (!*p++ || (*p && *p != ','))
				return err_set(e, ERR_INVALID,
					"a quote (\") is not closed, or goes on behind its end");
		} else {
			size_t len = strcspn(p, ",");
			buf_add(&b, p, len);
			p += len;
		}
		strv_take(out, buf_steal(&b));
		if (!*p++)
			return 0;
	}
}

typedef int set_fn(struct parser *p, const char *key, const char *value, struct err *e);

static int wrong_value(const char *key, const char *value, struct err *e)
{
	return err_set(e, ERR_INVALID, "invalid value for %s: %s", key, value);
}

static int set_type(struct parser *p, const char *key, const char *value, struct err *e)
{
	if (!strcasecmp(value, "bind"))
		p->r.type = MOUNT_BIND;
	else if (!strcasecmp(value, "volume"))
		p->r.type = MOUNT_VOLUME;
	else if (!strcasecmp(value, "tmpfs"))
		p->r.type = MOUNT_TMPFS;
	else if (!strcasecmp(value, "image"))
		return err_set(e, ERR_UNSUPPORTED, "mount type image is not supported yet");
	else
		return err_set(e, ERR_INVALID,
			"mount type unknown: \"%s\" (bind, volume and tmpfs are known)", value);
	return 0;
}

static int set_source(struct parser *p, const char *key, const char *value, struct err *e)
{
	str_set(&p->source, value);
	return 0;
}

static int set_target(struct parser *p, const char *key, const char *value, struct err *e)
{
	str_set(&p->target, value);
	return 0;
}

static int set_read_only(struct parser *p, const char *key, const char *value, struct err *e)
{
	return parse_bool(value, &p->r.read_only) < 0 ? wrong_value(key, value, e) : 0;
}

static int set_nothing(struct parser *p, const char *key, const char *value, struct err *e)
{
	return 0;
}

static int set_propagation(struct parser *p, const char *key, const char *value, struct err *e)
{
	for (const char *const *w = mounts_propagations; *w; w++)
		if (!strcasecmp(value, *w)) {
			str_set(&p->r.propagation, *w);
			return 0;
		}
	return wrong_value(key, value, e);
}

static int set_nonrecursive(struct parser *p, const char *key, const char *value, struct err *e)
{
	int on;

	if (parse_bool(value, &on) < 0)
		return wrong_value(key, value, e);
	p->r.recursion = on ? RECURSION_NONE : RECURSION_DEFAULT;
	return 0;
}

static int set_recursive(struct parser *p, const char *key, const char *value, struct err *e)
{
	static const struct {
		const char *word;
		enum mount_recursion value;
	} words[] = {
		{"enabled", RECURSION_DEFAULT},
		{"disabled", RECURSION_NONE},
		{"writable", RECURSION_WRITABLE},
		{"readonly", RECURSION_READONLY},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(value, words[i].word)) {
			p->r.recursion = words[i].value;
			return 0;
		}
	return err_set(e, ERR_INVALID,
		"invalid value for %s: %s (must be \"enabled\", \"disabled\", \"writable\", or "
		"\"readonly\")",
		key, value);
}

static int set_no_copy(struct parser *p, const char *key, const char *value, struct err *e)
{
	return parse_bool(value, &p->r.no_copy) < 0 ? wrong_value(key, value, e) : 0;
}

static int set_unsupported(struct parser *p, const char *key, const char *value, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s is not supported yet", key);
}

static int set_tmpfs_size(struct parser *p, const char *key, const char *value, struct err *e)
{
	p->size_set = 1;
	return parse_bytes(value, &p->size) < 0 ? wrong_value(key, value, e) : 0;
}

static int set_tmpfs_mode(struct parser *p, const char *key, const char *value, struct err *e)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (!*value || *end || *value == '-' || mode > 07777)
		return wrong_value(key, value, e);
	p->mode = (unsigned)mode;
	p->mode_set = 1;
	return 0;
}

static const struct mount_key {
	const char *name;
	set_fn *set;
	int family;	   /* -1: of every type, else enum mount_type */
	const char *alone; /* the value when only the key is written; NULL: a value is needed */
} mount_keys[] = {
	{"type", set_type, -1, NULL},
	{"source", set_source, -1, NULL},
	{"src", set_source, -1, NULL},
	{"target", set_target, -1, NULL},
	{"dst", set_target, -1, NULL},
	{"destination", set_target, -1, NULL},
	{"readonly", set_read_only, -1, "true"},
	{"ro", set_read_only, -1, "true"},
	{"consistency", set_nothing, -1, NULL},
	{"bind-propagation", set_propagation, MOUNT_BIND, NULL},
	{"bind-nonrecursive", set_nonrecursive, MOUNT_BIND, "true"},
	{"bind-recursive", set_recursive, MOUNT_BIND, NULL},
	{"volume-nocopy", set_no_copy, MOUNT_VOLUME, "true"},
	{"volume-subpath", set_unsupported, MOUNT_VOLUME, NULL},
	{"volume-label", set_unsupported, MOUNT_VOLUME, NULL},
	{"volume-driver", set_unsupported, MOUNT_VOLUME, NULL},
	{"volume-opt", set_unsupported, MOUNT_VOLUME, NULL},
	{"image-subpath", set_unsupported, -1, NULL},
	{"tmpfs-size", set_tmpfs_size, MOUNT_TMPFS, NULL},
	{"tmpfs-mode", set_tmpfs_mode, MOUNT_TMPFS, NULL},
};

static int unknown_key(const char *key, const char *field, struct err *e)
{
	const char *names[ARRAY_SIZE(mount_keys) + 1] = {NULL};
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(mount_keys); i++)
		names[i] = mount_keys[i].name;
	near = parse_nearest(key, names);
	return err_set(e, ERR_INVALID, "unexpected key '%s' in '%s'%s%s%s", key, field,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int set_field(struct parser *p, const char *field, struct err *e)
{
	const char *equals = strchr(field, '=');
	auto_free char *key = equals ? xstrndup(field, (size_t)(equals - field)) : xstrdup(field);

	for (size_t i = 0; i < ARRAY_SIZE(mount_keys); i++) {
		const struct mount_key *k = &mount_keys[i];
		if (strcasecmp(key, k->name) != 0)
			continue;
		if (!equals && !k->alone)
			return err_set(e, ERR_INVALID,
				"invalid field '%s' must be a key=value pair", field);
		if (k->family >= 0)
			p->family[k->family] = mounts_type_name((enum mount_type)k->family);
		return k->set(p, k->name, equals ? equals + 1 : k->alone, e);
	}
	if (!equals)
		return err_set(
			e, ERR_INVALID, "invalid field '%s' must be a key=value pair", field);
	return unknown_key(key, field, e);
}

static int check_bind(struct parser *p, struct err *e)
{
	if (!p->source || !*p->source)
		return err_set(e, ERR_INVALID,
			"invalid mount config for type \"bind\": field Source must not be empty");
	if (*p->source != '/' && !mounts_is_relative_path(p->source))
		return err_set(e, ERR_INVALID,
			"invalid mount config for type \"bind\": invalid mount path: '%s' mount "
			"path must be absolute",
			p->source);
	if (p->r.recursion == RECURSION_READONLY && !p->r.read_only)
		return err_set(e, ERR_INVALID,
			"option 'bind-recursive=readonly' requires 'readonly' to be specified in "
			"conjunction");
	p->r.source = mounts_absolute(p->source, p->cwd);
	return 0;
}

static int check_tmpfs(struct parser *p, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(256);

	if (p->source)
		return err_set(e, ERR_INVALID,
			"invalid mount config for type \"tmpfs\": field Source must not be "
			"specified");
	if (p->r.read_only)
		buf_puts(&b, "ro,");
	if (p->size_set)
		buf_printf(&b, "size=%" PRId64 ",", p->size);
	buf_printf(&b, "mode=%o", p->mode_set ? p->mode : 01777);
	str_set(&p->r.options, b.data);
	return 0;
}

static int check_volume(struct parser *p, struct err *e)
{
	if (!p->source || !*p->source)
		return 0;
	if (mounts_volume_name_check(p->source, e) < 0)
		return -1;
	p->r.source = xstrdup(p->source);
	return 0;
}

static int parse(struct parser *p, const char *text, struct err *e)
{
	auto_strv char **fields = NULL;

	if (split_csv(text, &fields, e) < 0)
		return -1;
	strv_foreach (f, fields)
		if (set_field(p, *f, e) < 0)
			return -1;
	for (int t = 0; t < 3; t++)
		if (p->family[t] && t != (int)p->r.type)
			return err_set(e, ERR_INVALID,
				"cannot mix '%s-*' options with mount type '%s'", p->family[t],
				mounts_type_name(p->r.type));
	if (!p->target || !*p->target)
		return err_set(e, ERR_INVALID, "target is required");
	if (mounts_check_destination(&p->r, p->target, e) < 0)
		return -1;
	if (p->r.type == MOUNT_BIND)
		return check_bind(p, e);
	return p->r.type == MOUNT_TMPFS ? check_tmpfs(p, e) : check_volume(p, e);
}

int mounts_parse_mount(const char *text, const char *cwd, struct mount_requests *m, struct err *e)
{
	struct parser p = {.r = {.type = MOUNT_VOLUME, .from_mount = 1}, .cwd = cwd};
	int r = parse(&p, text, e);

	free(p.source);
	free(p.target);
	if (r == 0) {
		mounts_take(m, &p.r);
		return 0;
	}
	mount_request_done(&p.r);
	/* What only the flag's text is to blame for is said as the flag parser says it. */
	if (e && !str_after(e->text, "invalid mount config") && !str_after(e->text, "create "))
		err_wrap(e, "invalid argument \"%.300s\" for \"--mount\" flag", text);
	return -1;
}
