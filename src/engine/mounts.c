/* mounts.c: -v and --tmpfs as structs, and what they share with --mount (mounts_long.c). */
#define _GNU_SOURCE
#include "engine/mounts.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/mounts_parts.h"

void mount_request_done(struct mount_request *r)
{
	free(r->source);
	free(r->destination);
	free(r->mode);
	free(r->propagation);
	free(r->options);
	*r = (struct mount_request){0};
}

void mount_requests_done(struct mount_requests *m)
{
	for (size_t i = 0; i < m->n; i++)
		mount_request_done(&m->v[i]);
	free(m->v);
	*m = (struct mount_requests){0};
}

void mounts_take(struct mount_requests *m, struct mount_request *r)
{
	if (!r->mode)
		r->mode = xstrdup("");
	if (!r->propagation)
		r->propagation = xstrdup("");
	if (!r->options)
		r->options = xstrdup("");
	m->v = xreallocarray(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = *r;
	*r = (struct mount_request){0};
}

char *mounts_clean_path(const char *path)
{
	char *out = xmalloc(strlen(path) + 2), *end = out;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (end > out && *--end != '/')
				;
		} else if (len && !(len == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		path += len;
		path += *path == '/';
	}
	if (end == out)
		*end++ = '/';
	*end = '\0';
	return out;
}

int mounts_volume_name_check(const char *name, struct err *e)
{
	int good = isalnum((unsigned char)*name) && strlen(name) >= 2 && strlen(name) <= NAME_MAX;

	for (const char *p = name; *p && good; p++)
		good = isalnum((unsigned char)*p) || strchr("_.-", *p);
	if (good)
		return 0;
	return err_set(e, ERR_INVALID,
		"create %.200s: \"%.200s\" includes invalid characters for a local volume name, "
		"only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
		"directory, use absolute path",
		name, name);
}

const char *const mounts_propagations[] = {
	"private", "rprivate", "shared", "rshared", "slave", "rslave", NULL};

static int is_propagation(const char *word)
{
	for (const char *const *p = mounts_propagations; *p; p++)
		if (streq(word, *p))
			return 1;
	return 0;
}

static int one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (streq(word, *words))
			return 1;
	return 0;
}

/* MODE of -v: each kind of word once. *out may be NULL (only ask). */
static int parse_mode(const char *mode, struct mount_request *out)
{
	static const char *const access[] = {"ro", "rw", NULL}, *const label[] = {"z", "Z", NULL},
				 *const consistency[] = {
					 "consistent", "cached", "delegated", "default", NULL};
	auto_strv char **words = strv_split(mode, ",");
	int n_access = 0, n_label = 0, n_propagation = 0, n_copy = 0, n_consistency = 0;

	strv_foreach (w, words) {
		if (one_of(*w, access)) {
			n_access++;
			if (out)
				out->read_only = streq(*w, "ro");
		} else if (one_of(*w, label)) {
			n_label++;
		} else if (is_propagation(*w)) {
			n_propagation++;
			if (out)
				str_set(&out->propagation, *w);
		} else if (streq(*w, "nocopy")) {
			n_copy++;
			if (out)
				out->no_copy = 1;
		} else if (one_of(*w, consistency)) {
			n_consistency++;
		} else {
			return -1;
		}
	}
	return n_access > 1 || n_label > 1 || n_propagation > 1 || n_copy > 1 || n_consistency > 1
		       ? -1
		       : 0;
}

const char *mounts_type_name(enum mount_type t)
{
	return t == MOUNT_BIND ? "bind" : t == MOUNT_TMPFS ? "tmpfs" : "volume";
}

int mounts_check_destination(struct mount_request *r, const char *text, struct err *e)
{
	auto_free char *clean = NULL;

	if (*text != '/')
		return err_set(e, ERR_INVALID,
			"invalid mount config for type \"%s\": invalid mount path: '%s' mount path "
			"must be absolute",
			mounts_type_name(r->type), text);
	clean = mounts_clean_path(text);
	if (streq(clean, "/"))
		return err_set(e, ERR_INVALID,
			"invalid mount config for type \"%s\": invalid specification: destination "
			"can't be '/'",
			mounts_type_name(r->type));
	if (strlen(clean) >= PATH_MAX)
		return err_set(e, ERR_INVALID, "the mount path is longer than %d bytes", PATH_MAX);
	str_set(&r->destination, clean);
	return 0;
}

/* "." and "./x" and "../x" are the caller's own folders. */
char *mounts_absolute(const char *source, const char *cwd)
{
	auto_free char *whole = NULL;

	if (*source == '/')
		return mounts_clean_path(source);
	whole = xasprintf("%s/%s", cwd, source);
	return mounts_clean_path(whole);
}

int mounts_is_relative_path(const char *source)
{
	return streq(source, ".") || streq(source, "..") || str_after(source, "./") ||
	       str_after(source, "../");
}

