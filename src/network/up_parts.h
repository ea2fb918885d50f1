/* up_parts.h: what the files that make networks real share. */
#pragma once

#include "network/up.h"

/* value into /proc/sys/net/<fmt with interface>. What IPv6 has and this kernel has not is no error.
 */
int network_setting(struct err *e, const char *value, const char *fmt, const char *interface)
	__attribute__((format(printf, 3, 0)));

/* pair.c: the veth pair that copies of first packets go through (rules.c), and what lets packets
 * with any source come in by it. */
int network_pair_make(struct network_host *h, struct err *e);
