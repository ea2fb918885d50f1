/* caps.c: capabilities by prctl(2) and capset(2). */
#define _GNU_SOURCE
#include "kernel/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_IS_SET 1
#define PR_CAP_AMBIENT_RAISE 2
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

static const char *const names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

int caps_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i] + 4) == 0)
			return (int)i;
	return -EINVAL;
}

const char *caps_name(int number)
{
	return number >= 0 && (size_t)number < ARRAY_SIZE(names) ? names[number] : NULL;
}

uint64_t caps_all(void)
{
	static uint64_t all;

	if (all)
		return all;
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		all |= CAPS_BIT(i);
	return all;
}

int caps_set_bounding(uint64_t keep)
{
	for (int i = 0; i < 64 && caps_all() & CAPS_BIT(i); i++) {
		/* One that is gone already needs no right to drop it. */
		if (keep & CAPS_BIT(i) || prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

int caps_keep(int on)
{
	return prctl(PR_SET_KEEPCAPS, on ? 1 : 0, 0, 0, 0) < 0 ? -errno : 0;
}

static int set_ambient(uint64_t ambient)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return errno != EINVAL ? -errno : ambient ? -EOPNOTSUPP : 0;
	for (int i = 0; i < 64; i++)
		if (ambient & CAPS_BIT(i) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return -errno;
	return 0;
}

int caps_set(const struct caps_sets *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint64_t all = caps_all();

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)((s->effective & all) >> (32 * i));
		data[i].permitted = (uint32_t)((s->permitted & all) >> (32 * i));
		data[i].inheritable = (uint32_t)((s->inheritable & all) >> (32 * i));
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	return set_ambient(s->ambient & all);
}

int caps_get(struct caps_sets *out)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	struct caps_sets s = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		s.effective |= (uint64_t)data[i].effective << (32 * i);
		s.permitted |= (uint64_t)data[i].permitted << (32 * i);
		s.inheritable |= (uint64_t)data[i].inheritable << (32 * i);
	}
	for (int i = 0; i < 64 && caps_all() & CAPS_BIT(i); i++) {
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			s.bounding |= CAPS_BIT(i);
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			s.ambient |= CAPS_BIT(i);
	}
	*out = s;
	return 0;
}
