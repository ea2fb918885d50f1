/* Subnets, ports as typed, and who has which address and port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "kernel/cidr.h"
#include "network/store.h"

static struct link_addr net(const char *text)
{
	struct link_addr a;

	assert_int_equal(cidr_parse(text, &a), 0);
	return a;
}

static struct link_addr host(const char *text)
{
	struct link_addr a;

	assert_int_equal(cidr_parse_address(text, &a), 0);
	return a;
}

static void is_text(const struct link_addr *a, const char *expected)
{
	char text[CIDR_TEXT_MAX];

	cidr_text(a, text);
	assert_string_equal(text, expected);
}

static void subnets(void **state)
{
	static const char *const bad[] = {"", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/",
		"x/8", "::1/129", "10.0.0.0/8/8", "/8", "10.0.0.0/-1"};
	struct link_addr a = net("172.30.5.6/16"), n = cidr_network(&a), b;

	(void)state;
	is_text(&n, "172.30.0.0/16");
	assert_int_equal(cidr_size(&n), 65536);
	b = cidr_at(&n, 258);
	is_text(&b, "172.30.1.2/16");
	assert_int_equal(cidr_offset(&n, &b), 258);
	a = net("fd00:1::/64");
	b = cidr_at(&a, 0x12345);
	is_text(&b, "fd00:1::1:2345/64");
	assert_int_equal(cidr_offset(&a, &b), 0x12345);
	assert_true(cidr_size(&a) == UINT64_MAX);
	a = net("0.0.0.0/0");
	assert_int_equal(cidr_size(&a), 1ULL << 32);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(cidr_parse(bad[i], &b) < 0);
}

static void overlaps(void **state)
{
	struct link_addr a = net("10.1.0.0/16"), b = net("10.1.2.0/24"), c = net("10.2.0.0/16"),
			 all = net("0.0.0.0/0"), six = net("::/0");

	(void)state;
	assert_true(cidr_overlap(&a, &b) && cidr_overlap(&b, &a));
	assert_false(cidr_overlap(&a, &c));
	assert_true(cidr_overlap(&all, &c));
	assert_false(cidr_overlap(&six, &c));
	assert_true(cidr_contains(&a, &b));
	assert_false(cidr_contains(&b, &a));
}

static void macs(void **state)
{
	struct link_addr a = host("172.17.0.2");
	uint8_t mac[6];

	(void)state;
	cidr_mac(&a, mac);
	assert_memory_equal(mac, "\x02\x42\xac\x11\x00\x02", 6);
	assert_int_equal(cidr_mac_parse("02:42:AC:11:00:ff", mac), 0);
	assert_int_equal(mac[5], 0xff);
	assert_true(cidr_mac_parse("03:42:ac:11:00:02", mac) < 0); /* a group's */
	assert_true(cidr_mac_parse("02:42:ac:11:00", mac) < 0);
	assert_true(cidr_mac_parse("02:42:ac:11:00:02:", mac) < 0);
	assert_true(cidr_mac_parse("", mac) < 0);
}

