/* platform.h: "linux/arm64/v8": which of several images a machine takes (image-spec 1.1,
 * image-index.md; the words are GOOS, GOARCH and their variants). */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct oci_platform {
	char *architecture, *os, *variant; /* NULL and "": not said */
};

/* GOARCH's name of this machine. */
const char *oci_architecture(void);
/* "linux/amd64", "amd64", "arm64/v8"; NULL: this machine. Speaking; release with _done. */
int oci_platform_parse(const char *text, struct oci_platform *out, struct err *e);
void oci_platform_done(struct oci_platform *p);
/* How well an image for `have` serves who wants `want`: 0 not at all, else more is better. A
 * machine runs the programs of its lesser variants; NULL runs everywhere, so to say. */
int oci_platform_fit(const struct oci_platform *want, const struct oci_platform *have);
/* "linux/arm/v7"; caller frees. */
char *oci_platform_text(const struct oci_platform *p);
