/* template_parse.c: Go template text into a tree of nodes.
 *
 * One pass, no separate lexer: a template is text with {{actions}}; inside an action
 * stand pipelines of commands of operands. Nesting is bounded, so hostile text cannot exhaust the
 * stack. */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>

#include "base/mem.h"
#include "cli/template_node.h"

#define DEPTH_MAX 100

struct parser {
	const char *source, *at;
	char **vars; /* in scope */
	int depth, loops;
	struct err *e;
	/* How the block that was just read ended. */
	enum { END_TEXT, END_END, END_ELSE } ended;
};

static int fail(struct parser *p, const char *text, const char *arg)
{
	size_t line = 1;

	for (const char *s = p->source; s < p->at; s++)
		line += *s == '\n';
	return err_set(p->e, ERR_INVALID, "template: :%zu: %s%s", line, text, arg);
}

static int fail_at(struct parser *p, const char *what)
{
	auto_free char *rest = xstrndup(p->at, strcspn(p->at, " \t\n}"));

	if (!*p->at)
		return fail(p, "unclosed action", "");
	if (!*rest)
		return fail(p, what, " before the action ends");
	auto_free char *text = xasprintf("%s at \"%s\"", what, rest);
	return fail(p, text, "");
}

static struct node *node_new(struct parser *p, enum node_kind kind)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->start = n->where = (size_t)(p->at - p->source);
	return n;
}

static void node_free(struct node *n)
{
	while (n) {
		struct node *next = n->next;
		free(n->text);
		strv_free(n->names);
		json_decref(n->value);
		node_free(n->pipe);
		node_free(n->body);
		node_free(n->other);
		free(n);
		n = next;
	}
}

static void skip_blanks(struct parser *p)
{
	while (*p->at && strchr(" \t\r\n", *p->at))
		p->at++;
}

static int is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_len(const char *s)
{
	size_t n = 0;

	while (is_word(s[n]))
		n++;
	return n;
}

/* The keyword, as a whole word, is next: step over it. */
static int take_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (word_len(p->at) != n || strncmp(p->at, word, n) != 0)
		return 0;
	p->at += n;
	return 1;
}

/* At "}}" or " -}}": 1, and stepped over with the blanks that "-" trims. */
static int take_close(struct parser *p)
{
	const char *s = p->at;
	int trim = s > p->source && strchr(" \t\r\n", s[-1]) && strncmp(s, "-}}", 3) == 0;

	if (!trim && strncmp(s, "}}", 2) != 0)
		return 0;
	p->at += trim ? 3 : 2;
	if (trim)
		skip_blanks(p);
	return 1;
}

static int expect_close(struct parser *p)
{
	skip_blanks(p);
	return take_close(p) ? 0 : fail_at(p, "unexpected text");
}

/* ---- operands ---- */

/* "text" (escapes as in JSON, which has the ones that people type) or `raw text`. */
static int parse_quoted(struct parser *p, struct node *n)
{
	const char *s = p->at + 1;
	json_error_t je;

	while (*s && *s != *p->at && (*s != '\n' || *p->at == '`'))
		s += *s == '\\' && *p->at == '"' && s[1] ? 2 : 1;
	if (*s != *p->at)
		return fail(p,
			*p->at == '`' ? "unterminated raw quoted string"
				      : "unterminated quoted string",
			"");
	n->kind = NODE_VALUE;
	if (*p->at == '`')
		n->value = json_stringn(p->at + 1, (size_t)(s - p->at - 1));
	else
		n->value = json_loadb(p->at, (size_t)(s - p->at + 1), JSON_DECODE_ANY, &je);
	if (!n->value)
		return fail(p, "invalid escape or byte in a quoted string", "");
	p->at = s + 1;
	return 0;
}