static void ports_as_typed(void **state)
{
	static const struct {
		const char *text, *host;
		int proto, host_port, port, n, choices;
	} good[] = {
		{"80", NULL, IPPROTO_TCP, 0, 80, 1, 1},
		{"8080:80", NULL, IPPROTO_TCP, 8080, 80, 1, 1},
		{"8080:80/udp", NULL, IPPROTO_UDP, 8080, 80, 1, 1},
		{"127.0.0.1:8080:80/SCTP", "127.0.0.1", IPPROTO_SCTP, 8080, 80, 1, 1},
		{"127.0.0.1::80", "127.0.0.1", IPPROTO_TCP, 0, 80, 1, 1},
		{"[::1]:8080:80", "::1", IPPROTO_TCP, 8080, 80, 1, 1},
		{"::1:8080:80", "::1", IPPROTO_TCP, 8080, 80, 1, 1},
		{"1000-1010:2000-2010", NULL, IPPROTO_TCP, 1000, 2000, 11, 1},
		{"8000-8010:80", NULL, IPPROTO_TCP, 8000, 80, 1, 11},
		{"1-65535:1-65535", NULL, IPPROTO_TCP, 1, 1, 65535, 1},
		{"0.0.0.0:80:80", "0.0.0.0", IPPROTO_TCP, 80, 80, 1, 1},
	};
	static const char *const bad[] = {"", "0", "65536", "80:", "a:80", "80:80:80", "80/icmp",
		"1-2:1-3", "5-4:5-4", "256.1.1.1:80:80", "[::1:80:80", ":", "80:80/", "-80", "80-",
		"1.2.3.4:80"};
	struct publish p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(publish_parse(good[i].text, &p, &e), 0);
		assert_int_equal(p.proto, good[i].proto);
		assert_int_equal(p.host_port, good[i].host_port);
		assert_int_equal(p.port, good[i].port);
		assert_int_equal(p.n, good[i].n);
		assert_int_equal(p.choices, good[i].choices);
		assert_int_equal(p.host.family != 0, good[i].host != NULL);
		if (good[i].host) {
			struct link_addr h = host(good[i].host);
			assert_true(cidr_equal(&h, &p.host));
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(publish_parse(bad[i], &p, &e), -1);
}

/* A database of two files in a folder of its own. */
struct scene {
	char folder[64];
	struct db *db;
	struct network net;
};

static int open_scene(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	auto_free char *main_path = NULL, *run_path = NULL;
	struct err e;

	str_copy(s->folder, sizeof(s->folder), "/tmp/hull-test-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	main_path = xasprintf("%s/hull.db", s->folder);
	run_path = xasprintf("%s/run.db", s->folder);
	assert_int_equal(db_open(main_path, DB_CREATE, &s->db, &e), 0);
	assert_int_equal(network_store_migrate(s->db, &e), 0);
	assert_int_equal(db_attach(s->db, run_path, "run", network_store_run_schema, &e), 0);
	s->net = (struct network){
		.id = xstrdup("aa11"),
		.name = xstrdup("front"),
		.driver = xstrdup("bridge"),
		.bridge = xstrdup("hull0"),
		.net4 = net("10.9.0.0/29"),
		.gateway4 = net("10.9.0.1/29"),
	};
	assert_int_equal(network_store_add(s->db, &s->net, &e), 0);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;
	auto_free char *command = xasprintf("rm -r %s", s->folder);

	db_close(s->db);
	network_done(&s->net);
	assert_int_equal(system(command), 0);
	free(s);
	return 0;
}

static int place_in(struct scene *s, const char *container, int ephemeral, const char *wanted,
	char text[CIDR_TEXT_MAX], struct err *e)
{
	struct place p = {.interface = xstrdup("eth0")};
	int r;

	if (wanted)
		p.addr4 = host(wanted);
	r = network_store_place(s->db, &s->net, container, ephemeral, &p, e);
	*text = '\0';
	if (r == 0)
		cidr_text(&p.addr4, text);
	place_done(&p);
	return r;
}

static void addresses(void **state)
{
	struct scene *s = *state;
	char text[CIDR_TEXT_MAX];
	struct err e;

	for (int i = 2; i <= 6; i++) {
		char name[8], expected[CIDR_TEXT_MAX];
		snprintf(name, sizeof(name), "c%d", i);
		snprintf(expected, sizeof(expected), "10.9.0.%d/29", i);
		assert_int_equal(place_in(s, name, i % 2, NULL, text, &e), 0);
		assert_string_equal(text, expected);
	}
	assert_int_equal(place_in(s, "c7", 0, NULL, text, &e), -1);
	assert_string_equal(
		e.text, "network front has no free address left: all of its 5 are taken");
	assert_int_equal(network_store_forget(s->db, "c3", 1, &e), 0);
	assert_int_equal(place_in(s, "c7", 0, NULL, text, &e), 0);
	assert_string_equal(text, "10.9.0.3/29");
	assert_int_equal(network_store_users(s->db, "aa11", NULL, &e), 5);
}

static void wanted_addresses(void **state)
{
	static const char *const refused[] = {
		"10.9.0.0", "10.9.0.1", "10.9.0.7", "10.9.0.8", "10.9.0.4"};
	struct scene *s = *state;
	char text[CIDR_TEXT_MAX];
	struct err e;

	assert_int_equal(place_in(s, "one", 1, "10.9.0.4", text, &e), 0);
	assert_string_equal(text, "10.9.0.4/29");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(place_in(s, "two", 0, refused[i], text, &e), -1);
	assert_string_equal(e.text, "the address 10.9.0.4 of network front is container one's");
	/* behind the highest, then the gaps */
	assert_int_equal(place_in(s, "a", 0, NULL, text, &e), 0);
	assert_string_equal(text, "10.9.0.5/29");
	assert_int_equal(place_in(s, "b", 0, NULL, text, &e), 0);
	assert_int_equal(place_in(s, "c", 0, NULL, text, &e), 0);
	assert_string_equal(text, "10.9.0.2/29");
}

static int publish_in(
	struct scene *s, const char *container, const char *text, struct publish *p, struct err *e)
{
	assert_int_equal(publish_parse(text, p, e), 0);
	return network_store_publish(s->db, NULL, container, 1, p, e);
}

static void ports(void **state)
{
	struct scene *s = *state;
	struct publish_list l = {0};
	struct publish p;
	struct err e;

	assert_int_equal(publish_in(s, "one", "8080:80", &p, &e), 0);
	assert_int_equal(publish_in(s, "two", "127.0.0.1:8080:80", &p, &e), -1);
	assert_string_equal(
		e.text, "port 8080/tcp of the host is already allocated: container one has it");
	assert_int_equal(publish_in(s, "two", "8080:80/udp", &p, &e), 0);
	assert_int_equal(publish_in(s, "two", "20000-29999:20000-29999", &p, &e), 0);
	assert_int_equal(publish_in(s, "three", "25000:1", &p, &e), -1);
	assert_int_equal(publish_in(s, "three", "8070-8090:8070-8090", &p, &e), -1);
	assert_int_equal(publish_in(s, "three", "8080-8082:80", &p, &e), 0);
	assert_int_equal(p.host_port, 8081);
	assert_int_equal(publish_in(s, "three", "80", &p, &e), 0);
	assert_int_equal(p.host_port, 32768);
	assert_int_equal(publish_in(s, "three", "127.0.0.1::81", &p, &e), 0);
	assert_int_equal(p.host_port, 32769);
	assert_int_equal(publish_in(s, "one", "127.0.0.1:53:53", &p, &e), 0);
	assert_int_equal(publish_in(s, "two", "127.0.0.2:53:53", &p, &e), 0);
	assert_int_equal(publish_in(s, "two", "53:53", &p, &e), -1);
	assert_int_equal(network_store_published(s->db, "three", &l, &e), 0);
	assert_int_equal(l.n, 3);
	free(l.v);
}

static void networks(void **state)
{
	struct scene *s = *state;
	struct network n, again = s->net;
	struct err e;

	assert_int_equal(network_store_find(s->db, "front", &n, &e), 0);
	assert_true(cidr_equal(&n.net4, &s->net.net4) && cidr_equal(&n.gateway4, &s->net.gateway4));
	assert_int_equal(n.net6.family, 0);
	network_done(&n);
	assert_int_equal(network_store_find(s->db, "aa", &n, &e), 0);
	network_done(&n);
	assert_int_equal(network_store_find(s->db, "nix", &n, &e), -1);
	assert_string_equal(e.text, "network nix not found");
	assert_int_equal(network_store_add(s->db, &again, &e), -1);
	assert_string_equal(e.text, "network with name front already exists");
	again.id = (char *)"aa22";
	again.name = (char *)"back";
	assert_int_equal(network_store_add(s->db, &again, &e), -1);
	again.bridge = (char *)"hull1";
	assert_int_equal(network_store_add(s->db, &again, &e), 0);
	assert_int_equal(network_store_find(s->db, "aa", &n, &e), -1);
	assert_int_equal(network_store_remove(s->db, "aa22", &e), 0);
	assert_int_equal(network_store_find(s->db, "back", &n, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subnets),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(macs),
		cmocka_unit_test(ports_as_typed),
		cmocka_unit_test_setup_teardown(addresses, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(wanted_addresses, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(ports, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(networks, open_scene, close_scene),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
