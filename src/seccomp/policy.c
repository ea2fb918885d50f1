/* policy.c: rules per architecture and system call number. */
#include "seccomp/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct policy_call *policy_call_find(const struct policy_arch *a, uint32_t nr)
{
	for (size_t i = 0; i < a->n_calls; i++)
		if (a->calls[i].nr == nr)
			return &a->calls[i];
	return NULL;
}

static struct policy_call *call_new(struct policy_arch *a, uint32_t nr)
{
	if ((a->n_calls & (a->n_calls - 1)) == 0) /* full at each power of two */
		a->calls = xreallocarray(
			a->calls, a->n_calls ? a->n_calls * 2 : 1, sizeof(*a->calls));
	a->calls[a->n_calls] = (struct policy_call){.nr = nr};
	return &a->calls[a->n_calls++];
}

static void rules_clear(struct policy *p, struct policy_call *c)
{
	p->n_rules -= c->n_rules;
	free(c->rules);
	c->rules = NULL;
	c->n_rules = 0;
}

int policy_rule_add(
	struct policy *p, struct policy_arch *a, uint32_t nr, const struct policy_rule *rule)
{
	struct policy_call *c = policy_call_find(a, nr);

	if (c && !c->n_rules)
		return 0;
	if (!c)
		c = call_new(a, nr);
	if (!rule->n_cmps) {
		rules_clear(p, c);
		c->action = rule->action;
		return 0;
	}
	if (p->n_rules >= POLICY_RULES_MAX)
		return -E2BIG;
	c->rules = xreallocarray(c->rules, c->n_rules + 1, sizeof(*c->rules));
	c->rules[c->n_rules++] = *rule;
	p->n_rules++;
	return 0;
}

void policy_call_clear(struct policy *p, struct policy_arch *a, uint32_t nr)
{
	struct policy_call *c = policy_call_find(a, nr);

	if (!c)
		return;
	rules_clear(p, c);
	*c = a->calls[--a->n_calls];
	/* Keep the invariant of call_new: room for n is the next power of two. */
	if (a->n_calls && (a->n_calls & (a->n_calls - 1)) == 0)
		a->calls = xreallocarray(a->calls, a->n_calls, sizeof(*a->calls));
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct policy_call *)a)->nr, y = ((const struct policy_call *)b)->nr;

	return x < y ? -1 : x > y;
}

void policy_sort(struct policy *p)
{
	for (size_t i = 0; i < p->n_arches; i++)
		if (p->arches[i].n_calls)
			qsort(p->arches[i].calls, p->arches[i].n_calls, sizeof(struct policy_call),
				by_number);
}

void policy_done(struct policy *p)
{
	for (size_t i = 0; i < p->n_arches; i++) {
		for (size_t k = 0; k < p->arches[i].n_calls; k++)
			free(p->arches[i].calls[k].rules);
		free(p->arches[i].calls);
	}
	memset(p, 0, sizeof(*p));
}
