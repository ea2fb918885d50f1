/* profile_host.c: the machine a profile is decided for. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "seccomp/profile.h"
#include "seccomp/profile_reader.h"

/* Go's names of machines, as archs in includes have them. */
static const struct {
	const char *word;
	uint32_t token;
} arch_words[] = {
	{"amd64", SCMP_ARCH_X86_64},
	{"x86", SCMP_ARCH_X86},
	{"386", SCMP_ARCH_X86},
	{"x32", SCMP_ARCH_X32},
	{"arm64", SCMP_ARCH_AARCH64},
	{"arm", SCMP_ARCH_ARM},
	{"ppc64le", SCMP_ARCH_PPC64LE},
	{"riscv64", SCMP_ARCH_RISCV64},
	{"s390x", SCMP_ARCH_S390X},
	{"s390", SCMP_ARCH_S390},
};

uint32_t profile_arch(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(arch_words); i++)
		if (streq(arch_words[i].word, word))
			return arch_words[i].token;
	return seccomp_arch_resolve_name(word);
}

const char *profile_go_arch(uint32_t token)
{
	for (size_t i = 0; i < ARRAY_SIZE(arch_words); i++)
		if (arch_words[i].token == token)
			return arch_words[i].word;
	return "";
}

/* "SCMP_ARCH_X86_64" -> its token, 0 when libseccomp does not know it. */
uint32_t profile_arch_token(const char *name)
{
	const char *word = str_after(name, "SCMP_ARCH_");
	auto_free char *lower = xstrdup(word ? word : "");

	for (char *p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return seccomp_arch_resolve_name(lower);
}

int profile_host_ask(struct profile_host *out)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	memset(out, 0, sizeof(*out));
	if (uname(&u) < 0)
		return -errno;
	if (sscanf(u.release, "%u.%u", &major, &minor) != 2 || major > 255 || minor > 65535)
		return -EINVAL;
	out->kernel = major << 16 | minor;
	out->native = seccomp_arch_native();
	return 0;
}
