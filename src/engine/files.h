/* files.h: /etc/resolv.conf, /etc/hostname and /etc/hosts of a container: files of ours that are
 * mounted over the image's. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct spec;

extern const char *const files_names[]; /* "resolv.conf", "hostname", "hosts", NULL */

/* --add-host H:IP, H=IP -> "IP\tH" each. Speaking. */
int files_extra_hosts(char *const *add_hosts, char ***out, struct err *e);
/* --dns must be addresses. Speaking. */
int files_check_dns(char *const *dns, struct err *e);

/* Texts; host_text: the host's own file. */
void files_hosts_text(struct buf *b, char *const *extra_hosts, const char *host_text);
void files_resolv_text(struct buf *b, const char *host_text, int host_network, char *const *dns,
	char *const *search, char *const *options);

/* Write all three into the folder, owned by owner: the container's root as the host sees it. */
int files_write(const struct spec *s, int folder_fd, uid_t owner, struct err *e);
