/* spec_env.c: the program's environment: Docker's defaults, then the image's, then files, then -e.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/spec.h"

#define FILE_MAX_BYTES (4 << 20)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* One line: "NAME=anything", "NAME", comment or nothing. */
static int add_line(
	const char *path, int number, char *line, int labels, char ***out, struct err *e)
{
	const char *equals;
	size_t len = strlen(line);

	if (len && line[len - 1] == '\r')
		line[len - 1] = '\0';
	while (isspace((unsigned char)*line))
		line++;
	if (!*line || *line == '#')
		return 0;
	if (!utf8_is_valid(line))
		return err_set(e, ERR_INVALID, "%s: line %d: invalid utf8 bytes", path, number);
	equals = strchr(line, '=');
	if (equals == line)
		return err_set(e, ERR_INVALID, "%s: line %d: no variable name on line '%.200s'",
			path, number, line);
	for (const char *p = line; *p && p != equals; p++)
		if (isspace((unsigned char)*p))
			return err_set(e, ERR_INVALID,
				"%s: line %d: variable '%.200s' contains whitespaces", path, number,
				line);
	if (equals) {
		strv_add(out, line);
	} else if (labels) {
		strv_addf(out, "%s=", line);
	} else {
		const char *value = getenv(line);
		if (value)
			strv_addf(out, "%s=%s", line, value);
	}
	return 0;
}

int spec_env_file(const char *path, int labels, char ***out, struct err *e)
{
	auto_buf struct buf b = BUF_MAX(FILE_MAX_BYTES);
	int r = fd_read_file(AT_FDCWD, path, &b), number = 0;
	char *text, *line;

	if (r == -EFBIG)
		return err_set(
			e, ERR_INVALID, "%s is larger than %d MiB", path, FILE_MAX_BYTES >> 20);
	if (r < 0)
		return err_sys(e, r, "open %s", path);
	text = b.data ? b.data : NULL;
	if (b.len && memchr(b.data, '\0', b.len))
		return err_set(e, ERR_INVALID, "%s is no text: it holds NUL bytes", path);
	if (text && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while ((line = strsep(&text, "\n")))
		if (add_line(path, ++number, line, labels, out, e) < 0)
			return -1;
	return 0;
}

/* -e K=V, or -e K: the host's value, and without one the variable goes. */
static int add_given(char ***env, const char *text, struct err *e)
{
	const char *value;

	if (!*text || *text == '=')
		return err_set(e, ERR_INVALID,
			"invalid argument \"%.200s\" for \"-e, --env\" flag: invalid environment "
			"variable: %.200s",
			text, text);
	if (strchr(text, '=')) {
		strv_env_set(env, text);
		return 0;
	}
	value = getenv(text);
	if (value) {
		auto_free char *pair = xasprintf("%s=%s", text, value);
		strv_env_set(env, pair);
	} else if (*env) {
		strv_env_unset(*env, text);
	}
	return 0;
}

static int add_all(
	char ***env, char *const *image_env, char *const *lines, char *const *given, struct err *e)
{
	strv_foreach (v, image_env)
		strv_env_set(env, *v);
	strv_foreach (l, lines)
		strv_env_set(env, *l);
	strv_foreach (g, given)
		if (add_given(env, *g, e) < 0)
			return -1;
	return 0;
}

int spec_env_merge(char *const *image_env, char *const *files, char *const *given,
	const char *hostname, const char *home, int tty, char ***out, char ***out_config,
	struct err *e)
{
	auto_strv char **env = NULL, **config = NULL, **lines = NULL;

	/* Once: it may be a pipe. */
	strv_foreach (f, files)
		if (spec_env_file(*f, 0, &lines, e) < 0)
			return -1;
	/* What inspect shows has neither HOSTNAME nor TERM nor HOME. */
	if (add_all(&config, image_env, lines, given, e) < 0)
		return -1;
	if (!strv_env_get(config, "PATH"))
		strv_add(&config, "PATH=" DEFAULT_PATH);
	strv_add(&env, "PATH=" DEFAULT_PATH);
	strv_addf(&env, "HOSTNAME=%s", hostname);
	if (tty)
		strv_add(&env, "TERM=xterm");
	if (add_all(&env, image_env, lines, given, e) < 0)
		return -1;
	if (!strv_env_get(env, "HOME"))
		strv_addf(&env, "HOME=%s", home);
	*out = take_ptr(env);
	*out_config = take_ptr(config);
	return 0;
}
