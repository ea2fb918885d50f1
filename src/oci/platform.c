/* platform.c: which of several images a machine takes. */
#include "oci/platform.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/mem.h"

#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#elif defined(__arm__)
#define ARCHITECTURE "arm"
#elif defined(__i386__)
#define ARCHITECTURE "386"
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE "riscv64"
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCHITECTURE "ppc64le"
#elif defined(__s390x__)
#define ARCHITECTURE "s390x"
#else
#define ARCHITECTURE "unknown"
#endif

/* What people and uname(1) say. */
static const struct {
	const char *said, *architecture, *variant;
} aliases[] = {
	{"x86_64", "amd64", NULL},
	{"x86-64", "amd64", NULL},
	{"i386", "386", NULL},
	{"i686", "386", NULL},
	{"aarch64", "arm64", NULL},
	{"armhf", "arm", "v7"},
	{"armel", "arm", "v6"},
};

const char *oci_architecture(void)
{
	return ARCHITECTURE;
}

static int is_word(const char *s)
{
	size_t len = strlen(s);

	return len && len < 64 && *s != '.' && *s != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == len;
}

static void set_architecture(struct oci_platform *p, const char *said)
{
	str_set(&p->architecture, said);
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (streq(said, aliases[i].said)) {
			str_set(&p->architecture, aliases[i].architecture);
			str_set(&p->variant, aliases[i].variant);
		}
}

/* The variant of an ARM machine: "armv7l". */
static void set_host(struct oci_platform *p)
{
	struct utsname u;

	p->os = xstrdup("linux");
	p->architecture = xstrdup(ARCHITECTURE);
	if (streq(ARCHITECTURE, "arm") && uname(&u) == 0 && u.machine[4] >= '5' &&
		u.machine[4] <= '8')
		p->variant = xasprintf("v%c", u.machine[4] == '8' ? '7' : u.machine[4]);
}

int oci_platform_parse(const char *text, struct oci_platform *out, struct err *e)
{
	auto_strv char **parts = text && *text ? strv_split(text, "/") : NULL;
	size_t n = strv_len(parts), at = 0;

	*out = (struct oci_platform){0};
	if (!n) {
		set_host(out);
		return 0;
	}
	strv_foreach (s, parts)
		if (n > 3 || !is_word(*s))
			return err_set(e, ERR_INVALID,
				"\"%.100s\" is no platform: it is written OS/ARCH[/VARIANT], as in "
				"linux/arm64",
				text);
	/* "arm64/v8" and "amd64" leave the system out. */
	if (n == 3 || (n == 2 && parts[1][0] != 'v'))
		out->os = xstrdup(parts[at++]);
	else
		out->os = xstrdup("linux");
	set_architecture(out, parts[at++]);
	if (at < n)
		str_set(&out->variant, parts[at]);
	return 0;
}

void oci_platform_done(struct oci_platform *p)
{
	free(p->architecture);
	free(p->os);
	free(p->variant);
	*p = (struct oci_platform){0};
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* What no variant means. */
static const char *variant_of(const struct oci_platform *p)
{
	const char *v = or_empty(p->variant);

	if (*v)
		return v;
	if (streq(or_empty(p->architecture), "arm64"))
		return "v8";
	if (streq(or_empty(p->architecture), "arm"))
		return "v7";
	return "";
}

/* "v7" -> 7; 0 for anything else. */
static int variant_number(const char *v)
{
	return v[0] == 'v' && v[1] >= '1' && v[1] <= '9' && !v[2] ? v[1] - '0' : 0;
}

int oci_platform_fit(const struct oci_platform *want, const struct oci_platform *have)
{
	const char *wanted = variant_of(want), *there = have ? variant_of(have) : "";
	int top = variant_number(wanted), number = variant_number(there);

	if (!have)
		return 1;
	if (!streq(or_empty(want->os), or_empty(have->os)) ||
		!streq(or_empty(want->architecture), or_empty(have->architecture)))
		return 0;
	if (streq(wanted, there))
		return 20;
	/* ARM machines run what their forerunners ran. */
	if (streq(or_empty(want->architecture), "arm") && number && number < top)
		return 1 + number;
	/* amd64 without a word is v1, which all are. */
	return !*there || (!*wanted && number == 1) ? 10 : 0;
}

char *oci_platform_text(const struct oci_platform *p)
{
	const char *v = or_empty(p->variant);

	return xasprintf("%s/%s%s%s", or_empty(p->os), or_empty(p->architecture), *v ? "/" : "", v);
}
