/* netlink.h: netlink messages: built, sent, acknowledged, listed. Quiet: >= 0 or -errno. Source:
 * netlink(7), Documentation/userspace-api/netlink/intro.rst. */
#pragma once

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define NL_WHY_MAX 200

/* One or more messages that are sent at once. The first failure of building (too long) is kept and
 * comes out of nl_talk. */
struct nl {
	struct buf buf;
	size_t head; /* where the message that is being built starts */
	size_t n;    /* messages, once sent */
};
#define NL_EMPTY ((struct nl){.buf = BUF_MAX(16 << 20)})

/* The next message. flags: NLM_F_* beyond NLM_F_REQUEST. family_header: struct ifinfomsg, rtmsg,
 * nfgenmsg ... */
void nl_start(struct nl *m, uint16_t type, uint16_t flags, const void *family_header, size_t size);
void nl_put(struct nl *m, uint16_t attribute, const void *data, size_t size);
void nl_put_u8(struct nl *m, uint16_t attribute, uint8_t v);
void nl_put_u32(struct nl *m, uint16_t attribute, uint32_t v);
void nl_put_be32(struct nl *m, uint16_t attribute, uint32_t v);	  /* in network order */
void nl_put_str(struct nl *m, uint16_t attribute, const char *s); /* with its NUL */
/* A nested attribute: everything put until nl_nest_end(m, what nl_nest gave). */
size_t nl_nest(struct nl *m, uint16_t attribute);
void nl_nest_end(struct nl *m, size_t at);
/* Bytes that are no attribute (the ifinfomsg within VETH_INFO_PEER). */
void nl_raw(struct nl *m, const void *data, size_t size);
/* The message that is being built is to be acknowledged (NLM_F_ACK). */
void nl_want_ack(struct nl *m);
void nl_done(struct nl *m);
#define auto_nl __attribute__((cleanup(nl_done)))

/* A socket of NETLINK_ROUTE, NETLINK_NETFILTER; answers are waited for at most five seconds. */
int nl_open(int protocol);
/* The same in another network namespace (descriptor of /proc/PID/ns/net), made there by a
 * short-lived child: this process goes nowhere. */
int nl_open_in(int netns_fd, int protocol);
/* Send, and read the acknowledgement of each message that asked for one (NLM_F_ACK). The first
 * error wins; the kernel's own words for it, if it has any, go to why[NL_WHY_MAX] (may be NULL). */
int nl_talk(int fd, struct nl *m, char *why);
/* A request with NLM_F_DUMP: each(message, ctx) for each answer until it returns non-zero, which is
 * returned when it is negative (the rest of the list is then still in the socket: close it). Asked
 * again (at most three times) when the list changed meanwhile, so each may see a thing twice. */
int nl_dump(int fd, struct nl *m, int (*each)(const struct nlmsghdr *h, void *ctx), void *ctx);
/* The attribute's data behind a family header of `size` bytes, or NULL. */
const void *nl_attr(const struct nlmsghdr *h, size_t size, uint16_t attribute, size_t *out_len);