static int parse_number(struct parser *p, struct node *n)
{
	size_t len = strspn(p->at, "+-0123456789abcdefABCDEFxXoO._");
	auto_free char *text = xstrndup(p->at, len);
	char *end;
	double d;

	n->kind = NODE_VALUE;
	errno = 0;
	long long v = strtoll(text, &end, 0);
	if (!*end && end != text && !errno && !is_word(p->at[len])) {
		n->value = json_integer(v);
		p->at += len;
		return 0;
	}
	errno = 0;
	d = strtod(text, &end);
	if (*end || end == text || errno ||
		!isdigit((unsigned char)text[strcspn(text, "0123456789")]))
		return fail(p, "illegal number syntax: ", text);
	/* 1e3 is a constant that an integer can hold, and Go prints it as one. */
	n->value = d > -1e15 && d < 1e15 && d == (double)(int64_t)d ? json_integer((json_int_t)d)
								    : json_real(d);
	p->at += len;
	return 0;
}

/* .A.B.C behind an operand. */
static int parse_fields(struct parser *p, struct node *n)
{
	while (*p->at == '.' && word_len(p->at + 1)) {
		if (strv_len(n->names) == (n->kind == NODE_FIELD ? 1 : 0))
			n->where = (size_t)(p->at - p->source);
		size_t len = word_len(++p->at);
		strv_take(&n->names, xstrndup(p->at, len));
		p->at += len;
	}
	if (*p->at == '.')
		return fail_at(p, "unexpected \".\"");
	return 0;
}

static int parse_var(struct parser *p, struct node *n)
{
	size_t len = 1 + word_len(p->at + 1);

	n->kind = NODE_VAR;
	n->text = xstrndup(p->at, len);
	p->at += len;
	if (!strv_has(p->vars, n->text)) {
		auto_free char *name = xasprintf("\"%s\"", n->text);
		return fail(p, "undefined variable ", name);
	}
	return parse_fields(p, n);
}

static int parse_name(struct parser *p, struct node *n)
{
	size_t len = word_len(p->at);

	n->text = xstrndup(p->at, len);
	p->at += len;
	if (streq(n->text, "true") || streq(n->text, "false")) {
		n->kind = NODE_VALUE;
		n->value = json_boolean(n->text[0] == 't');
		return 0;
	}
	n->kind = streq(n->text, "nil") ? NODE_NIL : NODE_FUNC;
	if (n->kind == NODE_NIL || template_func_find(n->text) >= 0)
		return 0;
	auto_free char *name = xasprintf("\"%s\" not defined", n->text);
	return fail(p, "function ", name);
}

static struct node *parse_pipe(struct parser *p, const char *context);

static int parse_operand_into(struct parser *p, struct node *n)
{
	char c = *p->at;

	if (c == '"' || c == '`')
		return parse_quoted(p, n);
	if (c == '$')
		return parse_var(p, n);
	if (c == '.' && !isdigit((unsigned char)p->at[1])) {
		if (word_len(p->at + 1))
			return parse_fields(p, n);
		p->at++;
		return *p->at == '.' ? fail_at(p, "unexpected \".\"") : 0;
	}
	if (c == '(') {
		n->kind = NODE_PAREN;
		p->at++;
		n->pipe = parse_pipe(p, "parenthesized pipeline");
		skip_blanks(p);
		if (!n->pipe || *p->at != ')')
			return n->pipe ? fail_at(p, "unclosed left paren") : -1;
		p->at++;
		return parse_fields(p, n);
	}
	if (isdigit((unsigned char)c) || c == '+' || c == '-' || c == '.')
		return parse_number(p, n);
	return is_word(c) ? parse_name(p, n) : fail_at(p, "unexpected text");
}

static struct node *parse_operand(struct parser *p)
{
	struct node *n = node_new(p, NODE_FIELD);
	int r = ++p->depth > DEPTH_MAX ? fail(p, "too deeply nested", "")
				       : parse_operand_into(p, n);

	p->depth--;
	n->end = (size_t)(p->at - p->source);
	if (r < 0) {
		node_free(n);
		return NULL;
	}
	return n;
}

/* ---- pipelines ---- */

static struct node *parse_command(struct parser *p)
{
	struct node *cmd = node_new(p, NODE_COMMAND), **tail = &cmd->body;

