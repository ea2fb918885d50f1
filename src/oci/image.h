/* image.h: the OCI image configuration (image-spec 1.1, config.md) and Docker's superset of it
 * (healthcheck, shell, stop timeout) as a struct. Everything in it is hostile input. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct oci_image_history {
	char *created, *created_by, *author, *comment;
	int empty_layer;
};

struct oci_image {
	char *created, *author, *architecture, *variant, *os;
	/* config */
	char *user, *working_dir, *stop_signal;
	char **env, **entrypoint, **cmd, **volumes, **exposed_ports, **shell, **on_build;
	int entrypoint_set, cmd_set; /* [] and null differ from missing when inherited */
	json_t *labels;		     /* object of strings or NULL */
	json_t *healthcheck;	     /* raw or NULL */
	/* rootfs */
	char **diff_ids; /* checked digests, lowest first */
	struct oci_image_history *history;
	size_t n_history;
};

/* Speaking. Env entries without "=" or with an empty name, non-absolute volumes, digests that are
 * none and lists longer than 4096 are refused. *out is to be released with oci_image_done also
 * after an error. */
int oci_image_parse(const char *text, size_t len, struct oci_image *out, struct err *e);
/* The canonical bytes we store and hash (compact, members in the specification's order). */
char *oci_image_text(const struct oci_image *i);
void oci_image_done(struct oci_image *i);

/* One Dockerfile instruction as `import --change` takes it: CMD ENTRYPOINT ENV EXPOSE LABEL
 * STOPSIGNAL USER VOLUME WORKDIR ONBUILD HEALTHCHECK SHELL. Speaking. */
int oci_image_change(struct oci_image *i, const char *instruction, struct err *e);
