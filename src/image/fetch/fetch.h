/* fetch.h: a URL's bytes, by libcurl. Speaking. */
#pragma once

#include <stdint.h>

#include "base/err.h"

/* Before the box: what libraries load late, and what they read, copied into the folder that becomes
 * the root: certificates, where the names' servers are, the host's own names. env: NAME=VALUE,
 * NULL-ended, of which SSL_CERT_FILE and CURL_CA_BUNDLE are looked at (curl(1)). */
int fetch_prepare(int folder_fd, char *const *env, struct err *e);

struct fetch {
	const char *url; /* http:// or https:// */
	int fd;		 /* gets the bytes */
	int64_t bytes;	 /* out: so many */
	int stopped;	 /* out: who reads fd went away */
};
/* In the box; proxies are environment variables (curl(1)). */
int fetch_url(struct fetch *f, struct err *e);
