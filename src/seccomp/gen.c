/* gen.c: a policy as a classic BPF program.
 *
 * How it works. libseccomp tests one number after the other; a profile of 400 names gives 1,400
 * instructions, and since the kernel translates and compiles a filter when it is loaded, and on top
 * runs it once for every system call number to learn which are always allowed
 * (seccomp_cache_prepare, 5.11), each container pays half a millisecond for it. Here the numbers of
 * an architecture become ranges with the same answer, and a tree of comparisons finds the range. A
 * range may have a few numbers that differ, tested one by one: an isolated number then costs one
 * comparison, not two. The same tree serves the values of an argument (socket's families).
 *
 * The program is written backwards, last instruction first: jumps in classic BPF only go forward,
 * so that every target has its place already when a jump to it is written. A label is an index into
 * the backward program. Conditional jumps reach 255 instructions; `near` puts a stepping stone
 * where that is not enough. An instruction that was written before with the same targets is used
 * again.
 *
 * Only loads of nr and arch, AND and comparisons with constants may be used up to an answer that
 * does not depend on arguments: that is what seccomp_cache_prepare can follow. */
#include "seccomp/gen.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

#define CODE_MAX                                                                         \
	(2 * BPF_MAXINSNS) /* counted until the end, so that the error can tell how many \
			    */
#define X32_BIT 0x40000000u
/* How many numbers of a range may differ: more make the program shorter and its paths longer. */
#define EXCEPTIONS_MAX 2

typedef unsigned label;

struct gen {
	struct sock_filter code[CODE_MAX];
	label jt[CODE_MAX], jf[CODE_MAX]; /* targets; a plain instruction has its successor in jt */
	unsigned n;
};

struct span {
	uint32_t first; /* up to the next span's first */
	label answer;
	size_t exceptions, n_exceptions; /* into the list of tree_data */
};

struct exception {
	uint32_t value;
	label answer;
};

struct tree {
	struct span *spans;
	struct exception *exceptions;
	size_t n, n_exceptions;
};

static label put(struct gen *g, struct sock_filter code, label jt, label jf)
{
	if (g->n >= CODE_MAX)
		return 0; /* reported at the end */
	g->code[g->n] = code;
	g->jt[g->n] = jt;
	g->jf[g->n] = jf;
	return g->n++;
}

/* The same instruction with the same targets, close enough for a jump; -1 when there is none. */
static int again(const struct gen *g, unsigned short code, uint32_t k, label jt, label jf)
{
	for (unsigned i = g->n; i-- > 0 && g->n - i < 250;)
		if (g->code[i].code == code && g->code[i].k == k && g->jt[i] == jt &&
			g->jf[i] == jf)
			return (int)i;
	return -1;
}

/* The first return with that answer: one label for each answer, so that labels can be compared. */
static label ret(struct gen *g, uint32_t action)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, action);

	for (unsigned i = 0; i < g->n; i++)
		if (g->code[i].code == code.code && g->code[i].k == action)
			return i;
	return put(g, code, 0, 0);
}

/* A copy of a return, or a jump without a condition, as the next instruction. */
static label stone(struct gen *g, label to)
{
	struct sock_filter jump = BPF_STMT(BPF_JMP | BPF_JA, g->n - to - 1);

	return put(g, g->code[to].code == (BPF_RET | BPF_K) ? g->code[to] : jump, 0, 0);
}

/* A label that a conditional jump can reach, even after one more stone. */
static label near(struct gen *g, label to)
{
	int copy = -1;

	if (g->n - to <= 250)
		return to;
	if (g->code[to].code == (BPF_RET | BPF_K))
		copy = again(g, BPF_RET | BPF_K, g->code[to].k, 0, 0);
	return copy >= 0 ? (label)copy : stone(g, to);
}

