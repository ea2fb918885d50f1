/* url.c: URLs as people type them. */
#define _GNU_SOURCE
#include "image/url.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

int url_is_fetchable(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

char *url_shown(const char *url)
{
	const char *host = strstr(url, "://");
	const char *end, *at = NULL;

	if (!host)
		return xstrdup(url);
	host += 3;
	end = host + strcspn(host, "/?#");
	for (const char *p = host; p < end; p++)
		if (*p == '@')
			at = p + 1;
	return at ? xasprintf("%.*s%s", (int)(host - url), url, at) : xstrdup(url);
}
