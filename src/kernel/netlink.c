/* netlink.c: netlink messages: built, sent, acknowledged, listed. */
#define _GNU_SOURCE
#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define ANSWER_S 5
#define ANSWER_MAX (64 * 1024)
#define DUMP_TRIES 3
#define SEND_MAX 100000

static void pad(struct nl *m)
{
	static const char zero[NLMSG_ALIGNTO];

	buf_add(&m->buf, zero, NLMSG_ALIGN(m->buf.len) - m->buf.len);
}

/* The length of what was built so far goes into the header at `at`: nlmsg_len (32 bits) or nla_len
 * (16). */
static void set_length(struct nl *m, size_t at, int is_attribute)
{
	size_t len = m->buf.len - at;

	if (m->buf.over)
		return;
	if (!is_attribute) {
		uint32_t v = (uint32_t)len;
		memcpy(m->buf.data + at, &v, sizeof(v));
	} else if (len > UINT16_MAX) {
		m->buf.over = 1;
	} else {
		uint16_t v = (uint16_t)len;
		memcpy(m->buf.data + at, &v, sizeof(v));
	}
}

void nl_start(struct nl *m, uint16_t type, uint16_t flags, const void *family_header, size_t size)
{
	struct nlmsghdr h = {
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
	};

	pad(m);
	m->head = m->buf.len;
	buf_add(&m->buf, &h, sizeof(h));
	nl_raw(m, family_header, size);
}

void nl_raw(struct nl *m, const void *data, size_t size)
{
	buf_add(&m->buf, data, size);
	pad(m);
	set_length(m, m->head, 0);
}

void nl_put(struct nl *m, uint16_t attribute, const void *data, size_t size)
{
	struct nlattr a = {.nla_type = attribute};
	size_t at = m->buf.len;

	buf_add(&m->buf, &a, sizeof(a));
	buf_add(&m->buf, data, size);
	set_length(m, at, 1);
	pad(m);
	set_length(m, m->head, 0);
}

void nl_put_u8(struct nl *m, uint16_t attribute, uint8_t v)
{
	nl_put(m, attribute, &v, sizeof(v));
}

void nl_put_u32(struct nl *m, uint16_t attribute, uint32_t v)
{
	nl_put(m, attribute, &v, sizeof(v));
}

void nl_put_be32(struct nl *m, uint16_t attribute, uint32_t v)
{
	nl_put_u32(m, attribute, htonl(v));
}

void nl_put_str(struct nl *m, uint16_t attribute, const char *s)
{
	nl_put(m, attribute, s, strlen(s) + 1);
}

