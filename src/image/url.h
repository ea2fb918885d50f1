/* url.h: URLs as people type them. */
#pragma once

int url_is_fetchable(const char *text); /* http://, https:// */
/* The URL as everybody may see it: without user and password. Caller frees. */
char *url_shown(const char *url);
