/* Interfaces, routes and nftables elements, in a network namespace of the test's own. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "kernel/link.h"
#include "kernel/nft.h"

static int own_namespace; /* the tests run in one */

static const struct link_addr gateway = {.family = AF_INET, .bytes = {10, 9, 0, 1}, .prefix = 16};

static int route_fd(void)
{
	int fd = nl_open(NETLINK_ROUTE);

	if (!own_namespace)
		skip();
	assert_true(fd >= 0);
	return fd;
}

static void bridges(void **state)
{
	int fd = route_fd(), index;

	(void)state;
	assert_int_equal(link_bridge_add(fd, "hull0", NULL, 0), 0);
	assert_int_equal(link_bridge_add(fd, "hull0", NULL, 0), -EEXIST);
	assert_int_equal(link_bridge_add(fd, "a-name-that-is-too-long", NULL, 0), -EINVAL);
	index = link_index(fd, "hull0");
	assert_true(index > 0);
	assert_int_equal(link_index(fd, "nix"), -ENODEV);
	assert_int_equal(link_addr_add(fd, index, &gateway), 0);
	assert_int_equal(link_addr_add(fd, index, &gateway), -EEXIST);
	close(fd);
}

static void note_route(const struct link_addr *to, void *ctx)
{
	*(int *)ctx |= to->family == AF_INET && to->prefix == 16 && to->bytes[1] == 9;
}

static void routes(void **state)
{
	int fd = route_fd(), found = 0;

	(void)state;
	assert_int_equal(link_routes(fd, note_route, &found), 0);
	assert_true(found);
	close(fd);
}

/* A process in a network namespace of its own. */
static pid_t neighbour(void)
{
	int p[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) == 0)
			(void)!write(p[1], "x", 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(p[0], &byte, 1), 1);
	close(p[0]);
	close(p[1]);
	return pid;
}

static void cables(void **state)
{
	int fd = route_fd();
	struct link_veth v = {
		.name = "hv0",
		.master = link_index(fd, "hull0"),
		.isolated = 1,
		.peer_name = "eth0",
		.peer_mac = {2, 0x42, 0, 0, 0, 7},
	};
	pid_t pid = neighbour();

	(void)state;
	v.peer_pid = pid;
	assert_int_equal(link_veth_add(fd, &v), 0);
	assert_int_equal(link_veth_add(fd, &v), -EEXIST);
	assert_true(link_index(fd, "hv0") > 0);
	assert_int_equal(link_index(fd, "eth0"), -ENODEV);
	assert_int_equal(link_delete(fd, link_index(fd, "hv0")), 0);
	assert_int_equal(link_index(fd, "hv0"), -ENODEV);
	v.peer_pid = 0x7fffffff;
	assert_true(link_veth_add(fd, &v) < 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
}

static const char rules[] =
	"table ip hull {\n"
	"	map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"	map ranges { type inet_proto . inet_service : ipv4_addr; flags interval; }\n"
	"	set bridges { type ifname; }\n"
	"}\n";

static void load_rules(void)
{
	FILE *f;

	if (!own_namespace || system("command -v nft >/dev/null") != 0)
		skip();
	f = popen("nft -f -", "w");
	assert_non_null(f);
	fputs(rules, f);
	assert_int_equal(pclose(f), 0);
}

static int lists(const char *set, const char *word)
{
	auto_free char *command = xasprintf("nft list %s | grep -q '%s'", set, word);

	return system(command) == 0;
}

static void elements(void **state)
{
	struct nft_elem port = {.set = "ports"}, range = {.set = "ranges"},
			bridge = {.set = "bridges"};
	auto_nl struct nl add = NL_EMPTY, remove = NL_EMPTY, none = NL_EMPTY;
	int fd = nl_open(NETLINK_NETFILTER);
	char why[NL_WHY_MAX];

	(void)state;
	load_rules();
	assert_int_equal(nft_has_table(fd, AF_INET, "hull"), 1);
	assert_int_equal(nft_has_table(fd, AF_INET6, "hull"), 0);
	nft_add_u8(&port.key, IPPROTO_TCP);
	nft_add_port(&port.key, 8080);
	nft_add_bytes(&port.data, gateway.bytes, 4);
	nft_add_port(&port.data, 80);
	nft_add_u8(&range.key, IPPROTO_UDP);
	nft_add_port(&range.key, 20000);
	nft_add_u8(&range.key_end, IPPROTO_UDP);
	nft_add_port(&range.key_end, 29999);
	nft_add_bytes(&range.data, gateway.bytes, 4);
	nft_add_ifname(&bridge.key, "hull0");
	nft_begin(&add);
	nft_elem_add(&add, AF_INET, "hull", &port);
	nft_elem_add(&add, AF_INET, "hull", &range);
	nft_elem_add(&add, AF_INET, "hull", &bridge);
	nft_end(&add);
	assert_int_equal(nl_talk(fd, &add, why), 0);
	assert_true(lists("map ip hull ports", "tcp . 8080 : 10.9.0.1 . 80"));
	assert_true(lists("map ip hull ranges", "udp . 20000-29999 : 10.9.0.1"));
	assert_true(lists("set ip hull bridges", "hull0"));
	/* All or nothing, and a late answer of the failure is not taken for the next one's. */
	assert_int_equal(nl_talk(fd, &add, why), -EEXIST);
	nft_begin(&remove);
	nft_elem_delete(&remove, AF_INET, "hull", &port);
	nft_elem_delete(&remove, AF_INET, "hull", &range);
	nft_end(&remove);
	assert_int_equal(nl_talk(fd, &remove, why), 0);
	assert_false(lists("map ip hull ports", "8080"));
	assert_int_equal(nl_talk(fd, &remove, why), -ENOENT);
	nft_begin(&none);
	nft_flush_set(&none, AF_INET, "hull", "bridges");
	nft_end(&none);
	assert_int_equal(nl_talk(fd, &none, why), 0);
	assert_false(lists("set ip hull bridges", "hull0"));
	close(fd);
}

static void too_long(void **state)
{
	auto_nl struct nl m = NL_EMPTY;
	auto_free char *text = xcalloc(1, 70000);
	const struct ifinfomsg_dummy {
		char bytes[16];
	} header = {{0}};
	int fd = nl_open(NETLINK_ROUTE);

	(void)state;
	memset(text, 'x', 69999);
	nl_start(&m, 18, NLM_F_ACK, &header, sizeof(header));
	nl_put_str(&m, 3, text);
	assert_int_equal(nl_talk(fd, &m, NULL), -EMSGSIZE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bridges),
		cmocka_unit_test(routes),
		cmocka_unit_test(cables),
		cmocka_unit_test(elements),
		cmocka_unit_test(too_long),
	};

	own_namespace = unshare(CLONE_NEWNET) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
