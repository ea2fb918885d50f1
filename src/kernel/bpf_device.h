/* bpf_device.h: the devices that a cgroup of v2 may use, as a BPF program of type
 * BPF_PROG_TYPE_CGROUP_DEVICE (4.15). Quiet. Called by cgroup_devices. */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>

#include "kernel/cgroup.h"

#define BPF_DEVICE_INSNS_MAX 4096 /* what a kernel before 5.2 takes */

/* Rules in order -> a program in out[max]; how many instructions, or -E2BIG. A device and a kind of
 * access that no rule names are refused. Pure. */
int bpf_device_compile(
	const struct cgroup_device_rule *rules, size_t n, struct bpf_insn *out, size_t max);
/* Load and attach it to the cgroup (O_PATH will not do). It stays until the cgroup is removed, and
 * programs above it count, too (BPF_F_ALLOW_MULTI). -EPERM without CAP_SYS_ADMIN or CAP_BPF and
 * CAP_NET_ADMIN, -EINVAL or -ENOSYS on kernels that cannot. */
int bpf_device_attach(int cgroup_fd, const struct bpf_insn *insns, size_t n);
