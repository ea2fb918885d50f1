/* test_base_utf8.c: what is a character and what is none (RFC 3629, section 3 and 4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/utf8.h"

static void test_lengths(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{"a", 1},
		{"\x7f", 1},
		{"\xc2\x80", 2},
		{"\xdf\xbf", 2},
		{"\xe0\xa0\x80", 3},
		{"\xed\x9f\xbf", 3},
		{"\xee\x80\x80", 3},
		{"\xef\xbf\xbf", 3},
		{"\xf0\x90\x80\x80", 4},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\x80", 0},	 /* no beginning */
		{"\xc0\x80", 0}, /* overlong */
		{"\xc1\xbf", 0},
		{"\xe0\x9f\xbf", 0},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xed\xa0\x80", 0},	 /* a surrogate */
		{"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
		{"\xf5\x80\x80\x80", 0},
		{"\xff", 0},
		{"\xc2", 0}, /* ends too early */
		{"\xe2\x82", 0},
		{"\xf0\x9f\x98", 0},
		{"\xe2\x82x", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(utf8_char(cases[i].text), cases[i].len);
}

static void test_strings(void **state)
{
	assert_true(utf8_is_valid(""));
	assert_true(utf8_is_valid("caf\xc3\xa9 \xf0\x9f\x90\xb3"));
	assert_false(utf8_is_valid("caf\xe9"));
	assert_false(utf8_is_valid("ends early \xf0\x9f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