size_t nl_nest(struct nl *m, uint16_t attribute)
{
	size_t at = m->buf.len;

	nl_put(m, attribute | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_end(struct nl *m, size_t at)
{
	set_length(m, at, 1);
	set_length(m, m->head, 0);
}

void nl_want_ack(struct nl *m)
{
	struct nlmsghdr h;

	if (m->buf.over || m->head + sizeof(h) > m->buf.len)
		return;
	memcpy(&h, m->buf.data + m->head, sizeof(h));
	h.nlmsg_flags |= NLM_F_ACK;
	memcpy(m->buf.data + m->head, &h, sizeof(h));
}

void nl_done(struct nl *m)
{
	buf_done(&m->buf);
}

int nl_open(int protocol)
{
	const struct timeval most = {.tv_sec = ANSWER_S};
	auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int one = 1;

	if (fd < 0)
		return -errno;
	/* Both since 4.12 and 4.2; without them only the words are missing. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int send_all(int fd, const struct nl *m)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	int size = (int)m->buf.len * 2;

	if (m->buf.over)
		return -EMSGSIZE;
	/* A send buffer of the default size takes 200 KB. */
	if (m->buf.len > SEND_MAX &&
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (sendto(fd, m->buf.data, m->buf.len, 0, (const struct sockaddr *)&kernel,
		       sizeof(kernel)) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* One datagram of the kernel's (a process may send to our port as well): its length. */
static ssize_t receive(int fd, void *room, size_t size)
{
	for (;;) {
		struct sockaddr_nl from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, room, size, MSG_TRUNC, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (from.nl_pid != 0)
			continue;
		return (size_t)n > size ? -EMSGSIZE : n;
	}
}

/* The text behind an error: NLMSGERR_ATTR_MSG, after the header that it answers. */
static void copy_why(const struct nlmsghdr *h, char *why)
{
	size_t len, skip = sizeof(struct nlmsgerr);
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const char *text;

	if (!why || !(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(struct nlmsghdr);
	text = nl_attr(h, skip, NLMSGERR_ATTR_MSG, &len);
	if (text && len && text[len - 1] == '\0')
		str_copy(why, NL_WHY_MAX, text);
}

/* Numbers the messages from `first` on; how many want to be acknowledged. A failed batch of
 * nftables is answered more often than it asked: what is not of these numbers is an old answer. */
static size_t number(struct nl *m, uint32_t first)
{
	size_t acks = 0;

	m->n = 0;
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= m->buf.len; m->n++) {
		struct nlmsghdr h;
		memcpy(&h, m->buf.data + at, sizeof(h));
		h.nlmsg_seq = first + (uint32_t)m->n;
		memcpy(m->buf.data + at, &h, sizeof(h));
		acks += (h.nlmsg_flags & NLM_F_ACK) != 0;
		at += NLMSG_ALIGN(h.nlmsg_len);
	}
	return acks;
}

static uint32_t next_number; /* one thread */

static int is_answer(const struct nlmsghdr *h, const struct nl *m, uint32_t first)
{
	return h->nlmsg_seq - first < m->n;
}

int nl_talk(int fd, struct nl *m, char *why)
{
	_Alignas(struct nlmsghdr) char room[8192];
	const uint32_t first = next_number;
	size_t left = number(m, first);
	int r;

	next_number += (uint32_t)m->n;
	if (why)
		*why = '\0';
	r = send_all(fd, m);
	while (r == 0 && left > 0) {
		ssize_t n = receive(fd, room, sizeof(room));
		int len = (int)n;

		if (n < 0)
			return (int)n;
		for (const struct nlmsghdr *h = (void *)room; NLMSG_OK(h, (unsigned int)len);
			h = NLMSG_NEXT(h, len)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);
			if (h->nlmsg_type != NLMSG_ERROR ||
				h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || !is_answer(h, m, first))
				continue;
			left -= left > 0;
			if (e->error == 0 || r < 0)
				continue;
			r = e->error;
			copy_why(h, why);
		}
	}
	return r;
}

/* 0 go on, 1 the end, -errno */
static int visit(const struct nl *m, uint32_t first, const char *room, size_t size,
	int (*each)(const struct nlmsghdr *h, void *ctx), void *ctx, int *torn)
{
	int len = (int)size;

	for (const struct nlmsghdr *h = (const void *)room; NLMSG_OK(h, (unsigned int)len);
		h = NLMSG_NEXT(h, len)) {
		int r;

		if (!is_answer(h, m, first))
			continue;
		*torn |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error ?: 1;
		r = each(h, ctx);
		if (r != 0)
			return r < 0 ? r : 1;
	}
	return 0;
}

int nl_dump(int fd, struct nl *m, int (*each)(const struct nlmsghdr *h, void *ctx), void *ctx)
{
	auto_free char *room = xmalloc(ANSWER_MAX);
	int r = 0;

	for (int i = 0; i < DUMP_TRIES; i++) {
		const uint32_t first = next_number;
		int torn = 0;

		number(m, first);
		next_number += (uint32_t)m->n;
		r = send_all(fd, m);
		while (r == 0) {
			ssize_t n = receive(fd, room, ANSWER_MAX);
			r = n < 0 ? (int)n : visit(m, first, room, (size_t)n, each, ctx, &torn);
		}
		if (r < 0 || !torn)
			break;
	}
	return r < 0 ? r : 0;
}

const void *nl_attr(const struct nlmsghdr *h, size_t size, uint16_t attribute, size_t *out_len)
{
	const char *start = (const char *)h, *end = start + h->nlmsg_len;
	const char *p = start + NLMSG_HDRLEN + NLMSG_ALIGN(size);

	while (end - p >= (ptrdiff_t)sizeof(struct nlattr)) {
		struct nlattr a;

		memcpy(&a, p, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > end - p)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == attribute) {
			*out_len = a.nla_len - sizeof(a);
			return p + sizeof(a);
		}
		p += NLA_ALIGN(a.nla_len);
	}
	return NULL;
}
