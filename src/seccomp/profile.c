/* profile.c: a seccomp profile as JSON -> a policy.
 *
 * How it works. Docker's format has more than the OCI's: archMap instead of architectures, and
 * includes and excludes at each entry, which are decided here against the host (moby's
 * profiles/seccomp). What is left is read as runc does: an entry whose action is the default's is
 * skipped; when an entry compares one argument twice, each comparison is a rule of its own. hull
 * adds "hull": {"unmatchedErrnoRet": N}, the answer of a call that has rules of which none holds.
 *
 * Flags (SECCOMP_FILTER_FLAG_...) belong to the loading, not to the program: they are checked and
 * left to who loads it. */
#include "seccomp/profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "seccomp/names.h"
#include "seccomp/profile_reader.h"

/* A whole number from 0 to max; def when it is missing. */
int profile_read_number(struct reader *r, const json_t *obj, const char *what, const char *member,
	json_int_t max, json_int_t def, json_int_t *out)
{
	const json_t *v = json_object_get(obj, member);

	*out = def;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
		return err_set(r->e, ERR_INVALID, "%s.%s must be a whole number from 0 to %lld",
			what, member, (long long)max);
	*out = json_integer_value(v);
	return 0;
}

int profile_read_action(struct reader *r, const json_t *obj, const char *what, const char *member,
	const char *data_member, uint32_t *out)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
		{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
		{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
		{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
		{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
		{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
	};
	const char *name = jsonx_str(obj, member, NULL);
	json_int_t data;
	size_t i = 0;

	if (!name)
		return err_set(r->e, ERR_INVALID, "%s.%s is missing or no text", what, member);
	if (streq(name, "SCMP_ACT_NOTIFY"))
		return err_set(r->e, ERR_INVALID,
			"%s.%s is SCMP_ACT_NOTIFY; asking an agent is not supported", what, member);
	while (i < ARRAY_SIZE(actions) && !streq(actions[i].name, name))
		i++;
	if (i == ARRAY_SIZE(actions))
		return err_set(r->e, ERR_INVALID,
			"%s.%s has the unknown action \"%.100s\"; SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, "
			"SCMP_ACT_LOG, SCMP_ACT_TRAP, SCMP_ACT_TRACE, SCMP_ACT_KILL_PROCESS and "
			"SCMP_ACT_KILL_THREAD are known",
			what, member, name);
	/* MAX_ERRNO is 4095: the kernel cuts what is above. */
	if (profile_read_number(r, obj, what, data_member, 4095, EPERM, &data) < 0)
		return -1;
	*out = actions[i].action;
	if (*out == SECCOMP_RET_ERRNO || *out == SECCOMP_RET_TRACE)
		*out |= (uint32_t)data;
	return 0;
}

static void arch_add(struct reader *r, const char *name)
{
	uint32_t token = name ? profile_arch_token(name) : r->host->native;
	struct policy *p = r->policy;
	size_t at = p->n_arches;

	if (!token || at == POLICY_ARCHES)
		return;
	if (r->host->no_x86 && token != r->host->native &&
		(token == SCMP_ARCH_X86 || token == SCMP_ARCH_X32))
		return;
	for (size_t i = 0; i < p->n_arches; i++)
		if (p->arches[i].token == token)
			return;
	if (token == SCMP_ARCH_X32) { /* gen.c wants it behind x86_64, with whom it shares arch */
		if (r->host->native != SCMP_ARCH_X86_64)
			return;
		memmove(&p->arches[2], &p->arches[1], (at - 1) * sizeof(p->arches[0]));
		at = 1;
	}
	p->arches[at] = (struct policy_arch){
		.token = token,
		.audit = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token,
	};
	p->n_arches++;
}

static int read_arches(struct reader *r, const json_t *root)
{
	const json_t *map = jsonx_arr(root, "archMap"), *list = jsonx_arr(root, "architectures"),
		     *item;
	size_t i;

	if (jsonx_check(root, "archMap", JSON_ARRAY, "profile", r->e) < 0 ||
		jsonx_check(root, "architectures", JSON_ARRAY, "profile", r->e) < 0)
		return -1;
	if (json_array_size(map) && json_array_size(list))
		return err_set(r->e, ERR_INVALID,
			"profile.architectures and profile.archMap are both there; one is enough");
	arch_add(r, NULL);
	json_array_foreach (list, i, item)
		if (json_is_string(item))
			arch_add(r, json_string_value(item));
	json_array_foreach (map, i, item) {
		const char *native = jsonx_str(item, "architecture", NULL);
		const json_t *sub;
		size_t k;

		if (!native || profile_arch_token(native) != r->host->native)
			continue;
		json_array_foreach (jsonx_arr(item, "subArchitectures"), k, sub)
			if (json_is_string(sub))
				arch_add(r, json_string_value(sub));
	}
	return 0;
}

static int read_defaults(struct reader *r, const json_t *root)
{
	const json_t *own = jsonx_obj(root, "hull");
	json_int_t unmatched;

	if (profile_read_action(
		    r, root, "profile", "defaultAction", "defaultErrnoRet", &r->default_action) < 0)
		return -1;
	if (profile_read_number(r, own, "profile.hull", "unmatchedErrnoRet", 4095, -1, &unmatched) <
		0)
		return -1;
	r->policy->default_action = r->policy->unmatched_action = r->default_action;
	if (unmatched >= 0)
		r->policy->unmatched_action = SECCOMP_RET_ERRNO | (uint32_t)unmatched;
	r->policy->bad_arch_action = SECCOMP_RET_KILL_PROCESS;
	return 0;
}

static int read_flags(struct reader *r, const json_t *root)
{
	static const char *const known[] = {"SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL};
	const json_t *item;
	size_t i;

	if (jsonx_check(root, "flags", JSON_ARRAY, "profile", r->e) < 0)
		return -1;
	json_array_foreach (jsonx_arr(root, "flags"), i, item) {
		const char *flag = json_string_value(item);

		if (!flag || !strv_has((char *const *)known, flag))
			return err_set(r->e, ERR_INVALID,
				"profile.flags[%zu] has the unknown flag \"%.100s\"", i,
				flag ? flag : "");
	}
	return 0;
}

static int allow_names(struct reader *r)
{
	const struct policy_rule rule = {.action = SECCOMP_RET_ALLOW};

	strv_foreach (name, r->host->allow) {
		int found = 0;

		for (size_t i = 0; i < r->policy->n_arches; i++) {
			struct policy_arch *a = &r->policy->arches[i];
			int nr = names_number(a->token, *name);

			if (nr < 0)
				continue;
			policy_call_clear(r->policy, a, (uint32_t)nr);
			policy_rule_add(
				r->policy, a, (uint32_t)nr, &rule); /* without conditions: fits */
			found = 1;
		}
		if (!found)
			return err_set(r->e, ERR_INVALID, "--allow: there is no system call \"%s\"",
				*name);
	}
	return 0;
}

int profile_read(const char *text, size_t len, const struct profile_host *host, struct policy *out,
	struct err *e)
{
	auto_json json_t *root = NULL;
	struct reader r = {.host = host, .policy = out, .e = e};
	int ok;

	memset(out, 0, sizeof(*out));
	root = jsonx_parse_u64(text, len, "the profile", e);
	if (!root)
		return -1;
	if (!json_is_object(root))
		return err_set(e, ERR_INVALID, "the profile must be an object");
	ok = read_defaults(&r, root) == 0 && read_flags(&r, root) == 0 &&
	     read_arches(&r, root) == 0 && profile_read_entries(&r, root) == 0 &&
	     allow_names(&r) == 0;
	strv_free(r.multiplexers);
	policy_sort(out);
	return ok ? 0 : -1;
}
