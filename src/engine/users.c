/* users.c: who a container's program runs as.
 *
 * How it works: what is all digits is a number and never a name, whatever passwd has
 * (CVE-2016-3697, CVE-2026-46680); numbers above 2^31-1 are refused, because they would wrap
 * somewhere (CVE-2024-40635). The passwd line of the user gives group and home; without an explicit
 * group, the groups that list the user's name are the supplementary ones. An explicit group stands
 * alone. */
#define _GNU_SOURCE
#include "engine/users.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "engine/layered.h"

#define FILE_MAX_BYTES (4 << 20)
#define ID_MAX INT32_MAX
#define GROUPS_MAX 4096

void users_who_done(struct users_who *w)
{
	free(w->groups);
	free(w->home);
	*w = (struct users_who){0};
}

/* A part of a text. */
struct span {
	const char *p;
	size_t len;
};

static int span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

/* Fields of one line; returns how many there were, at most max. */
static size_t split_line(const char *line, size_t len, struct span *fields, size_t max)
{
	size_t n = 0;

	for (;;) {
		const char *colon = memchr(line, ':', len);
		size_t part = colon ? (size_t)(colon - line) : len;

		fields[n++] = (struct span){line, part};
		if (!colon || n == max)
			return n;
		line += part + 1;
		len -= part + 1;
	}
}

/* 1 when the field is a valid id. */
static int span_id(struct span s, uint32_t *out)
{
	uint64_t v = 0;

	if (!s.len || s.len > 10)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (v > ID_MAX)
		return 0;
	*out = (uint32_t)v;
	return 1;
}

/* Walks the lines of a file: 1 and the fields of the next line that has at least min of them. */
static int next_line(const char **text, struct span *fields, size_t min, size_t max)
{
	while (*text && **text) {
		size_t len = strcspn(*text, "\n");
		const char *line = *text;

		*text += len + ((*text)[len] == '\n');
		if (len && *line != '#' && split_line(line, len, fields, max) >= min)
			return 1;
	}
	return 0;
}

static int all_digits(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* A number (1), a name (0), or a number out of range (-1). */
static int parse_id(const char *what, const char *text, uint32_t *out, struct err *e)
{
	int negative = *text == '-' && all_digits(text + 1);

	if (!all_digits(text) && !negative)
		return 0;
	if (!negative && parse_u32(text, out) == 0 && *out <= ID_MAX)
		return 1;
	return err_set(e, ERR_INVALID, "%s %.40s: uids and gids must be in range 0-2147483647",
		what, text);
}

struct passwd_entry {
	struct span name, home;
	uint32_t uid, gid;
};

/* By name, or by uid when name is NULL. */
static int passwd_find(const char *passwd, const char *name, uint32_t uid, struct passwd_entry *out)
{
	struct span f[7];

	while (next_line(&passwd, f, 6, 7)) {
		if (!span_id(f[2], &out->uid) || !span_id(f[3], &out->gid))
			continue;
		if (name ? !span_is(f[0], name) : out->uid != uid)
			continue;
		out->name = f[0];
		out->home = f[5];
		return 1;
	}
	return 0;
}

static int lists_member(struct span list, struct span name)
{
	const char *p = list.p, *end = list.p + list.len;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t len = comma ? (size_t)(comma - p) : (size_t)(end - p);

		if (len == name.len && memcmp(p, name.p, len) == 0)
			return 1;
		p += len + 1;
	}
	return 0;
}

static int add_group(struct users_who *w, uint32_t gid, struct err *e)
{
	for (size_t i = 0; i < w->n_groups; i++)
		if (w->groups[i] == gid)
			return 0;
	if (w->n_groups == GROUPS_MAX)
		return err_set(e, ERR_INVALID, "the user is in more than %d groups", GROUPS_MAX);
	w->groups = xreallocarray(w->groups, w->n_groups + 1, sizeof(uint32_t));
	w->groups[w->n_groups++] = gid;
	return 0;
}

static int group_number(const char *group, const char *name, uint32_t *out)
{
	struct span f[4];

	while (next_line(&group, f, 3, 4))
		if (span_is(f[0], name) && span_id(f[2], out))
			return 1;
	return 0;
}

