/* test_kernel_bpf_device.c: rules about devices as a program: against a plain reading of the rules,
 * by an interpreter for the dozen instructions in use; and, as root, against the kernel. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kernel/bpf_device.h"
#include "kernel/cgroup.h"

#define R CGROUP_DEVICE_READ
#define W CGROUP_DEVICE_WRITE
#define M CGROUP_DEVICE_MKNOD
#define ALL CGROUP_DEVICE_ALL

static struct bpf_insn insns[BPF_DEVICE_INSNS_MAX];

static int64_t alu(uint8_t op, int64_t a, int64_t b)
{
	switch (op) {
	case BPF_MOV:
		return b;
	case BPF_AND:
		return a & b;
	case BPF_RSH:
		return (int64_t)((uint64_t)a >> b);
	default:
		fail_msg("operation %x", op);
	}
	return 0;
}

/* What the kernel would answer; checks what its verifier does: jumps forward and inside. */
static int interpret(size_t n, char type, unsigned access, uint32_t major, uint32_t minor)
{
	const struct bpf_cgroup_dev_ctx context = {
		.access_type = access << 16 |
			       (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};
	int64_t reg[11] = {0};

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &insns[pc];
		int64_t operand = i->code & BPF_X ? reg[i->src_reg] : i->imm;
		uint32_t word;
		int jump;

		switch (BPF_CLASS(i->code)) {
		case BPF_LDX:
			memcpy(&word, (const char *)&context + i->off, sizeof(word));
			reg[i->dst_reg] = word;
			break;
		case BPF_ALU64:
			reg[i->dst_reg] = alu(BPF_OP(i->code), reg[i->dst_reg], operand);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_EXIT)
				return (int)reg[0];
			jump = BPF_OP(i->code) == BPF_JNE ? reg[i->dst_reg] != operand
							  : reg[i->dst_reg] == operand;
			assert_true(i->off >= 0 && pc + 1 + (size_t)i->off < n);
			pc += jump ? (size_t)i->off : 0;
			break;
		default:
			fail_msg("class %x", i->code);
		}
	}
	fail_msg("ran past the end");
	return -1;
}

/* The same by the words of the header: for each access the last rule that names it. */
static int expected(const struct cgroup_device_rule *rules, size_t n, char type, unsigned access,
	int64_t major, int64_t minor)
{
	for (unsigned bit = 1; bit <= 4; bit <<= 1) {
		int allowed = 0;

		if (!(access & bit))
			continue;
		for (size_t i = 0; i < n; i++)
			if ((rules[i].type == 'a' || rules[i].type == type) &&
				(rules[i].major < 0 || rules[i].major == major) &&
				(rules[i].minor < 0 || rules[i].minor == minor) &&
				rules[i].access & bit)
				allowed = rules[i].allow;
		if (!allowed)
			return 0;
	}
	return 1;
}

static void compare(const struct cgroup_device_rule *rules, size_t n)
{
	int count = bpf_device_compile(rules, n, insns, ARRAY_SIZE(insns));

	assert_true(count > 0);
	for (unsigned access = 1; access <= ALL; access++)
		for (uint32_t major = 0; major < 3; major++)
			for (uint32_t minor = 0; minor < 3; minor++)
				for (const char *t = "bc"; *t; t++)
					assert_int_equal(
						interpret((size_t)count, *t, access, major, minor),
						expected(rules, n, *t, access, major, minor));
}

static void test_examples(void **state)
{
	const struct cgroup_device_rule rules[] = {
		{1, 'c', 2, 2, ALL}, /* before "nothing": gone */
		{0, 'a', -1, -1, ALL}, {1, 'c', 1, -1, R | W}, {0, 'c', 1, 2, W},
		{1, 'b', -1, 1, M}, {1, 'a', 0, 0, R},
		{1, 'c', 5000000000, 1, ALL}, /* no device has this number */
	};
	int n;

	(void)state;
	compare(rules, ARRAY_SIZE(rules));
	n = bpf_device_compile(rules, ARRAY_SIZE(rules), insns, ARRAY_SIZE(insns));
	assert_int_equal(interpret((size_t)n, 'c', R | W, 1, 1), 1);
	assert_int_equal(interpret((size_t)n, 'c', R | W, 1, 2), 0);
	assert_int_equal(interpret((size_t)n, 'c', R, 1, 2), 1);
	assert_int_equal(interpret((size_t)n, 'b', R, 1, 1), 0);
	assert_int_equal(interpret((size_t)n, 'c', R, 2, 2), 0);
	compare(rules, 0);
}

