/* template.c: execution of a parsed template over JSON values. */
#include "cli/template.h"

#include "base/mem.h"
#include "cli/template_node.h"

#define STEPS_MAX 10000000
#define ARGS_MAX 32

struct variable {
	const char *name;
	struct value value;
};

struct exec {
	const struct template *t;
	const struct template_env *env;
	struct buf *out;
	struct err *e;
	struct variable *vars;
	size_t n_vars;
	long steps;
	enum { GO_ON, BREAK, CONTINUE } jump;
};

static struct value value_ref(struct value v)
{
	json_incref(v.j);
	return v;
}

static void value_done(struct value *v)
{
	json_decref(v->j);
	v->j = NULL;
}
#define auto_value __attribute__((cleanup(value_done)))

/* `template: :1:2: executing "" at <.X>: cause` */
static int fail(struct exec *x, const struct node *n, const char *cause)
{
	size_t line = 1, start = 0;
	int len = (int)(n->end > n->start ? n->end - n->start : 0);

	for (size_t i = 0; i < n->where; i++) {
		if (x->t->source[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	return err_set(x->e, ERR_INVALID, "template: :%zu:%zu: executing \"\" at <%.*s>: %s", line,
		n->where - start, len > 60 ? 60 : len, x->t->source + n->start, cause);
}

static void set_var(struct exec *x, const char *name, const struct value *v, int assign)
{
	size_t i = x->n_vars;

	while (assign && i > 0 && !streq(x->vars[i - 1].name, name))
		i--;
	if (assign && i > 0) {
		value_done(&x->vars[i - 1].value);
		x->vars[i - 1].value = value_ref(*v);
		return;
	}
	x->vars = xreallocarray(x->vars, x->n_vars + 1, sizeof(*x->vars));
	x->vars[x->n_vars++] = (struct variable){name, value_ref(*v)};
}

static void leave_scope(struct exec *x, size_t mark)
{
	while (x->n_vars > mark)
		value_done(&x->vars[--x->n_vars].value);
}

static const struct value *get_var(struct exec *x, const char *name)
{
	for (size_t i = x->n_vars; i > 0; i--)
		if (streq(x->vars[i - 1].name, name))
			return &x->vars[i - 1].value;
	return &x->vars[0].value;
}

/* ---- fields ---- */

static const struct template_member *member(struct exec *x, const char *name)
{
	const struct template_member *m = x->env->members;

	while (m && m->name && !streq(m->name, name))
		m++;
	return m && m->name ? m : NULL;
}

/* Go's field names differ from the JSON's in the case of some letters (ID, HostIP, CPUShares). */
static json_t *find_member(json_t *obj, const char **name)
{
	json_t *v = json_object_get(obj, *name);
	const char *key;
	json_t *item;

	if (v)
		return v;
	json_object_foreach (obj, key, item) {
		if (key[0] == (*name)[0] && strcasecmp(key, *name) == 0) {
			*name = key;
			return item;
		}
	}
	return NULL;
}

static json_t *absent(const struct template_member *m)
{
	return m->kind == MEMBER_TEXT	  ? json_string("")
	       : m->kind == MEMBER_NUMBER ? json_integer(0)
					  : json_null();
}

static int unknown_field(
	struct exec *x, const struct node *n, const struct value *v, const char *name)
{
	auto_buf struct buf b = BUF_MAX(900);
	const char *key;
	json_t *item;

	if (!x->env->rows && json_is_object(v->j)) {
		buf_printf(&b, "map has no entry for key \"%s\"", name);
		return fail(x, n, b.data);
	}
	buf_printf(&b, "can't evaluate field %s", name);
	if (!json_is_object(v->j))
		buf_printf(&b, " in type %s", template_type(v));
	else
		json_object_foreach (v->j, key, item)
			buf_printf(
				&b, "%s%s", strchr(b.data, '(') ? ", " : " (the fields are ", key);
	buf_puts(&b, json_object_size(v->j) ? ")" : "");
	return fail(x, n, b.data);
}

/* *v becomes its member. */
static int step_into(struct exec *x, const struct node *n, struct value *v, const char *name)
{
	const char *key = name;
	struct value found = {0};

	if (template_is_map(v)) {
		found.j = json_incref(json_object_get(v->j, name));
		found.hint = v->hint && v->hint->kind == MEMBER_MAP_OF_LISTS ? member(x, "[]")
									     : NULL;
	} else if (json_is_object(v->j)) {
		found.j = json_incref(find_member(v->j, &key));
		found.hint = member(x, key);
		if (!found.j && x->env->header)
			;
		else if (!found.j && found.hint && found.hint->optional)
			found.j = absent(found.hint);
		else if (!found.j)
			return unknown_field(x, n, v, name);
	} else if (!v->j || json_is_null(v->j)) {
		auto_free char *cause = xasprintf("nil data; no entry for key \"%s\"", name);
		return fail(x, n, cause);
	} else {
		return unknown_field(x, n, v, name);
	}
	value_done(v);
	*v = found;
	return 0;
}

static int eval_pipe(
	struct exec *x, const struct node *pipe, const struct value *dot, struct value *out);

static int eval_operand(
	struct exec *x, const struct node *n, const struct value *dot, struct value *out)
{
	auto_value struct value v = {0};
	int plain;

	if (++x->steps > STEPS_MAX)
		return fail(x, n, "the template takes too many steps");
	if (n->kind == NODE_FIELD)
		v = value_ref(*dot);
	else if (n->kind == NODE_VAR)
		v = value_ref(*get_var(x, n->text));
	else if (n->kind == NODE_PAREN && eval_pipe(x, n->pipe, dot, &v) < 0)
		return -1;
	else if (n->kind == NODE_VALUE)
		v.j = json_incref(n->value);
	else if (n->kind == NODE_NIL)
		v.j = json_null();
	else if (n->kind == NODE_FUNC && template_func_call(template_func_find(n->text), x->env,
						 NULL, 0, &v, &plain, x->e) < 0) {
		auto_free char *cause = xstrdup(x->e->text);
		return fail(x, n, cause);
	}
	strv_foreach (name, n->names)
		if (step_into(x, n, &v, *name) < 0)
			return -1;
	*out = v;
	v.j = NULL;
	return 0;
}

/* ---- commands ---- */

/* `and` and `or` stop at the first operand that decides. */
static int eval_and_or(struct exec *x, const struct node *n, const struct value *dot,
	const struct value *final, struct value *out)
{
	int want = n->text[0] == 'o', done = 0;
	auto_value struct value v = {0};

	if (!n->next && !final->j)
		return fail(x, n, "wrong number of args: want at least 1 got 0");
	for (const struct node *arg = n->next; arg && !done; arg = arg->next) {
		value_done(&v);
		if (eval_operand(x, arg, dot, &v) < 0)
			return -1;
		done = template_truth(&v) == want;
	}
	if (!done && final->j) {
		value_done(&v);
		v = value_ref(*final);
	}
	*out = v;
	v.j = NULL;
	return 0;
}

static int eval_func(struct exec *x, const struct node *cmd, const struct value *dot,
	const struct value *final, int has_final, struct value *out)
{
	const struct node *n = cmd->body;
	struct value args[ARGS_MAX];
	size_t count = 0;
	int r = 0, plain = 0;

	if (streq(n->text, "and") || streq(n->text, "or"))
		return eval_and_or(x, n, dot, final, out);
	for (const struct node *arg = n->next; arg && r == 0; arg = arg->next) {
		if (count + 1 == ARGS_MAX)
			r = fail(x, arg, "too many arguments");
		else if ((r = eval_operand(x, arg, dot, &args[count])) == 0)
			count++;
	}
	if (r == 0 && has_final)
		args[count++] = value_ref(*final);
	if (r == 0 && template_func_call(template_func_find(n->text), x->env, args, count, out,
			      &plain, x->e) < 0) {
		auto_free char *cause = plain ? xstrdup(x->e->text)
					      : xasprintf("error calling %s: %s", n->text,
							x->e->text);
		r = fail(x, cmd, cause);
	}
	while (count > 0)
		value_done(&args[--count]);
	if (r == 0) /* texts that double must not outrun the limit */
		x->steps += (long)json_string_length(out->j) / 16;
	return r;
}

/* .Label "key": the only method that takes arguments. */
static int eval_method(
	struct exec *x, const struct node *cmd, const struct value *dot, struct value *out)
{
	const struct node *n = cmd->body, *arg = n->next;
	size_t fields = strv_len(n->names);
	auto_value struct value key = {0};

	if (!fields && n->kind != NODE_PAREN)
		return fail(x, n, "can't give argument to non-function");
	if (n->kind != NODE_FIELD || fields != 1 || !streq(n->names[0], "Label") ||
		!x->env->labels) {
		auto_free char *cause = xasprintf("%s is not a method but has arguments",
			fields ? n->names[fields - 1] : "it");
		return fail(x, n, cause);
	}
	if (!arg || arg->next)
		return fail(x, n, "wrong number of args for Label: want 1");
	if (eval_operand(x, arg, dot, &key) < 0)
		return -1;
	if (!json_is_string(key.j))
		return fail(x, arg, "wrong type for value; expected string");
	json_t *v = json_object_get(x->env->labels, json_string_value(key.j));
	*out = (struct value){x->env->header ? json_incref(key.j)
			      : v	     ? json_incref(v)
					     : json_string(""),
		NULL};
	return 0;
}

static int eval_command(struct exec *x, const struct node *cmd, const struct value *dot,
	const struct value *final, int has_final, struct value *out)
{
	const struct node *n = cmd->body;

	if (++x->steps > STEPS_MAX)
		return fail(x, n, "the template takes too many steps");
	if (n->kind == NODE_FUNC)
		return eval_func(x, cmd, dot, final, has_final, out);
	if (n->kind == NODE_NIL)
		return fail(x, n, "nil is not a command");
	if (n->next || has_final)
		return n->kind == NODE_VALUE || n->kind == NODE_PAREN
			       ? fail(x, n, "can't give argument to non-function")
			       : eval_method(x, cmd, dot, out);
	return eval_operand(x, n, dot, out);
}

/* Leaves the variables that the pipe declares to the caller (range). */
static int eval_pipe_value(
	struct exec *x, const struct node *pipe, const struct value *dot, struct value *out)
{
	auto_value struct value v = {0};
	int has_final = 0;

	for (const struct node *cmd = pipe->body; cmd; cmd = cmd->next) {
		struct value next = {0};
		if (eval_command(x, cmd, dot, &v, has_final, &next) < 0)
			return -1;
		value_done(&v);
		v = next;
		has_final = 1;
	}
	*out = v;
	v.j = NULL;
	return 0;
}

static int eval_pipe(
	struct exec *x, const struct node *pipe, const struct value *dot, struct value *out)
{
	if (eval_pipe_value(x, pipe, dot, out) < 0)
		return -1;
	strv_foreach (name, pipe->names)
		set_var(x, *name, out, pipe->assign);
	return 0;
}

/* ---- actions ---- */

static int run_nodes(struct exec *x, const struct node *n, const struct value *dot);

static int run_scoped(struct exec *x, const struct node *n, const struct value *dot)
{
	size_t mark = x->n_vars;
	int r = run_nodes(x, n, dot);

	leave_scope(x, mark);
	return r;
}

/* One round of a range. 1: no more. */
static int run_round(struct exec *x, const struct node *n, json_t *key, json_t *item,
	const struct template_member *hint)
{
	size_t mark = x->n_vars, names = strv_len(n->pipe->names);
	struct value k = {key, NULL}, v = {item, hint};
	int r;

	/* A round with nothing in it takes time, too. */
	if (++x->steps > STEPS_MAX)
		return fail(x, n, "the template takes too many steps");
	if (names == 2)
		set_var(x, n->pipe->names[0], &k, n->pipe->assign);
	if (names)
		set_var(x, n->pipe->names[names - 1], &v, n->pipe->assign);
	r = run_nodes(x, n->body, &v);
	leave_scope(x, mark);
	if (r == 0 && x->jump == BREAK)
		r = 1;
	x->jump = GO_ON;
	return r;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int range_map(struct exec *x, const struct node *n, const struct value *v)
{
	const struct template_member *hint = v->hint && v->hint->kind == MEMBER_MAP_OF_LISTS
						     ? member(x, "[]")
						     : NULL;
	size_t count = 0;
	const char **keys = xreallocarray(NULL, json_object_size(v->j) + 1, sizeof(*keys)), *key;
	json_t *item;
	int r = 0;

	json_object_foreach (v->j, key, item)
		keys[count++] = key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < count && r == 0; i++) {
		auto_json json_t *k = json_string(keys[i]);
		r = run_round(x, n, k, json_object_get(v->j, keys[i]), hint);
	}
	free(keys);
	return r;
}

static int run_range(struct exec *x, const struct node *n, const struct value *dot)
{
	auto_value struct value v = {0};
	json_t *item;
	size_t i;
	int r = 0;

	if (eval_pipe_value(x, n->pipe, dot, &v) < 0)
		return -1;
	if (json_array_size(v.j) || (template_is_map(&v) && json_object_size(v.j))) {
		if (json_is_object(v.j))
			r = range_map(x, n, &v);
		json_array_foreach (v.j, i, item) {
			auto_json json_t *index = json_integer((json_int_t)i);
			r = run_round(x, n, index, item, NULL);
			if (r)
				break;
		}
		return r < 0 ? -1 : 0;
	}
	if (v.j && !json_is_array(v.j) && !template_is_map(&v) && !json_is_null(v.j)) {
		auto_buf struct buf b = BUF_MAX(400);
		buf_puts(&b, "range can't iterate over ");
		template_print(&v, &b);
		return fail(x, n->pipe->body->body, b.data);
	}
	return run_scoped(x, n->other, dot);
}

static int run_branch(struct exec *x, const struct node *n, const struct value *dot)
{
	size_t mark = x->n_vars;
	auto_value struct value v = {0};
	int r = eval_pipe(x, n->pipe, dot, &v);

	if (r == 0 && template_truth(&v))
		r = run_scoped(x, n->body, n->kind == NODE_WITH ? &v : dot);
	else if (r == 0)
		r = run_scoped(x, n->other, dot);
	leave_scope(x, mark);
	return r;
}

static int run_node(struct exec *x, const struct node *n, const struct value *dot)
{
	auto_value struct value v = {0};

	switch (n->kind) {
	case NODE_TEXT:
		buf_puts(x->out, n->text);
		return 0;
	case NODE_IF:
	case NODE_WITH:
		return run_branch(x, n, dot);
	case NODE_RANGE:
		return run_range(x, n, dot);
	case NODE_BREAK:
	case NODE_CONTINUE:
		x->jump = n->kind == NODE_BREAK ? BREAK : CONTINUE;
		return 0;
	default:
		if (eval_pipe(x, n->pipe, dot, &v) < 0)
			return -1;
		if (!n->pipe->names)
			template_print(&v, x->out);
		return 0;
	}
}

static int run_nodes(struct exec *x, const struct node *n, const struct value *dot)
{
	for (; n && x->jump == GO_ON; n = n->next) {
		if (++x->steps > STEPS_MAX)
			return fail(x, n, "the template takes too many steps");
		if (run_node(x, n, dot) < 0)
			return -1;
		if (x->out->over)
			return fail(x, n, "the output is too large");
	}
	return 0;
}

int template_run(const struct template *t, json_t *dot, const struct template_env *env,
	struct buf *out, struct err *e)
{
	struct err local;
	struct value top = {dot, NULL};
	struct exec x = {.t = t, .env = env, .out = out, .e = e ? e : &local};
	int r;

	set_var(&x, "$", &top, 0);
	r = run_nodes(&x, t->body, &top);
	leave_scope(&x, 0);
	free(x.vars);
	return r;
}
