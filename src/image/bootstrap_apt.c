/* bootstrap_apt.c: the machine's own mirror, out of apt's sources (sources.list(5)). */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"
#include "base/mem.h"
#include "image/bootstrap.h"

#define FILE_MAX ((size_t)1 << 20)

/* "http://host/anything/debian/" is one of Debian's; "debian-security" and "debian-archive" are not
 * what a first installation comes from. */
static int is_archive_of(const char *uri, const char *distribution)
{
	size_t n = strlen(uri), m = strlen(distribution);

	if (!strstr(uri, "://"))
		return 0;
	while (n && uri[n - 1] == '/')
		n--;
	return n > m && uri[n - m - 1] == '/' && strncmp(uri + n - m, distribution, m) == 0;
}

/* The word that begins at *p, "" at the end. *p goes behind it. */
static char *next_word(const char **p)
{
	const char *start = *p + strspn(*p, " \t");
	size_t n = strcspn(start, " \t");

	*p = start + n;
	return xstrndup(start, n);
}

/* deb [ options ] uri suite component... */
static int one_line(const char *line, const char *distribution, char **out)
{
	const char *p = line;
	auto_free char *type = next_word(&p), *uri = NULL;

	if (!streq(type, "deb"))
		return 0;
	p += strspn(p, " \t");
	if (*p == '[') {
		p = strchr(p, ']');
		if (!p)
			return 0;
		p++;
	}
	uri = next_word(&p);
	if (!is_archive_of(uri, distribution))
		return 0;
	*out = take_ptr(uri);
	return 1;
}

int bootstrap_mirror_line(const char *text, const char *distribution, char **out)
{
	auto_strv char **lines = strv_split(text, "\n");

	strv_foreach (l, lines)
		if (one_line(*l, distribution, out))
			return 1;
	return 0;
}

/* One stanza's fields of interest. */
struct stanza {
	int off, binary;
	char *uri; /* the first that fits */
};

static int ends_stanza(struct stanza *s, char **out)
{
	char *uri = s->off || !s->binary ? NULL : take_ptr(s->uri);

	free(s->uri);
	*s = (struct stanza){0};
	if (uri)
		*out = uri;
	return uri != NULL;
}

static void take_field(struct stanza *s, const char *line, const char *distribution)
{
	const char *colon = strchr(line, ':'), *p;
	auto_free char *name = colon ? xstrndup(line, (size_t)(colon - line)) : NULL;

	if (!colon)
		return;
	p = colon + 1;
	for (;;) {
		auto_free char *word = next_word(&p);

		if (!*word)
			return;
		if (strcasecmp(name, "Enabled") == 0)
			s->off = strcasecmp(word, "no") == 0 || strcasecmp(word, "false") == 0;
		if (strcasecmp(name, "Types") == 0 && streq(word, "deb"))
			s->binary = 1;
		if (strcasecmp(name, "URIs") == 0 && !s->uri && is_archive_of(word, distribution))
			s->uri = xstrdup(word);
	}
}

int bootstrap_mirror_deb822(const char *text, const char *distribution, char **out)
{
	auto_strv char **lines = strv_split(text, "\n");
	struct stanza s = {0};

	strv_foreach (l, lines) {
		if (**l == '#')
			continue;
		if (!**l && ends_stanza(&s, out))
			return 1;
		take_field(&s, *l, distribution);
	}
	return ends_stanza(&s, out);
}

static int look_into(int dirfd, const char *name, const char *distribution, char **out)
{
	auto_buf struct buf b = BUF_MAX(FILE_MAX);

	if (fd_read_file(dirfd, name, &b) < 0 || !b.data)
		return 0;
	return str_ends(name, ".sources") ? bootstrap_mirror_deb822(b.data, distribution, out)
					  : bootstrap_mirror_line(b.data, distribution, out);
}

static int is_source(const struct dirent *d)
{
	return str_ends(d->d_name, ".list") || str_ends(d->d_name, ".sources");
}

char *bootstrap_mirror(const char *etc, const char *distribution)
{
	auto_fd int dirfd = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_fd int parts = -1;
	struct dirent **list = NULL;
	char *out = NULL;
	int n;

	if (dirfd < 0 || look_into(dirfd, "sources.list", distribution, &out))
		return out;
	parts = openat(dirfd, "sources.list.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = parts < 0 ? 0 : scandirat(dirfd, "sources.list.d", &list, is_source, alphasort);
	for (int i = 0; i < n; i++) {
		if (!out)
			look_into(parts, list[i]->d_name, distribution, &out);
		free(list[i]);
	}
	free(list);
	return out;
}
