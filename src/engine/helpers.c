/* helpers.c: where hull's other programs and its data are. */
#define _GNU_SOURCE
#include "engine/helpers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config.h"

/* Beneath the folder of the running program; the later ones are a build folder's. */
static const char *const beside[] = {
	".",
	"../libexec/hull",
	"../share/hull",
	"src/monitor",
	"src/keeper",
	"src/engine",
	"src/seccomp",
	"src/init",
	"../monitor",
	"../keeper",
	"../engine",
	"../seccomp",
	"../init",
	"../src/monitor",
	"../src/keeper",
	"../src/engine",
	"../src/seccomp",
};
static const char *const installed[] = {HULL_LIBEXECDIR, HULL_DATADIR};

char *helpers_self(struct err *e)
{
	char path[PATH_MAX];
	struct stat own, named;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0) {
		err_sys(e, errno, "find the running program by /proc/self/exe");
		return NULL;
	}
	path[n] = '\0';
	if (stat("/proc/self/exe", &own) == 0 &&
		(stat(path, &named) < 0 || own.st_ino != named.st_ino ||
			own.st_dev != named.st_dev)) {
		const char *sealed = getenv(HELPERS_SELF);
		return xstrdup(sealed && *sealed == '/' ? sealed : path);
	}
	return xstrdup(path);
}

char *helpers_find(const char *name, struct err *e)
{
	auto_free char *self = helpers_self(e);
	int mode = str_ends(name, ".json") ? R_OK : X_OK;
	char *slash = self ? strrchr(self, '/') : NULL;

	if (!slash)
		return NULL;
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		char *path = streq(beside[i], ".") ? xasprintf("%s/%s", self, name)
						   : xasprintf("%s/%s/%s", self, beside[i], name);
		if (access(path, mode) == 0)
			return path;
		free(path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(installed); i++) {
		char *path = xasprintf("%s/%s", installed[i], name);
		if (access(path, mode) == 0)
			return path;
		free(path);
	}
	err_set(e, ERR_NOT_FOUND,
		"%s is not there, neither beside %s/hull nor in %s: install hull again", name, self,
		HULL_LIBEXECDIR);
	return NULL;
}
