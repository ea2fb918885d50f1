/* cgroup_host.c: which hierarchies this host has; making a cgroup in all of them and moving into
 * it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_v2.h"
#include "kernel/mountinfo.h"

#define OWN_MAX 65536

/* 1 when the word is one of the comma-separated list */
static int has_word(const char *list, const char *word, size_t len)
{
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");
		if (n == len && memcmp(p, word, len) == 0)
			return 1;
		p += n;
		if (!*p)
			return 0;
	}
}

/* 1 when every word of `words` is among those of `list` (both comma-separated). */
static int has_all(const char *list, const char *words)
{
	for (const char *p = words;; p++) {
		size_t n = strcspn(p, ",");
		if (!has_word(list, p, n))
			return 0;
		p += n;
		if (!*p)
			return 1;
	}
}

static void add_hier(
	struct cgroup_host *h, const char *mount, const char *controllers, const char *own, int v2)
{
	for (size_t i = 0; i < h->n; i++) {
		struct cgroup_hier *x = &h->hiers[i];
		if (!streq(x->controllers, controllers))
			continue;
		/* Mounted twice: the usual place is better than one that somebody made. */
		if (!str_after(x->mount, "/sys/fs/cgroup") && str_after(mount, "/sys/fs/cgroup"))
			str_set(&x->mount, mount);
		return;
	}
	h->hiers = xreallocarray(h->hiers, h->n + 1, sizeof(*h->hiers));
	h->hiers[h->n++] = (struct cgroup_hier){
		.mount = xstrdup(mount),
		.controllers = xstrdup(controllers),
		.own = xstrdup(own),
		.v2 = v2,
	};
}

/* "ID PARENT DEV ROOT MOUNT OPTS... - TYPE SOURCE SUPEROPTS": MOUNT, TYPE and SUPEROPTS of a
 * cgroup. */
static int parse_mount(char *line, char **out_mount, int *out_v2, char **out_options)
{
	char *type = strstr(line, " - "), *source, *save, *field;

	if (!type)
		return 0;
	*type = '\0';
	type += 3;
	*out_v2 = str_after(type, "cgroup2 ") != NULL;
	if (!*out_v2 && !str_after(type, "cgroup "))
		return 0;
	source = strchr(type, ' ') + 1;
	if (!(*out_options = strchr(source, ' ')))
		return 0;
	++*out_options;
	field = strtok_r(line, " ", &save);
	for (int i = 0; i < 4 && field; i++)
		field = strtok_r(NULL, " ", &save);
	if (!field)
		return 0;
	mountinfo_unescape(field);
	*out_mount = field;
	return 1;
}

/* Find the line of /proc/self/cgroup ("ID:CONTROLLERS:PATH") that belongs to this mount. */
static void match(
	struct cgroup_host *h, char *const *own, const char *mount, int v2, const char *options)
{
	strv_foreach (line, own) {
		const char *controllers = strchr(*line, ':');
		const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		auto_free char *words = NULL;

		if (!path)
			continue;
		words = xstrndup(controllers + 1, (size_t)(path - controllers - 1));
		if (v2 ? !*words : *words && has_all(options, words))
			add_hier(h, mount, words, path + 1, v2);
	}
}

