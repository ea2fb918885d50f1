/* bpf_device.c: rules about devices as a BPF program.
 *
 * How it works: the kernel asks with a type (char or block), a major and a minor number and a set
 * of accesses (read, write, mknod) and takes one number for an answer: 0 means no. The program
 * walks the rules from the last to the first with the accesses that are still undecided. A rule
 * that names the device decides its accesses: one that denies ends it at once, one that allows
 * takes its accesses away, and when none is left the answer is yes. So the last rule wins for each
 * access, also where wildcards overlap. What reaches the end gets the default. A rule for
 * everything makes the ones before it unreachable, which verifiers refuse: it becomes the default.
 */
#define _GNU_SOURCE
#include "kernel/bpf_device.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/sys.h"

enum { R_ANSWER = BPF_REG_0, R_CONTEXT = BPF_REG_1, R_TYPE, R_ACCESS, R_MAJOR, R_MINOR, R_BITS };

struct program {
	struct bpf_insn *insns;
	size_t n, max; /* n counts on when it does not fit */
};

static void emit(
	struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (p->n < p->max)
		p->insns[p->n] = (struct bpf_insn){
			.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
	p->n++;
}

/* Its offset is set by land(). */
static size_t emit_jump(struct program *p, uint8_t op, uint8_t reg, int32_t imm)
{
	emit(p, BPF_JMP | op | BPF_K, reg, 0, 0, imm);
	return p->n - 1;
}

static void land(struct program *p, size_t jump)
{
	if (jump < p->max)
		p->insns[jump].off = (int16_t)(p->n - jump - 1);
}

static void emit_answer(struct program *p, int answer)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, R_ANSWER, 0, 0, answer);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_load(struct program *p, uint8_t reg, size_t offset)
{
	emit(p, BPF_LDX | BPF_W | BPF_MEM, reg, R_CONTEXT, (int16_t)offset, 0);
}

static void emit_start(struct program *p)
{
	/* access_type: accesses above, type below */
	emit_load(p, R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_ACCESS, R_TYPE, 0, 0);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, R_ACCESS, 0, 0, 16);
	emit_load(p, R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(p, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

static int is_everything(const struct cgroup_device_rule *r)
{
	return r->type == 'a' && r->major < 0 && r->minor < 0 && r->access == CGROUP_DEVICE_ALL;
}

static void emit_rule(struct program *p, const struct cgroup_device_rule *r)
{
	size_t jumps[5], n = 0;

	/* The kernel's numbers are far below; an immediate is signed. */
	if (r->major > INT32_MAX || r->minor > INT32_MAX)
		return;
	if (r->type != 'a')
		jumps[n++] = emit_jump(p, BPF_JNE, R_TYPE,
			r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		jumps[n++] = emit_jump(p, BPF_JNE, R_MAJOR, (int32_t)r->major);
	if (r->minor >= 0)
		jumps[n++] = emit_jump(p, BPF_JNE, R_MINOR, (int32_t)r->minor);
	if (r->allow) {
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_ACCESS, 0, 0, (int32_t)~r->access);
	} else {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_BITS, R_ACCESS, 0, 0);
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_BITS, 0, 0, (int32_t)r->access);
	}
	jumps[n++] = r->allow ? emit_jump(p, BPF_JNE, R_ACCESS, 0)
			      : emit_jump(p, BPF_JEQ, R_BITS, 0);
	emit_answer(p, r->allow);
	while (n > 0)
		land(p, jumps[--n]);
}

int bpf_device_compile(
	const struct cgroup_device_rule *rules, size_t n, struct bpf_insn *out, size_t max)
{
	struct program p = {.insns = out, .max = max};
	int otherwise = 0;

	emit_start(&p);
	for (size_t i = n; i > 0; i--) {
		if (is_everything(&rules[i - 1])) {
			otherwise = rules[i - 1].allow;
			break;
		}
		emit_rule(&p, &rules[i - 1]);
	}
	emit_answer(&p, otherwise);
	return p.n <= p.max ? (int)p.n : -E2BIG;
}

static int load(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t) "GPL";
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Before 5.11 programs were charged to the user's RLIMIT_MEMLOCK, 64 KiB by default; and refused
 * with EPERM as if a capability were missing. */
static int load_charged(const struct bpf_insn *insns, size_t n)
{
	const struct rlimit endless = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit own;
	int fd = load(insns, n);

	if (fd != -EPERM || getrlimit(RLIMIT_MEMLOCK, &own) < 0 ||
		setrlimit(RLIMIT_MEMLOCK, &endless) < 0)
		return fd;
	fd = load(insns, n);
	setrlimit(RLIMIT_MEMLOCK, &own);
	return fd;
}

int bpf_device_attach(int cgroup_fd, const struct bpf_insn *insns, size_t n)
{
	auto_fd int fd = load_charged(insns, n);
	union bpf_attr attr;

	if (fd < 0)
		return fd;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	return sys_bpf(BPF_PROG_ATTACH, &attr, sizeof(attr));
}
