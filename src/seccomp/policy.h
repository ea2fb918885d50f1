/* policy.h: a profile after every condition of its own has been decided: for each architecture,
 * system call numbers and what happens to them. Built by profile.c, turned into a filter by gen.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define POLICY_ARGS 6

enum policy_op { OP_NE, OP_LT, OP_LE, OP_EQ, OP_GE, OP_GT, OP_MASKED_EQ };

/* On 64 bits. MASKED_EQ: (argument & value) == value_two. */
struct policy_cmp {
	unsigned index;
	enum policy_op op;
	uint64_t value, value_two;
};

struct policy_rule {
	uint32_t action; /* SECCOMP_RET_... with its data */
	unsigned n_cmps;
	struct policy_cmp cmps[POLICY_ARGS]; /* all must hold */
};

/* One system call: the first rule that holds counts, else `unmatched` of the policy; without rules
 * always `action`. */
struct policy_call {
	uint32_t nr;
	uint32_t action;
	struct policy_rule *rules;
	size_t n_rules;
};

struct policy_arch {
	uint32_t audit; /* AUDIT_ARCH_..., as the kernel gives it; tells width and byte order */
	uint32_t token; /* SCMP_ARCH_..., differs for x32 only */
	struct policy_call *calls;
	size_t n_calls;
};

#define POLICY_ARCHES 8
#define POLICY_RULES_MAX 4096 /* with conditions, over all architectures: more fit no filter */

struct policy {
	uint32_t default_action;		  /* system calls without an entry */
	uint32_t unmatched_action;		  /* none of the rules held */
	uint32_t bad_arch_action;		  /* architectures without an entry */
	struct policy_arch arches[POLICY_ARCHES]; /* the native one first, x32 behind it */
	size_t n_arches;
	size_t n_rules;
};

struct policy_call *policy_call_find(const struct policy_arch *a, uint32_t nr);
/* Add a rule, as libseccomp does: the first rule without conditions counts, and it counts more than
 * rules with conditions, earlier or later. Quiet: 0 or -E2BIG. */
int policy_rule_add(
	struct policy *p, struct policy_arch *a, uint32_t nr, const struct policy_rule *rule);
/* Forget what was said about a call. */
void policy_call_clear(struct policy *p, struct policy_arch *a, uint32_t nr);
/* Calls into the order of their numbers, as gen.c wants them. */
void policy_sort(struct policy *p);
void policy_done(struct policy *p);
