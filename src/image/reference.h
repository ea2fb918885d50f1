/* reference.h: image names. "debian:trixie" is docker.io/library/debian:trixie; grammar and limits
 * as facts of the distribution specification and Docker's reference package have them. */
#pragma once

#include "base/err.h"

#define REFERENCE_MAX 512

struct reference {
	char domain[256]; /* "docker.io", "localhost:5000" */
	char path[256];	  /* "library/debian" */
	char tag[129];	 /* "latest" when neither tag nor digest was given; "" with a digest only */
	char digest[72]; /* "sha256:..." or "" */
	char full[REFERENCE_MAX];	   /* canonical: domain/path:tag or domain/path@digest */
	char familiar[REFERENCE_MAX];	   /* as users read it: "debian:trixie" */
	char familiar_name[REFERENCE_MAX]; /* without tag: "debian" */
};

/* Speaking: "invalid reference format: repository name (X) must be lowercase" etc., as Docker. */
int reference_parse(const char *text, struct reference *out, struct err *e);
/* 1 when text can only be (a prefix of) an image id: 12..64 hex digits or "sha256:...". */
int reference_is_id(const char *text);