static label jump(struct gen *g, unsigned short op, uint32_t k, label jt, label jf)
{
	unsigned short code = BPF_JMP | op | BPF_K;
	int old;

	if (jt == jf)
		return jt;
	jt = near(g, jt);
	jf = near(g, jf);
	old = again(g, code, k, jt, jf);
	if (old >= 0)
		return (label)old;
	return put(g,
		(struct sock_filter){
			code, (unsigned char)(g->n - jt - 1), (unsigned char)(g->n - jf - 1), k},
		jt, jf);
}

/* An instruction that is followed by another. */
static label step(struct gen *g, unsigned short code, uint32_t k, label next)
{
	int old = again(g, code, k, next, 0);

	if (old >= 0)
		return (label)old;
	if (next != g->n - 1)
		stone(g, next);
	return put(g, (struct sock_filter)BPF_STMT(code, k), next, 0);
}

static label load(struct gen *g, size_t offset, label next)
{
	return step(g, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, next);
}

/* Spans come in rising order; one with the answer of the one before melts into it. */
static void tree_add(struct tree *t, uint32_t first, label answer)
{
	if (t->n && t->spans[t->n - 1].answer == answer)
		return;
	t->spans[t->n++] = (struct span){.first = first, .answer = answer};
}

/* [same][one number][same] -> one span with an exception. */
static void tree_fold(struct tree *t)
{
	size_t out = 0;

	for (size_t i = 1; i < t->n; i++) {
		struct span *s = &t->spans[i], *last = &t->spans[out];

		if (i + 1 < t->n && s[1].first == s->first + 1 && s[1].answer == last->answer &&
			last->n_exceptions < EXCEPTIONS_MAX) {
			if (!last->n_exceptions)
				last->exceptions = t->n_exceptions;
			t->exceptions[t->n_exceptions++] = (struct exception){s->first, s->answer};
			last->n_exceptions++;
			i++;
		} else {
			t->spans[++out] = *s;
		}
	}
	t->n = t->n ? out + 1 : 0;
}

static label tree_code(struct gen *g, const struct tree *t, size_t from, size_t to)
{
	size_t middle = (from + to) / 2;
	label left, right;

	if (to - from == 1) {
		const struct span *s = &t->spans[from];
		label at = s->answer;

		for (size_t i = s->n_exceptions; i-- > 0;) {
			const struct exception *x = &t->exceptions[s->exceptions + i];

			at = jump(g, BPF_JEQ, x->value, x->answer, at);
		}
		return at;
	}
	right = tree_code(g, t, middle, to);
	left = tree_code(g, t, from, middle);
	return jump(g, BPF_JGE, t->spans[middle].first, right, left);
}

static void tree_room(struct tree *t, size_t n)
{
	*t = (struct tree){
		.spans = xcalloc(n + 1, sizeof(*t->spans)),
		.exceptions = xcalloc(n + 1, sizeof(*t->exceptions)),
	};
}

static label tree_finish(struct gen *g, struct tree *t)
{
	label at;

	tree_fold(t);
	at = tree_code(g, t, 0, t->n);
	free(t->spans);
	free(t->exceptions);
	return at;
}

static int rule_holds(const struct policy_cmp *c, uint64_t v)
{
	switch (c->op) {
	case OP_NE:
		return v != c->value;
	case OP_LT:
		return v < c->value;
	case OP_LE:
		return v <= c->value;
	case OP_EQ:
		return v == c->value;
	case OP_GE:
		return v >= c->value;
	case OP_GT:
		return v > c->value;
	case OP_MASKED_EQ:
		return (v & c->value) == c->value_two;
	}
	return 0;
}

static size_t low_offset(const struct policy_arch *a, unsigned index)
{
	return offsetof(struct seccomp_data, args) + 8 * index +
	       (a->audit & __AUDIT_ARCH_LE ? 0 : 4);
}

static size_t high_offset(const struct policy_arch *a, unsigned index)
{
	return low_offset(a, index) ^ 4;
}

/* Are all rules about one argument, and about constants of 32 bits, so that a tree can find the
 * one? */
