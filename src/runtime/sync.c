/* sync.c: messages between the container's first process and its parent. */
#define _GNU_SOURCE
#include "runtime/sync.h"

#include <errno.h>
#include <string.h>

#include "kernel/ns.h"

int sync_send(int fd, uint32_t type, const int *fds, uint32_t n_fds)
{
	uint32_t head[2] = {type, n_fds};

	_Static_assert(sizeof(head) == SYNC_SHORT, "short messages are type and n_fds");
	return ns_send_fds(fd, head, sizeof(head), fds, n_fds);
}

int sync_send_err(int fd, uint32_t type, const struct err *e)
{
	struct sync_msg m;

	memset(&m, 0, sizeof(m));
	m.type = type;
	m.err = *e;
	return ns_send_fds(fd, &m, sizeof(m), NULL, 0);
}

int sync_recv(int fd, struct sync_msg *out, int *fds, size_t *n_fds)
{
	size_t none = 0;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	n = ns_recv_fds(fd, out, sizeof(*out), fds, n_fds ? n_fds : &none);
	if (n == 0 || n == -ECONNRESET)
		return 0;
	if (n < 0)
		return (int)n;
	if (n != SYNC_SHORT && n != sizeof(*out))
		return -EPROTO;
	out->err.text[sizeof(out->err.text) - 1] = '\0';
	return 1;
}