	for (;;) {
		skip_blanks(p);
		if (!*p->at || strchr("|)}", *p->at) || strncmp(p->at, "-}}", 3) == 0)
			return cmd;
		*tail = parse_operand(p);
		if (!*tail)
			break;
		tail = &(*tail)->next;
		cmd->end = (size_t)(p->at - p->source);
		if (*p->at && !strchr(" \t\r\n|)}", *p->at)) {
			fail_at(p, "unexpected text");
			break;
		}
	}
	node_free(cmd);
	return NULL;
}

/* "$x :=", "$i, $x :=", "$x =": into names, or nothing taken. */
static int parse_declaration(struct parser *p, struct node *pipe)
{
	const char *start = p->at;

	while (*p->at == '$' && strv_len(pipe->names) < 2) {
		size_t len = 1 + word_len(p->at + 1);
		strv_take(&pipe->names, xstrndup(p->at, len));
		p->at += len;
		skip_blanks(p);
		if (*p->at != ',')
			break;
		p->at++;
		skip_blanks(p);
	}
	if (pipe->names && strncmp(p->at, ":=", 2) == 0) {
		p->at += 2;
		return 0;
	}
	if (pipe->names && *p->at == '=') {
		p->at++;
		pipe->assign = 1;
		strv_foreach (name, pipe->names)
			if (!strv_has(p->vars, *name))
				return fail(p, "undefined variable ", *name);
		return 0;
	}
	p->at = start;
	strv_free(take_ptr(pipe->names));
	return 0;
}

static int parse_pipe_into(struct parser *p, struct node *pipe, const char *context)
{
	struct node **tail = &pipe->body;

	skip_blanks(p);
	if (parse_declaration(p, pipe) < 0)
		return -1;
	do {
		*tail = parse_command(p);
		if (!*tail)
			return -1;
		if (!(*tail)->body)
			return *p->at ? fail(p, "missing value for ", context)
				      : fail(p, "unclosed action", "");
		if (tail != &pipe->body &&
			((*tail)->body->kind == NODE_VALUE || (*tail)->body->kind == NODE_NIL))
			return fail(p, "non executable command in pipeline", "");
		tail = &(*tail)->next;
		skip_blanks(p);
	} while (*p->at == '|' && p->at++);
	strv_foreach (name, pipe->assign ? NULL : pipe->names)
		strv_add(&p->vars, *name);
	return 0;
}

static struct node *parse_pipe(struct parser *p, const char *context)
{
	struct node *pipe = node_new(p, NODE_PIPE);

	if (parse_pipe_into(p, pipe, context) == 0)
		return pipe;
	node_free(pipe);
	return NULL;
}

/* ---- actions and blocks ---- */

static struct node *parse_block(struct parser *p, int inner);

static void leave_scope(struct parser *p, size_t mark)
{
	for (size_t n = strv_len(p->vars); n > mark; n--)
		free(take_ptr(p->vars[n - 1]));
}

static int parse_control(struct parser *p, struct node *n, const char *word);

/* Behind "else": a new block, or "else if" / "else with", which is a block of one action. */
static int parse_else(struct parser *p, struct node *n)
{
	const char *word = n->kind == NODE_WITH ? "with" : "if";

	skip_blanks(p);
	if (n->kind != NODE_RANGE && take_word(p, word)) {
		n->other = node_new(p, n->kind);
		return parse_control(p, n->other, word);
	}
	if (expect_close(p) < 0)
		return -1;
	n->other = parse_block(p, 1);
	if (p->e->kind)
		return -1;
	return p->ended == END_END ? 0 : fail(p, "expected end; found {{else}}", "");
}

static int parse_control(struct parser *p, struct node *n, const char *word)
{
	size_t mark = strv_len(p->vars);
	int r = ++p->depth > DEPTH_MAX ? fail(p, "too deeply nested", "") : 0;

	n->pipe = r < 0 ? NULL : parse_pipe(p, word);
	if (n->pipe && strv_len(n->pipe->names) > 1 && n->kind != NODE_RANGE)
		fail(p, "too many declarations in ", word);
	else if (n->pipe && expect_close(p) == 0) {
		p->loops += n->kind == NODE_RANGE;
		n->body = parse_block(p, 1);
		p->loops -= n->kind == NODE_RANGE;
		if (!p->e->kind && p->ended == END_ELSE)
			parse_else(p, n);
	}
	leave_scope(p, mark);
	p->depth--;
	return p->e->kind ? -1 : 0;
}