static int add_memberships(const char *group, struct span name, struct users_who *w, struct err *e)
{
	struct span f[4];
	uint32_t gid;

	while (next_line(&group, f, 4, 4))
		if (lists_member(f[3], name) && span_id(f[2], &gid) && add_group(w, gid, e) < 0)
			return -1;
	return 0;
}

static int resolve_group(const char *group, const char *text, struct users_who *w, struct err *e)
{
	int r = parse_id("group", text, &w->gid, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (group_number(group, text, &w->gid))
		return 0;
	return err_set(e, ERR_INVALID,
		"unable to find group %.200s: no matching entries in group file", text);
}

/* Returns 1 when passwd knows the user. */
static int resolve_user(const char *passwd, const char *text, struct passwd_entry *p,
	struct users_who *w, struct err *e)
{
	uint32_t uid = 0;
	int r = *text ? parse_id("user", text, &uid, e) : 1;

	if (r < 0)
		return -1;
	if (!passwd_find(passwd, r ? NULL : text, uid, p)) {
		if (r == 0)
			return err_set(e, ERR_INVALID,
				"unable to find user %.200s: no matching entries in passwd file",
				text);
		w->uid = uid;
		return 0;
	}
	w->uid = p->uid;
	w->gid = p->gid;
	if (p->home.len && *p->home.p == '/')
		w->home = xstrndup(p->home.p, p->home.len);
	return 1;
}

static int add_wanted(const char *group, char *const *wanted, struct users_who *w, struct err *e)
{
	strv_foreach (g, wanted) {
		uint32_t gid;
		int r = parse_id("group", *g, &gid, e);

		if (r < 0)
			return -1;
		if (r == 0 && !group_number(group, *g, &gid))
			return err_set(e, ERR_INVALID,
				"Unable to find group %.200s: no matching entries in group file",
				*g);
		if (add_group(w, gid, e) < 0)
			return -1;
	}
	return 0;
}

static int resolve(const char *passwd, const char *group, const char *user, char *const *group_add,
	struct users_who *w, struct err *e)
{
	const char *colon = strchr(user, ':');
	auto_free char *name = colon ? xstrndup(user, (size_t)(colon - user)) : xstrdup(user);
	struct passwd_entry p = {0};
	int known = resolve_user(passwd, name, &p, w, e);

	if (known < 0)
		return -1;
	if (colon && colon[1] && resolve_group(group, colon + 1, w, e) < 0)
		return -1;
	if (add_group(w, w->gid, e) < 0)
		return -1;
	if (known && !(colon && colon[1]) && add_memberships(group, p.name, w, e) < 0)
		return -1;
	if (!w->home)
		w->home = xstrdup("/");
	return add_wanted(group, group_add, w, e);
}

int users_resolve(const char *passwd, const char *group, const char *user, char *const *group_add,
	struct users_who *out, struct err *e)
{
	struct users_who w = {0};

	if (resolve(passwd, group, user ? user : "", group_add, &w, e) < 0) {
		users_who_done(&w);
		return -1;
	}
	*out = w;
	return 0;
}

/* Only a small regular file counts (CVE-2024-9341, CVE-2024-9676): a folder, FIFO, device, a link
 * that leads nowhere are as good as no file. One that is too large is refused (CVE-2026-47262): to
 * go on without it might leave out a group that is there to forbid something. */
static int read_file(char *const *layers, const char *path, struct buf *b, struct err *e)
{
	int r = layered_read(layers, path, b);

	if (r == -EFBIG)
		return err_set(e, ERR_INVALID, "%s of the image is larger than %d MiB", path,
			FILE_MAX_BYTES >> 20);
	if (r == 0 || r == -ENOENT || r == -ENOTDIR || r == -EINVAL || r == -ELOOP || r == -EACCES)
		return 0;
	return err_sys(e, r, "read %s of the image", path);
}

int users_look_up(char *const *layers, const char *user, char *const *group_add,
	struct users_who *out, struct err *e)
{
	auto_buf struct buf passwd = BUF_MAX(FILE_MAX_BYTES), group = BUF_MAX(FILE_MAX_BYTES);

	if (read_file(layers, "/etc/passwd", &passwd, e) < 0 ||
		read_file(layers, "/etc/group", &group, e) < 0)
		return -1;
	return users_resolve(passwd.data, group.data, user, group_add, out, e);
}
