/* fuzz_flags.c: any command line against a table with flags of every kind. */
#include <stddef.h>

#include "cli/opts.h"
#include "fuzz.h"

#define WORDS_MAX 16

struct values {
	int bool_a, bool_b, was_set;
	const char *text;
	char **list;
	int64_t number;
};
#define AT(m) offsetof(struct values, m)
static const struct opt table[] = {
	{"all", 'a', OPT_BOOL, AT(bool_a), OPT_NOT_TRACKED, "", ""},
	{"both", 'b', OPT_BOOL, AT(bool_b), AT(was_set), "", ""},
	{"text", 't', OPT_TEXT, AT(text), AT(was_set), "string", ""},
	{"list", 'l', OPT_LIST, AT(list), OPT_NOT_TRACKED, "list", ""},
	{"number", 'n', OPT_INT, AT(number), OPT_NOT_TRACKED, "int", ""},
	{"later", 0, OPT_LATER, 0, OPT_NOT_TRACKED, "", ""},
	{"ignored", 'i', OPT_IGNORE, 0, OPT_NOT_TRACKED, "string", ""},
};

static void parse(char **words, int n, int first_stops)
{
	struct values v = {0};
	auto_strv char **args = NULL;
	struct err e = {0};
	int r = opts_parse(table, ARRAY_SIZE(table), first_stops, n, words, &v, &args, &e);

	require(r == 0 || r == 1 || (r == -1 && *e.text && e.status == 125));
	require(r != 0 || strv_len(args) <= (size_t)n);
	require((v.bool_a | 1) == 1 && (v.bool_b | 1) == 1);
	strv_free(v.list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words[WORDS_MAX + 1] = {NULL};
	int n = 0;

	fuzz_texts(data, size, words, WORDS_MAX);
	while (n < WORDS_MAX && words[n])
		n++;
	parse(words, n, 0);
	parse(words, n, 1);
	for (int i = 0; i < n; i++)
		free(words[i]);
	return 0;
}