/* Behind "{{". NULL without an error: a comment, or the block's end (p->ended). */
static struct node *parse_action(struct parser *p)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} words[] = {{"if", NODE_IF}, {"range", NODE_RANGE}, {"with", NODE_WITH}};
	struct node *n;

	skip_blanks(p);
	if (take_word(p, "end") || take_word(p, "else")) {
		p->ended = p->at[-1] == 'd' ? END_END : END_ELSE;
		if (p->ended == END_END)
			expect_close(p);
		return NULL;
	}
	n = node_new(p, NODE_ACTION);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!take_word(p, words[i].word))
			continue;
		n->kind = words[i].kind;
		parse_control(p, n, words[i].word);
		return n;
	}
	if (take_word(p, "break") || take_word(p, "continue")) {
		n->kind = p->at[-1] == 'k' ? NODE_BREAK : NODE_CONTINUE;
		if (!p->loops)
			fail(p,
				n->kind == NODE_BREAK ? "{{break}} outside {{range}}"
						      : "{{continue}} outside {{range}}",
				"");
		else
			expect_close(p);
		return n;
	}
	if (take_word(p, "define") || take_word(p, "template") || take_word(p, "block"))
		fail(p, "define, template and block are not supported", "");
	else if ((n->pipe = parse_pipe(p, "command")))
		expect_close(p);
	return n;
}

/* At "{{": step over it and a comment. 1: an action follows. */
static int open_action(struct parser *p)
{
	const char *close;

	p->at += 2;
	if (*p->at == '-' && p->at[1] && strchr(" \t\r\n", p->at[1])) {
		p->at++;
		skip_blanks(p);
	}
	if (strncmp(p->at, "/*", 2) != 0)
		return 1;
	close = strstr(p->at, "*/");
	if (!close)
		return fail(p, "unclosed comment", "");
	p->at = close + 2;
	skip_blanks(p);
	return take_close(p) ? 0 : fail(p, "comment ends before closing delimiter", "");
}

static struct node *parse_text(struct parser *p)
{
	const char *stop = strstr(p->at, "{{");
	size_t len = stop ? (size_t)(stop - p->at) : strlen(p->at);
	struct node *n = node_new(p, NODE_TEXT);

	p->at += len;
	if (stop && stop[2] == '-' && stop[3] && strchr(" \t\r\n", stop[3]))
		while (len && strchr(" \t\r\n", p->source[n->start + len - 1]))
			len--;
	n->text = xstrndup(p->source + n->start, len);
	return n;
}

static struct node *parse_block(struct parser *p, int inner)
{
	struct node *first = NULL, **tail = &first;
	size_t mark = strv_len(p->vars);

	while (*p->at && !p->e->kind) {
		p->ended = END_TEXT;
		if (strncmp(p->at, "{{", 2) != 0)
			*tail = parse_text(p);
		else if (open_action(p) == 1)
			*tail = parse_action(p);
		if (p->ended != END_TEXT && !*tail)
			break;
		p->ended = END_TEXT;
		if (*tail)
			tail = &(*tail)->next;
	}
	if (!p->e->kind && inner && p->ended == END_TEXT)
		fail(p, "unexpected EOF", "");
	if (!p->e->kind && !inner && p->ended != END_TEXT)
		fail(p, p->ended == END_END ? "unexpected {{end}}" : "unexpected {{else}}", "");
	leave_scope(p, mark);
	return first;
}

struct template *template_parse(const char *text, struct err *e)
{
	struct err local;
	struct template *t = xcalloc(1, sizeof(*t));
	struct parser p = {.e = e ? e : &local};

	p.e->kind = ERR_NONE;
	t->source = xstrdup(text);
	p.source = p.at = t->source;
	strv_add(&p.vars, "$");
	t->body = parse_block(&p, 0);
	strv_free(p.vars);
	if (!p.e->kind)
		return t;
	template_free(t);
	return NULL;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	node_free(t->body);
	free(t->source);
	free(t);
}
