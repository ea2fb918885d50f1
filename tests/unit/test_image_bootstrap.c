/* test_image_bootstrap.c: the machine's mirror out of apt's sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/bootstrap.h"

static void is(int deb822, const char *text, const char *distribution, const char *want)
{
	auto_free char *out = NULL;
	int r = deb822 ? bootstrap_mirror_deb822(text, distribution, &out)
		       : bootstrap_mirror_line(text, distribution, &out);

	assert_int_equal(r, want != NULL);
	if (want)
		assert_string_equal(out, want);
}

static void test_lines(void **state)
{
	static const char text[] =
		"# deb http://commented/debian x main\n"
		"deb-src http://source/debian x main\n"
		"deb http://other.example/apt x main\n"
		"deb http://sec.example/debian-security x-security main\n"
		"deb [arch=amd64 signed-by=/a/b.gpg] http://one.example/debian/ x main\n"
		"deb\thttps://two.example/ubuntu\tx main\n";

	is(0, text, "debian", "http://one.example/debian/");
	is(0, text, "ubuntu", "https://two.example/ubuntu");
	is(0, "deb [ open http://x/debian y", "debian", NULL);
	is(0, "deb cdrom:[x]/debian y main", "debian", NULL);
	is(0, "", "debian", NULL);
}

static void test_deb822(void **state)
{
	static const char text[] =
		"Types: deb-src\nURIs: http://source/debian\nSuites: x\n\n"
		"Enabled: no\nTypes: deb\nURIs: http://off/debian\n\n"
		"# a comment\nTypes: deb deb-src\n# URIs: http://commented/debian\n"
		"URIs: http://x/other http://on.example/debian\nSuites: x y\n\n"
		"types: deb\nuris: http://last/debian";

	is(1, text, "debian", "http://on.example/debian");
	is(1, "types: deb\nuris: http://last/debian", "debian", "http://last/debian");
	is(1, text, "ubuntu", NULL);
	is(1, "URIs: http://no-type/debian\n", "debian", NULL);
	is(1, "", "debian", NULL);
}

static void test_missing(void **state)
{
	assert_null(bootstrap_mirror("/not/there", "debian"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_deb822),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
