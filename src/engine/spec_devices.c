/* spec_devices.c: --device, --device-cgroup-rule, and all devices of the host for --privileged. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/spec.h"

#define DEVICES_MAX 4096
#define DEPTH_MAX 8

/* The runtime makes null, zero, full, random, urandom and tty itself. */
static int is_default_device(const char *path)
{
	static const char *const names[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(path, names[i]))
			return 1;
	return 0;
}

static int add_device(struct spec *s, const char *host, const char *inside, const struct stat *st,
	const char *access, struct err *e)
{
	char type = S_ISCHR(st->st_mode) ? 'c' : 'b';
	struct oci_device *d;

	if (s->oci.n_devices >= DEVICES_MAX)
		return err_set(e, ERR_INVALID, "more than %d devices", DEVICES_MAX);
	if (s->uids && is_default_device(inside))
		return 0;
	if (s->uids) { /* nobody here makes nodes: the host's own, as its owner has it */
		strv_add(&s->device_binds, host);
		strv_add(&s->device_binds, inside);
		return 0;
	}
	d = oci_config_add_device(&s->oci, inside, type, major(st->st_rdev), minor(st->st_rdev));
	d->file_mode = st->st_mode & 07777;
	d->uid = st->st_uid;
	d->gid = st->st_gid;
	if (access)
		oci_config_add_device_rule(
			&s->oci, 1, type, major(st->st_rdev), minor(st->st_rdev), access);
	return 0;
}

static int is_skipped(const char *name)
{
	static const char *const names[] = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts",
		".udev", "console", "stdin", "stdout", "stderr", "core", "ptmx"};

	if (streq(name, ".") || streq(name, ".."))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return 1;
	return 0;
}

/* Every device beneath the folder dirfd (consumed), which is `host`, under `inside`. */
static int add_folder(struct spec *s, int dirfd, const char *host, const char *inside,
	const char *access, int depth, struct err *e)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		close(dirfd);
		return err_sys(e, errno, "read the folder %s", inside);
	}
	while (r == 0 && (de = readdir(d))) {
		auto_free char *path = xasprintf("%s/%s", inside, de->d_name);
		auto_free char *from = xasprintf("%s/%s", host, de->d_name);
		struct stat st;
		int fd;

		if (is_skipped(de->d_name) ||
			fstatat(dirfd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			r = add_device(s, from, path, &st, access, e);
		if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
			continue;
		fd = openat(dirfd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = add_folder(s, fd, from, path, access, depth + 1, e);
	}
	closedir(d);
	return r;
}

static int is_access(const char *text)
{
	return *text && strlen(text) <= 3 && strspn(text, "rwm") == strlen(text);
}

/* "HOST[:CONTAINER[:ACCESS]]", "HOST:ACCESS"; a folder means all devices in it. */
static int add_wanted(struct spec *s, const char *text, struct err *e)
{
	auto_strv char **parts = strv_split(text, ":");
	size_t n = strv_len(parts);
	const char *access = "rwm", *inside;
	auto_free char *clean = NULL;
	struct stat st;
	int fd;

	if (n < 1 || n > 3 || *parts[0] != '/')
		return err_set(e, ERR_INVALID,
			"bad format for path: %s (the form is /dev/HOST[:/dev/CONTAINER[:rwm]])",
			text);
	if (n == 3 || (n == 2 && *parts[1] != '/')) {
		access = parts[n - 1];
		if (!is_access(access))
			return err_set(e, ERR_INVALID, "bad mode specified: %s", access);
	}
	inside = n >= 2 && *parts[1] == '/' ? parts[1] : parts[0];
	clean = mounts_clean_path(inside);
	fd = open(parts[0], O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(e, errno,
			"error gathering device information while adding custom device \"%s\"",
			parts[0]);
		fd_close_ptr(&fd);
		return -1;
	}
	close(fd);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return add_device(s, parts[0], clean, &st, access, e);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID,
			"error gathering device information while adding custom device \"%s\": not "
			"a device node",
			parts[0]);
	fd = open(parts[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "read the folder %s", parts[0]);
	return add_folder(s, fd, parts[0], clean, access, 0, e);
}

static void drop_default_devices(struct spec *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->oci.n_devices; i++) {
		if (is_default_device(s->oci.devices[i].path))
			free(s->oci.devices[i].path);
		else
			s->oci.devices[kept++] = s->oci.devices[i];
	}
	s->oci.n_devices = kept;
}

/* "*" or digits up to the space or colon; NULL when it is neither. */
static const char *rule_number(const char *p, int64_t *out)
{
	uint64_t v = 0;

	*out = -1;
	if (*p == '*')
		return p + 1;
	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++)
		if ((v = v * 10 + (uint64_t)(*p - '0')) > UINT32_MAX)
			return NULL;
	*out = (int64_t)v;
	return p;
}

/* "c 189:* rwm" */
static int add_rule(struct spec *s, const char *text, struct err *e)
{
	int64_t numbers[2];
	const char *p = text;

	if (*p && strchr("abc", *p) && p[1] == ' ' && (p = rule_number(p + 2, &numbers[0])) &&
		*p == ':' && (p = rule_number(p + 1, &numbers[1])) && *p == ' ' &&
		is_access(p + 1)) {
		oci_config_add_device_rule(&s->oci, 1, *text, numbers[0], numbers[1], p + 1);
		return 0;
	}
	return err_set(e, ERR_INVALID,
		"invalid argument \"%.200s\" for \"--device-cgroup-rule\" flag: invalid device "
		"cgroup "
		"format '%.200s' (the form is 'c 189:* rwm')",
		text, text);
}

static int any(char *const *v)
{
	return v && *v;
}

/* On v2 rules are a program, which takes the kernel 0.1 ms to check: not where there is nothing to
 * open. In a user namespace no node can be made, and file systems that are mounted there have none;
 * so devices come only with the host's files. */
static int needs_rules(const struct spec *s)
{
	const struct engine_run *req = s->req;
	const struct cgroup_hier *hier = cgroup_find(&s->cgroups, "devices");

	return !s->modes.user_ns || !hier || !hier->v2 || req->rootfs || any(req->devices) ||
	       any(req->device_cgroup_rules) || any(req->volumes) || any(req->mounts);
}

int spec_devices(struct spec *s, struct err *e)
{
	int fd;

	/* Everything is forbidden, then what is needed allowed; the runtime adds its own. */
	if (needs_rules(s))
		oci_config_add_device_rule(&s->oci, s->req->privileged, 'a', -1, -1, "rwm");
	if (s->req->privileged) {
		fd = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, errno, "read the folder /dev");
		if (add_folder(s, fd, "/dev", "/dev", NULL, 0, e) < 0)
			return -1;
		drop_default_devices(s);
	}
	strv_foreach (d, s->req->devices)
		if (add_wanted(s, *d, e) < 0)
			return -1;
	strv_foreach (r, s->req->device_cgroup_rules)
		if (add_rule(s, *r, e) < 0)
			return -1;
	return 0;
}