static void test_split_access(void **state)
{
	/* Opening for both must work, though no rule allows both. */
	const struct cgroup_device_rule rules[] = {{1, 'c', 1, 1, R}, {1, 'c', 1, 1, W}};

	(void)state;
	compare(rules, 2);
}

static void test_random(void **state)
{
	unsigned seed = 12345;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct cgroup_device_rule rules[12];
		size_t n = (size_t)rand_r(&seed) % ARRAY_SIZE(rules);

		for (size_t i = 0; i < n; i++)
			rules[i] = (struct cgroup_device_rule){
				.allow = rand_r(&seed) % 2,
				.type = "abc"[rand_r(&seed) % 3],
				.major = rand_r(&seed) % 4 - 1,
				.minor = rand_r(&seed) % 4 - 1,
				.access = 1 + (unsigned)rand_r(&seed) % 7,
			};
		compare(rules, n);
	}
}

static void test_too_many(void **state)
{
	static struct cgroup_device_rule rules[2000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i] = (struct cgroup_device_rule){1, 'c', 1, (int64_t)i, ALL};
	assert_int_equal(
		bpf_device_compile(rules, ARRAY_SIZE(rules), insns, ARRAY_SIZE(insns)), -E2BIG);
	rules[1999] = (struct cgroup_device_rule){1, 'a', -1, -1, ALL};
	assert_true(bpf_device_compile(rules, ARRAY_SIZE(rules), insns, ARRAY_SIZE(insns)) > 0);
}

/* In a process of the cgroup: which of the three can be opened? */
static int opens(const struct cgroup_host *host, const char *path, const struct bpf_insn *program,
	size_t n, int cgroup_fd)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int r = bpf_device_attach(cgroup_fd, program, n);
		if (r == -EPERM || r == -ENOSYS)
			_exit(99);
		if (r < 0 || cgroup_enter_self(host, path, 1) < 0)
			_exit(98);
		_exit((open("/dev/null", O_RDWR) >= 0) | (open("/dev/zero", O_RDONLY) >= 0) << 1 |
			(open("/dev/zero", O_RDWR) >= 0) << 2);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_kernel(void **state)
{
	const struct cgroup_device_rule rules[] = {
		{0, 'a', -1, -1, ALL}, {1, 'c', 1, 3, ALL}, {1, 'c', 1, 5, R}};
	struct cgroup_host host = {0};
	char path[64];
	auto_strv char **paths = NULL;
	int n = bpf_device_compile(rules, ARRAY_SIZE(rules), insns, ARRAY_SIZE(insns)), fd,
	    got = 99;

	(void)state;
	snprintf(path, sizeof(path), "/hull-test-bpf-%d", (int)getpid());
	if (geteuid() != 0 || cgroup_probe(&host) < 0 || cgroup_make(&host, path) < 0)
		skip();
	paths = cgroup_paths(&host, path);
	for (size_t i = 0; i < host.n; i++)
		if (host.hiers[i].v2) {
			fd = open(paths[i], O_RDONLY | O_DIRECTORY);
			got = opens(&host, path, insns, (size_t)n, fd);
			close(fd);
		}
	assert_int_equal(cgroup_remove(paths, 2000), 0);
	cgroup_host_done(&host);
	if (got == 99) /* no v2 hierarchy, or no right to */
		skip();
	assert_int_equal(got, 1 | 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_split_access),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_kernel),
	};

	return cmocka_run_group_tests_name("kernel_bpf_device", tests, NULL, NULL);
}