void cgroup_probe_text(char *mountinfo, char *cgroup, struct cgroup_host *out)
{
	auto_strv char **own = strv_split(cgroup, "\n");
	struct cgroup_host h = {0};
	int v1 = 0, v2 = 0;

	for (char *save, *line = strtok_r(mountinfo, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *mount, *options;
		int is_v2;
		if (parse_mount(line, &mount, &is_v2, &options))
			match(&h, own, mount, is_v2, options);
	}
	for (size_t i = 0; i < h.n; i++)
		*(h.hiers[i].v2 ? &v2 : &v1) = 1;
	h.layout = v1 && v2 ? CGROUP_HYBRID : v1 ? CGROUP_V1 : v2 ? CGROUP_V2 : CGROUP_NONE;
	*out = h;
}

int cgroup_probe(struct cgroup_host *out)
{
	auto_buf struct buf mountinfo = BUF_MAX(MOUNTINFO_MAX), own = BUF_MAX(OWN_MAX);
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", &mountinfo);

	if (r < 0)
		return r;
	r = fd_read_file(AT_FDCWD, "/proc/self/cgroup", &own);
	if (r < 0 && r != -ENOENT) /* a kernel without cgroups */
		return r;
	buf_putc(&mountinfo, '\n');
	buf_putc(&own, '\n');
	cgroup_probe_text(mountinfo.data, own.data, out);
	return 0;
}

void cgroup_host_done(struct cgroup_host *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->hiers[i].mount);
		free(h->hiers[i].controllers);
		free(h->hiers[i].own);
	}
	free(h->hiers);
	free(h->delegated);
	*h = (struct cgroup_host){0};
}

const struct cgroup_hier *cgroup_find(const struct cgroup_host *h, const char *controller)
{
	const struct cgroup_hier *v2 = NULL;

	for (size_t i = 0; i < h->n; i++) {
		if (h->hiers[i].v2)
			v2 = &h->hiers[i];
		else if (has_all(h->hiers[i].controllers, controller))
			return &h->hiers[i];
	}
	return v2;
}

char **cgroup_paths(const struct cgroup_host *h, const char *path)
{
	char **paths = NULL;

	for (size_t i = 0; i < h->n; i++)
		strv_addf(&paths, "%s%s", h->hiers[i].mount, path);
	return paths;
}

/* v1's cpuset starts empty and nothing can enter it so: copy the parent's cpus and mems. */
static int cpuset_fill(const char *dir, const char *parent)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *own = xasprintf("%s/%s", dir, files[i]);
		auto_free char *above = xasprintf("%s/%s", parent, files[i]);
		auto_buf struct buf value = BUF_MAX(4096), from = BUF_MAX(4096);
		int r = fd_read_file(AT_FDCWD, own, &value);

		if (r < 0)
			return r;
		if (value.len > 1) /* more than a newline */
			continue;
		r = fd_read_file(AT_FDCWD, above, &from);
		if (r == 0)
			r = fd_write_value(AT_FDCWD, own, from.data ? from.data : "");
		if (r < 0)
			return r;
	}
	return 0;
}

/* The same from the mount's root down to path. Folders that exist from now on hand their values
 * down by themselves (cgroup.clone_children), which saves the next container all of this. */
static int cpuset_fill_all(const char *mount, const char *path)
{
	auto_free char *dir = xasprintf("%s%s", mount, path);
	auto_free char *parent = xstrdup(mount);
	int r = 0;

	for (char *p = dir + strlen(mount); *p && r == 0;) {
		char *slash = strchr(p + 1, '/'), end = slash ? '/' : '\0';
		auto_free char *flag = NULL;

		if (slash)
			*slash = '\0';
		r = cpuset_fill(dir, parent);
		flag = xasprintf("%s/cgroup.clone_children", dir);
		if (r == 0 && slash)
			fd_write_value(AT_FDCWD, flag, "1");
		str_set(&parent, dir);
		p = slash ? slash : p + strlen(p);
		*p = end;
	}
	return r;
}

/* 1 when the folder's cpuset.cpus is empty */
static int cpuset_is_empty(const char *dir)
{
	auto_free char *file = xasprintf("%s/cpuset.cpus", dir);
	auto_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && (read(fd, &c, 1) < 1 || c == '\n');
}

static int is_cpuset(const struct cgroup_hier *hier)
{
	return !hier->v2 && has_all(hier->controllers, "cpuset");
}

