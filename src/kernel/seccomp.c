/* seccomp.c: loading a compiled filter. */
#define _GNU_SOURCE
#include "kernel/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/mem.h"
#include "kernel/sys.h"

#ifndef PR_SET_SECCOMP
#define PR_SET_SECCOMP 22
#endif
#ifndef SECCOMP_FILTER_FLAG_LOG
#define SECCOMP_FILTER_FLAG_LOG (1UL << 1)
#endif
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

/* With the flags that this kernel has: the newest one is given up first. */
static int load(const struct sock_fprog *prog, unsigned flags)
{
	static const unsigned newest_first[] = {
		SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		SECCOMP_FILTER_FLAG_LOG,
	};
	int r = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, prog);

	for (size_t i = 0; i < ARRAY_SIZE(newest_first) && r == -EINVAL; i++) {
		if (!(flags & newest_first[i]))
			continue;
		flags &= ~newest_first[i];
		r = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, prog);
	}
	if (r != -ENOSYS)
		return r;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prog, 0, 0) < 0 ? -errno : 0;
}

int seccomp_load(const void *data, size_t len, int log, int spec_allow)
{
	unsigned flags = (log ? (unsigned)SECCOMP_FILTER_FLAG_LOG : 0) |
			 (spec_allow ? (unsigned)SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0);
	struct sock_fprog prog;

	if (!len || len % sizeof(struct sock_filter))
		return -EINVAL;
	if (len / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return -E2BIG;
	prog.len = (unsigned short)(len / sizeof(struct sock_filter));
	prog.filter = (struct sock_filter *)(uintptr_t)data;
	return load(&prog, flags);
}