static int is_simple(const struct policy_call *c)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct policy_rule *r = &c->rules[i];

		if (r->n_cmps != 1 || r->cmps[0].index != c->rules[0].cmps[0].index ||
			r->cmps[0].op == OP_MASKED_EQ || r->cmps[0].value > UINT32_MAX)
			return 0;
	}
	return c->n_rules > 1;
}

static label first_rule(
	struct gen *g, const struct policy *p, const struct policy_call *c, uint64_t v)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (rule_holds(&c->rules[i].cmps[0], v))
			return ret(g, c->rules[i].action);
	return ret(g, p->unmatched_action);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The answer changes only at a constant and behind it. */
static label simple_rules(struct gen *g, const struct policy *p, const struct policy_arch *a,
	const struct policy_call *c)
{
	auto_free uint32_t *edges = xcalloc(c->n_rules * 2 + 1, sizeof(*edges));
	unsigned index = c->rules[0].cmps[0].index;
	struct tree t;
	size_t n = 0;
	label low, high;

	edges[n++] = 0;
	for (size_t i = 0; i < c->n_rules; i++) {
		edges[n++] = (uint32_t)c->rules[i].cmps[0].value;
		edges[n++] = (uint32_t)c->rules[i].cmps[0].value + 1;
	}
	qsort(edges, n, sizeof(*edges), by_value);
	high = first_rule(g, p, c, UINT64_MAX);
	tree_room(&t, n);
	for (size_t i = 0; i < n; i++)
		if (!i || edges[i] != edges[i - 1])
			tree_add(&t, edges[i], first_rule(g, p, c, edges[i]));
	low = load(g, low_offset(a, index), tree_finish(g, &t));
	if (!(a->audit & __AUDIT_ARCH_64BIT))
		return low;
	return load(g, high_offset(a, index), jump(g, BPF_JEQ, 0, low, high));
}

/* Half of a masked comparison, or of a plain one (mask 0xffffffff). */
static label half_equal(
	struct gen *g, size_t offset, uint32_t mask, uint32_t value, label yes, label no)
{
	label at;

	if (value & ~mask)
		return no;
	if (!mask)
		return yes;
	at = jump(g, BPF_JEQ, value, yes, no);
	if (mask != UINT32_MAX)
		at = step(g, BPF_ALU | BPF_AND | BPF_K, mask, at);
	return load(g, offset, at);
}

/* value > constant, or >= when `or_equal`. */
static label greater(struct gen *g, const struct policy_arch *a, const struct policy_cmp *c,
	int or_equal, label yes, label no)
{
	uint32_t high = (uint32_t)(c->value >> 32), low = (uint32_t)c->value;
	label at;

	if (!(a->audit & __AUDIT_ARCH_64BIT) && high)
		return no;
	at = load(g, low_offset(a, c->index), jump(g, or_equal ? BPF_JGE : BPF_JGT, low, yes, no));
	if (!(a->audit & __AUDIT_ARCH_64BIT))
		return at;
	at = jump(g, BPF_JEQ, high, at, no);
	return load(g, high_offset(a, c->index), jump(g, BPF_JGT, high, yes, at));
}

static label equal(
	struct gen *g, const struct policy_arch *a, const struct policy_cmp *c, label yes, label no)
{
	uint64_t mask = c->op == OP_MASKED_EQ ? c->value : UINT64_MAX;
	uint64_t value = c->op == OP_MASKED_EQ ? c->value_two : c->value;

	if (!(a->audit & __AUDIT_ARCH_64BIT)) { /* the upper half is 0 */
		if (value >> 32)
			return no;
		mask &= UINT32_MAX;
	}
	yes = half_equal(g, low_offset(a, c->index), (uint32_t)mask, (uint32_t)value, yes, no);
	return half_equal(g, high_offset(a, c->index), (uint32_t)(mask >> 32),
		(uint32_t)(value >> 32), yes, no);
}