/* mkdir of all folders above the last. */
static int make_parents(
	const struct cgroup_host *h, const struct cgroup_hier *hier, const char *path)
{
	auto_free char *dir = xasprintf("%s%s", hier->mount, path);
	size_t start = strlen(hier->mount);

	if (h->delegated && str_after(path, h->delegated)) {
		/* systemd makes it, or there is none. */
		auto_free char *unit = xasprintf("%s%s", hier->mount, h->delegated);
		if (access(unit, W_OK) < 0)
			return -EACCES;
	}
	for (char *p = strchr(dir + start + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (hier->v2)
		cgroup_v2_enable(h, hier, path, NULL);
	return 0;
}

/* An earlier cgroup of that path: ours if it is empty. */
static int is_populated(const char *dir)
{
	auto_free char *file = xasprintf("%s/cgroup.procs", dir);
	auto_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) > 0;
}

/* 1: made, 0: was there */
static int make_one(const struct cgroup_host *h, const struct cgroup_hier *hier, const char *path)
{
	auto_free char *dir = xasprintf("%s%s", hier->mount, path);
	int r, made = mkdir(dir, 0755) == 0;

	if (!made && errno == ENOENT) {
		r = make_parents(h, hier, path);
		if (r < 0)
			return r;
		made = mkdir(dir, 0755) == 0;
	}
	if (!made && errno != EEXIST)
		return -errno;
	if (!made && is_populated(dir))
		return -EBUSY;
	if (is_cpuset(hier) && cpuset_is_empty(dir)) {
		r = cpuset_fill_all(hier->mount, path);
		if (r < 0) {
			if (made)
				rmdir(dir);
			return r;
		}
	}
	return made;
}

static int is_path(const char *path)
{
	auto_strv char **parts = strv_split(path, "/");

	return path[0] == '/' && path[1] && !strv_has(parts, "..");
}

#define HALVES 2 /* both, for make_in */

static int make_in(const struct cgroup_host *h, const char *path, int half)
{
	auto_strv char **made = NULL;
	mode_t mask;
	int r = 0;

	if (!is_path(path))
		return -EINVAL;
	mask = umask(022);
	for (size_t i = 0; i < h->n && r >= 0; i++) {
		if (half != HALVES && !h->hiers[i].v2 != !half)
			continue;
		r = make_one(h, &h->hiers[i], path);
		if (r == 1)
			strv_addf(&made, "%s%s", h->hiers[i].mount, path);
	}
	umask(mask);
	if (r >= 0)
		return 0;
	strv_foreach (dir, made)
		rmdir(*dir);
	return r;
}

int cgroup_make(const struct cgroup_host *h, const char *path)
{
	return make_in(h, path, HALVES);
}

int cgroup_make_half(const struct cgroup_host *h, const char *path, int with_v2)
{
	return make_in(h, path, with_v2 != 0);
}

static int write_pid(
	const struct cgroup_hier *hier, const char *path, const char *file, const char *value)
{
	auto_free char *full = xasprintf("%s%s/%s", hier->mount, path, file);

	return fd_write_value(AT_FDCWD, full, value);
}

int cgroup_enter(const struct cgroup_host *h, const char *path, pid_t pid)
{
	char value[16];
	int r = 0;

	snprintf(value, sizeof(value), "%d", (int)pid);
	for (size_t i = 0; i < h->n && r == 0; i++)
		r = write_pid(&h->hiers[i], path, "cgroup.procs", value);
	return r;
}

int cgroup_enter_self(const struct cgroup_host *h, const char *path, int with_v2)
{
	int r = 0;

	for (size_t i = 0; i < h->n && r == 0; i++) {
		const struct cgroup_hier *hier = &h->hiers[i];
		if (!hier->v2)
			r = write_pid(hier, path, "tasks", "0");
		else if (with_v2)
			r = write_pid(hier, path, "cgroup.procs", "0");
	}
	return r;
}

int cgroup_open_v2(const struct cgroup_host *h, const char *path)
{
	for (size_t i = 0; i < h->n; i++) {
		auto_free char *dir = NULL;
		int fd;

		if (!h->hiers[i].v2)
			continue;
		dir = xasprintf("%s%s", h->hiers[i].mount, path);
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}
