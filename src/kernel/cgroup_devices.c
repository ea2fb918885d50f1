/* cgroup_devices.c: which devices a cgroup may use, on v1 and v2. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "kernel/bpf_device.h"
#include "kernel/cgroup.h"

static int open_file(const struct cgroup_hier *h, const char *path, const char *name)
{
	auto_free char *full = xasprintf("%s%s/%s", h->mount, path, name);
	int fd = open(full, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void number_text(int64_t number, char out[24])
{
	if (number < 0)
		str_copy(out, 24, "*");
	else
		snprintf(out, 24, "%" PRId64, number);
}

/* The kernel takes one rule from each write, and 'a' as everything, whatever follows: what is less
 * than that is written for each kind. */
static int write_rule(int fd, const struct cgroup_device_rule *r, char type)
{
	char text[80], major[24], minor[24];
	int len;

	number_text(r->major, major);
	number_text(r->minor, minor);
	len = snprintf(text, sizeof(text), "%c %s:%s %s%s%s", type, major, minor,
		r->access & CGROUP_DEVICE_READ ? "r" : "",
		r->access & CGROUP_DEVICE_WRITE ? "w" : "",
		r->access & CGROUP_DEVICE_MKNOD ? "m" : "");
	return write(fd, text, (size_t)len) < 0 ? -errno : 0;
}

static int write_rule_v1(int fd, const struct cgroup_device_rule *r)
{
	int part = r->major >= 0 || r->minor >= 0 || r->access != CGROUP_DEVICE_ALL;
	int err;

	if (r->type != 'a' || !part)
		return write_rule(fd, r, r->type);
	err = write_rule(fd, r, 'c');
	return err < 0 ? err : write_rule(fd, r, 'b');
}

static int devices_v1(const struct cgroup_hier *hier, const char *path,
	const struct cgroup_device_rule *rules, size_t n)
{
	auto_fd int allow = open_file(hier, path, "devices.allow");
	auto_fd int deny = open_file(hier, path, "devices.deny");
	int r = 0;

	if (allow < 0 || deny < 0)
		return allow < 0 ? allow : deny;
	for (size_t i = 0; i < n && r == 0; i++)
		if (rules[i].access)
			r = write_rule_v1(rules[i].allow ? allow : deny, &rules[i]);
	return r;
}

static int devices_v2(const struct cgroup_hier *hier, const char *path,
	const struct cgroup_device_rule *rules, size_t n)
{
	auto_free struct bpf_insn *insns = xcalloc(BPF_DEVICE_INSNS_MAX, sizeof(*insns));
	auto_free char *dir = xasprintf("%s%s", hier->mount, path);
	auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = bpf_device_compile(rules, n, insns, BPF_DEVICE_INSNS_MAX);

	int r;

	if (fd < 0)
		return -errno;
	if (count < 0)
		return count;
	r = bpf_device_attach(fd, insns, (size_t)count);
	return r == -EPERM || r == -EINVAL ? -ENOSYS : r;
}

int cgroup_devices(const struct cgroup_host *h, const char *path,
	const struct cgroup_device_rule *rules, size_t n)
{
	const struct cgroup_hier *hier = cgroup_find(h, "devices");

	if (!hier)
		return -ENOSYS;
	return hier->v2 ? devices_v2(hier, path, rules, n) : devices_v1(hier, path, rules, n);
}