static int volume_source(
	struct mount_request *r, const char *source, const char *cwd, struct err *e)
{
	if (*source != '/' && !mounts_is_relative_path(source)) {
		if (mounts_volume_name_check(source, e) < 0)
			return -1;
		r->type = MOUNT_VOLUME;
		r->source = xstrdup(source);
		return 0;
	}
	r->type = MOUNT_BIND;
	r->source = mounts_absolute(source, cwd);
	r->create_source = 1;
	return 0;
}

static int parse_volume(
	char **parts, size_t n, const char *cwd, struct mount_request *r, struct err *e)
{
	static const char wrong[] = "the form is [SOURCE:]DESTINATION[:MODE]";

	if (n > 3 || !*parts[0] || !*parts[n - 1])
		return err_set(e, ERR_INVALID, "%s", wrong);
	if (n == 1)
		return mounts_check_destination(r, parts[0], e);
	if (n == 2 && *parts[1] != '/' && parse_mode(parts[1], NULL) == 0)
		return err_set(e, ERR_INVALID, "%s; a volume without a source has no mode", wrong);
	if (volume_source(r, parts[0], cwd, e) < 0 || mounts_check_destination(r, parts[1], e) < 0)
		return -1;
	if (n < 3)
		return 0;
	if (parse_mode(parts[2], r) < 0)
		return err_set(e, ERR_INVALID, "invalid mode: %s", parts[2]);
	if (r->propagation && r->type == MOUNT_VOLUME)
		return err_set(e, ERR_INVALID,
			"invalid mode: %s: a volume has no propagation, only a host folder has",
			parts[2]);
	r->mode = xstrdup(parts[2]);
	return 0;
}

int mounts_parse_volume(const char *text, const char *cwd, struct mount_requests *m, struct err *e)
{
	auto_strv char **parts = strv_split(text, ":");
	struct mount_request r = {.type = MOUNT_VOLUME};

	if (!parts || parse_volume(parts, strv_len(parts), cwd, &r, e) < 0) {
		mount_request_done(&r);
		if (e && str_after(e->text, "create "))
			return -1;
		return err_wrap(e, "invalid volume specification: '%.300s'", text);
	}
	mounts_take(m, &r);
	return 0;
}

/* What Docker lets through; "uid" and "gid" are the container's own ids. */
int mounts_check_tmpfs_options(const char *options, struct err *e)
{
	static const char *const flags[] = {"ro", "rw", "exec", "noexec", "suid", "nosuid", "dev",
		"nodev", "sync", "async", "dirsync", "mand", "nomand", "atime", "noatime",
		"diratime", "nodiratime", "bind", "rbind", "private", "rprivate", "shared",
		"rshared", "slave", "rslave", "unbindable", "runbindable", "relatime", "norelatime",
		"strictatime", "nostrictatime", "remount", "defaults", NULL};
	static const char *const keys[] = {
		"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", NULL};
	auto_strv char **words = strv_split(options, ",");

	strv_foreach (w, words) {
		const char *equals = strchr(*w, '=');
		auto_free char *key = equals ? xstrndup(*w, (size_t)(equals - *w)) : NULL;

		if (!**w || (!equals && one_of(*w, flags)))
			continue;
		if (!equals || !one_of(key, keys))
			return err_set(e, ERR_INVALID, "Invalid tmpfs option [\"%.200s\"]", *w);
	}
	return 0;
}

int mounts_parse_tmpfs(const char *text, struct mount_requests *m, struct err *e)
{
	const char *colon = strchr(text, ':');
	auto_free char *path = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	struct mount_request r = {.type = MOUNT_TMPFS};

	if (mounts_check_destination(&r, path, e) < 0 ||
		(colon && mounts_check_tmpfs_options(colon + 1, e) < 0)) {
		mount_request_done(&r);
		return -1;
	}
	r.options = xstrdup(colon ? colon + 1 : "");
	mounts_take(m, &r);
	return 0;
}

void mounts_add_image_volume(struct mount_requests *m, const char *path)
{
	auto_free char *clean = mounts_clean_path(path);
	struct mount_request r = {.type = MOUNT_VOLUME};

	if (streq(clean, "/") || strlen(clean) >= PATH_MAX)
		return;
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->v[i].destination, clean))
			return;
	r.destination = take_ptr(clean);
	mounts_take(m, &r);
}

int mounts_check(const struct mount_requests *m, struct err *e)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t j = 0; j < i; j++)
			if (streq(m->v[i].destination, m->v[j].destination))
				return err_set(e, ERR_INVALID, "Duplicate mount point: %s",
					m->v[i].destination);
	return 0;
}

static size_t depth(const struct mount_request *r)
{
	size_t n = 0;

	for (const char *p = r->destination; *p; p++)
		n += *p == '/';
	return n;
}

void mounts_sort(struct mount_requests *m)
{
	/* Few, and to stay in order: insertion. */
	for (size_t i = 1; i < m->n; i++) {
		struct mount_request r = m->v[i];
		size_t j = i, d = depth(&r);

		for (; j && depth(&m->v[j - 1]) > d; j--)
			m->v[j] = m->v[j - 1];
		m->v[j] = r;
	}
}
