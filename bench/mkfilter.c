// SPDX-License-Identifier: Apache-2.0
/*
 * Writes a seccomp filter of the reach of Docker's default profile, for floor-safe to load.
 *
 *	mkfilter [-l] >FILE
 *
 * The file is an array of struct sock_filter for x86-64, i386 and x32. Everything libseccomp knows
 * by name is let through but the calls below, which answer EPERM; what it does not know answers
 * ENOSYS. The filter is a binary tree, which the kernel takes in several times faster than a
 * list (it walks the filter once for each system call number when it is loaded); -l makes the list.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMESPACE_FLAGS 0x7e020000u
#define LAST_NUMBER 600

static const char *const denied[] = {"acct", "add_key", "bdflush", "bpf", "clock_adjtime",
	"clock_adjtime64", "clock_settime", "clock_settime64", "create_module", "delete_module",
	"fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick",
	"get_kernel_syms", "get_mempolicy", "init_module", "io_uring_enter", "io_uring_register",
	"io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
	"lookup_dcookie", "mbind", "mount", "mount_setattr", "move_mount", "move_pages",
	"migrate_pages", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open",
	"pivot_root", "process_madvise", "query_module", "quotactl", "quotactl_fd", "reboot",
	"request_key", "set_mempolicy", "setdomainname", "sethostname", "setns", "settimeofday",
	"stime", "swapoff", "swapon", "sysfs", "umount", "umount2", "unshare", "uselib",
	"userfaultfd", "ustat", "vhangup", "vm86", "vm86old", "_sysctl"};

static int is_denied(const char *name)
{
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if (strcmp(denied[i], name) == 0)
			return 1;
	return 0;
}

/* The calls whose arguments decide. */
static int add_special(scmp_filter_ctx ctx, const char *name, int nr)
{
	static const unsigned int personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	struct scmp_arg_cmp arg;
	int error = 0;

	if (strcmp(name, "clone3") == 0)
		return 1; /* ENOSYS: its flags cannot be looked at */
	if (strcmp(name, "clone") == 0) {
		arg = SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACE_FLAGS, 0);
	} else if (strcmp(name, "socket") == 0) {
		arg = SCMP_A0(SCMP_CMP_NE, 40, 0); /* AF_VSOCK */
	} else if (strcmp(name, "personality") == 0) {
		for (size_t i = 0; i < 5 && error == 0; i++) {
			arg = SCMP_A0_32(SCMP_CMP_EQ, personalities[i], 0);
			error = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 1, &arg);
		}
		return error < 0 ? error : 1;
	} else {
		return 0;
	}
	error = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 1, &arg);
	return error < 0 ? error : 1;
}

static int add_arch(scmp_filter_ctx ctx, uint32_t arch)
{
	for (int i = 0; i < LAST_NUMBER; i++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, i);
		int error, nr;

		if (!name)
			continue;
		nr = seccomp_syscall_resolve_name(name);
		if (nr == __NR_SCMP_ERROR) {
			free(name);
			continue;
		}
		error = add_special(ctx, name, nr);
		if (error == 0)
			error = seccomp_rule_add(ctx,
				is_denied(name) ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW, nr, 0);
		free(name);
		if (error < 0 && error != -EEXIST)
			return error;
	}
	return 0;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int list = argc > 1 && strcmp(argv[1], "-l") == 0;
	int error;

	error = seccomp_arch_add(ctx, SCMP_ARCH_X86);
	if (error == 0)
		error = seccomp_arch_add(ctx, SCMP_ARCH_X32);
	if (error == 0 && !list)
		error = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = add_arch(ctx, SCMP_ARCH_X86_64);
	if (error == 0)
		error = add_arch(ctx, SCMP_ARCH_X86);
	if (error == 0)
		error = seccomp_export_bpf(ctx, STDOUT_FILENO);
	seccomp_release(ctx);
	if (error < 0)
		fprintf(stderr, "mkfilter: %s\n", strerror(-error));
	return error < 0;
}