static label compare(
	struct gen *g, const struct policy_arch *a, const struct policy_cmp *c, label yes, label no)
{
	switch (c->op) {
	case OP_NE:
		return equal(g, a, c, no, yes);
	case OP_LT:
		return greater(g, a, c, 1, no, yes);
	case OP_LE:
		return greater(g, a, c, 0, no, yes);
	case OP_GE:
		return greater(g, a, c, 1, yes, no);
	case OP_GT:
		return greater(g, a, c, 0, yes, no);
	default:
		return equal(g, a, c, yes, no);
	}
}

static label call_code(struct gen *g, const struct policy *p, const struct policy_arch *a,
	const struct policy_call *c)
{
	label at;

	if (!c->n_rules)
		return ret(g, c->action);
	if (is_simple(c))
		return simple_rules(g, p, a, c);
	at = ret(g, p->unmatched_action);
	for (size_t i = c->n_rules; i-- > 0;) {
		label no = at;

		at = ret(g, c->rules[i].action);
		for (size_t k = c->rules[i].n_cmps; k-- > 0;)
			at = compare(g, a, &c->rules[i].cmps[k], at, no);
	}
	return at;
}

/* Numbers first..last of one architecture. What is not in the list has the answer `other`. */
static void numbers(struct gen *g, const struct policy *p, const struct policy_arch *a,
	struct tree *t, uint32_t first, label other)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		label answer = call_code(g, p, a, &a->calls[i]);

		if (a->calls[i].nr > first)
			tree_add(t, first, other);
		tree_add(t, a->calls[i].nr, answer);
		first = a->calls[i].nr + 1;
	}
	tree_add(t, first, other);
}

/* One value of seccomp_data.arch: x86_64 and x32 share theirs and differ by a bit of the number. A
 * program that may not use x32 gets the answer of a foreign architecture for it, except for -1,
 * with which a tracer skips a call. */
static label arch_code(struct gen *g, const struct policy *p, const struct policy_arch *a)
{
	const struct policy_arch *x32 = a + 1 < p->arches + p->n_arches && a[1].audit == a->audit
						? a + 1
						: NULL;
	label other = ret(g, p->default_action);
	struct tree t;

	tree_room(&t, 2 * a->n_calls + (x32 ? 2 * x32->n_calls : 0) + 4);
	numbers(g, p, a, &t, 0, other);
	if (x32) {
		numbers(g, p, x32, &t, X32_BIT, other);
	} else if (a->audit == AUDIT_ARCH_X86_64) {
		tree_add(&t, X32_BIT, ret(g, p->bad_arch_action));
		tree_add(&t, UINT32_MAX, other);
	}
	return load(g, offsetof(struct seccomp_data, nr), tree_finish(g, &t));
}

static label program(struct gen *g, const struct policy *p)
{
	label at = ret(g, p->bad_arch_action);

	for (size_t i = p->n_arches; i-- > 0;)
		if (!i || p->arches[i - 1].audit != p->arches[i].audit)
			at = jump(
				g, BPF_JEQ, p->arches[i].audit, arch_code(g, p, &p->arches[i]), at);
	return load(g, offsetof(struct seccomp_data, arch), at);
}

int gen_filter(const struct policy *p, struct sock_filter **out_code, size_t *out_n, struct err *e)
{
	auto_free struct gen *g = xcalloc(1, sizeof(*g));
	struct sock_filter *code;
	label start = program(g, p);

	if (start != g->n - 1)
		stone(g, start);
	if (g->n > BPF_MAXINSNS)
		return err_set(e, ERR_INVALID,
			"the profile makes a filter of %s%u instructions; the kernel takes %d",
			g->n >= CODE_MAX ? "at least " : "", g->n, BPF_MAXINSNS);
	code = xreallocarray(NULL, g->n, sizeof(*code));
	for (unsigned i = 0; i < g->n; i++)
		code[i] = g->code[g->n - 1 - i];
	*out_code = code;
	*out_n = g->n;
	return 0;
}
