/* test_image_reference.c: image names in, Docker's canonical and familiar forms out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/reference.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

static void test_good(void **state)
{
	static const struct {
		const char *text, *full, *familiar, *familiar_name;
	} cases[] = {
		{"debian", "docker.io/library/debian:latest", "debian:latest", "debian"},
		{"debian:trixie", "docker.io/library/debian:trixie", "debian:trixie", "debian"},
		{"docker.io/debian", "docker.io/library/debian:latest", "debian:latest", "debian"},
		{"index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest", "a/b"},
		{"library/debian", "docker.io/library/debian:latest", "debian:latest", "debian"},
		{"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest",
			"library/a/b"},
		/* The short form would be another image. */
		{"docker.io/localhost/x", "docker.io/localhost/x:latest",
			"docker.io/localhost/x:latest", "docker.io/localhost/x"},
		{"a/b:c", "docker.io/a/b:c", "a/b:c", "a/b"},
		{"localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost/x"},
		{"localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1",
			"localhost:5000/x"},
		/* One component is never a host: this is a tag. */
		{"host:80", "docker.io/library/host:80", "host:80", "host"},
		{"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", "[::1]:5000/x"},
		{"UPPER/x", "UPPER/x:latest", "UPPER/x:latest", "UPPER/x"},
		{"ghcr.io/a--b/c__d.e:V_1.x-", "ghcr.io/a--b/c__d.e:V_1.x-",
			"ghcr.io/a--b/c__d.e:V_1.x-", "ghcr.io/a--b/c__d.e"},
		{"debian@" DIGEST, "docker.io/library/debian@" DIGEST, "debian@" DIGEST, "debian"},
		{"debian:x@" DIGEST, "docker.io/library/debian@" DIGEST, "debian:x@" DIGEST,
			"debian"},
		{X100 ":" X100, "docker.io/library/" X100 ":" X100, X100 ":" X100, X100},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reference r;
		struct err e = {0};

		if (reference_parse(cases[i].text, &r, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.text);
		assert_string_equal(r.full, cases[i].full);
		assert_string_equal(r.familiar, cases[i].familiar);
		assert_string_equal(r.familiar_name, cases[i].familiar_name);
	}
}

static void test_pieces(void **state)
{
	struct reference r;

	assert_int_equal(reference_parse("localhost:5000/a/b:1", &r, NULL), 0);
	assert_string_equal(r.domain, "localhost:5000");
	assert_string_equal(r.path, "a/b");
	assert_string_equal(r.tag, "1");
	assert_string_equal(r.digest, "");
	assert_int_equal(reference_parse("x@" DIGEST, &r, NULL), 0);
	assert_string_equal(r.tag, "");
	assert_string_equal(r.digest, DIGEST);
}

static void test_bad(void **state)
{
	static const char plain[] = "invalid reference format";
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", plain},
		{":x", plain},
		{"a:", plain},
		{"a//b", plain},
		{"/a", plain},
		{"a/", plain},
		{"a b", plain},
		{"-a", plain},
		{"a-", plain},
		{"a___b", plain},
		{"a..b", plain},
		{"../a", plain},
		{"a/../b", plain},
		{"a:.x", plain},
		{"a:-x", plain},
		{"a:" X100 X10 X10 X10, plain},
		{"a:b:c", plain},
		{"a@", plain},
		{"a@b", plain},
		{"a@sha256:12", plain},
		{"a@sha256:" X10, plain},
		{"a@" DIGEST "@" DIGEST, plain},
		{"a@sha512:" HEX HEX, "unsupported digest algorithm"},
		{"ho_st.x/a", plain},
		{".x/a", plain},
		{"x.:80/a", plain},
		{"x:/a", plain},
		{"[zz]:1/x", plain},
		{"Debian", "invalid reference format: repository name (library/Debian) must be "
			   "lowercase"},
		{"x/Y:1", "invalid reference format: repository name (x/Y) must be lowercase"},
		{HEX, "invalid repository name (" HEX "), cannot specify 64-byte hexadecimal "
		      "strings"},
		{X100 X100 X10 X10 X10 X10, "invalid reference format: repository name must not "
					    "be more than 255 characters"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reference r;
		struct err e = {0};

		if (reference_parse(cases[i].text, &r, &e) == 0)
			fail_msg("\"%s\" was accepted as %s", cases[i].text, r.full);
		assert_int_equal(e.kind, ERR_INVALID);
		assert_string_equal(e.text, cases[i].error);
	}
}

static void test_id(void **state)
{
	assert_true(reference_is_id("0123456789ab"));
	assert_true(reference_is_id(HEX));
	assert_true(reference_is_id(DIGEST));
	assert_true(reference_is_id("sha256:0"));
	assert_false(reference_is_id("0123456789a"));
	assert_false(reference_is_id("sha256:"));
	assert_false(reference_is_id("0123456789aB"));
	assert_false(reference_is_id(HEX "0"));
	assert_false(reference_is_id("debian"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
