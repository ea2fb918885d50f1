/* spec.c: what a program to be kept is, as text. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/keeper.h"
#include "kernel/cidr.h"

static int copy(char *dst, size_t size, const char *src)
{
	if (!*src || strlen(src) >= size)
		return -EINVAL;
	str_copy(dst, size, src);
	return 0;
}

static int add_address(struct keep_spec *s, const char *value)
{
	if (s->n_addrs == ARRAY_SIZE(s->addrs))
		return -EINVAL;
	return cidr_parse(value, &s->addrs[s->n_addrs++]);
}

static int add_hosts(struct keep_spec *s, const char *value)
{
	if (s->n_hosts == KEEP_HOSTS_MAX || strlen(value) != KEEPER_KEY_LEN ||
		strspn(value, "0123456789abcdef") != KEEPER_KEY_LEN)
		return -EINVAL;
	return copy(s->hosts[s->n_hosts++], KEEPER_KEY_LEN + 1, value);
}

/* More than there is room for are left out, as resolv.conf's are. */
static int add_upstream(struct keep_spec *s, const char *value)
{
	if (s->n_upstreams == KEEP_UPSTREAMS_MAX)
		return 0;
	return copy(s->upstreams[s->n_upstreams++], KEEP_WORD_MAX, value);
}

static int take_line(struct keep_spec *s, char *line)
{
	char *value = line + strcspn(line, " ");

	if (*value)
		*value++ = '\0';
	if (streq(line, "kind"))
		return copy(s->kind, sizeof(s->kind), value);
	if (streq(line, "name"))
		return copy(s->name, sizeof(s->name), value);
	if (streq(line, "bridge"))
		return copy(s->bridge, sizeof(s->bridge), value);
	if (streq(line, "mtu")) {
		s->mtu = (uint32_t)strtoul(value, NULL, 10);
		return 0;
	}
	if (streq(line, "address"))
		return add_address(s, value);
	if (streq(line, "hosts"))
		return add_hosts(s, value);
	if (streq(line, "forward")) {
		s->forward = 1;
		return 0;
	}
	if (streq(line, "upstream"))
		return add_upstream(s, value);
	return -EINVAL;
}

int keep_spec_parse(char *text, struct keep_spec *out)
{
	struct keep_spec s = {0};

	for (char *save, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		int r = take_line(&s, line);
		if (r < 0)
			return r;
	}
	if (!*s.kind)
		return -EINVAL;
	*out = s;
	return 0;
}
