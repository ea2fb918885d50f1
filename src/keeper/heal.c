/* heal.c: our table in nftables, made anew when somebody takes it.
 *
 * How it works: the kernel tells of every change of nftables. Most of them are ours, elements that
 * come and go with containers: a filter keeps them from waking us. Of the rest it does not matter
 * what they were: when they have settled, the kernel is asked whether the table and its rules are
 * there; if not, `hull network reload` makes them anew. So our own changes, which leave a table
 * behind, lead to nothing. Somebody who takes it again and again is answered ever more slowly. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "keeper/keeper.h"
#include "kernel/nft.h"
#include "kernel/ns.h"
#include "kernel/signals.h"

#define MS INT64_C(1000000)
#define SETTLE_NS (100 * MS)
#define CALM_NS (10000 * MS) /* without a reload: the next one is immediate again */
#define WAIT_MAX_MS 30000

static struct heal_options options;
static int events_fd = -1;
static int64_t check_ns;  /* when to look, 0: nothing happened */
static int64_t loaded_ns; /* the last reload began */
static unsigned loads;	  /* with less than CALM_NS between two */
static pid_t loader;

/* A message says first how long it is, then its type, both in the machine's byte order; the filter
 * loads in network order. What a transaction of several kinds begins with decides for all of it:
 * one that adds elements and removes a table of another kind after them would be missed. */
static int filter_elements(int fd)
{
#define TYPE(t) htons_(NFNL_SUBSYS_NFTABLES << 8 | (t))
#define htons_(x) __builtin_bswap16(x)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE(NFT_MSG_NEWSETELEM), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE(NFT_MSG_DELSETELEM), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TYPE(NFT_MSG_NEWGEN), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {ARRAY_SIZE(code), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

int heal_init(const struct heal_options *o)
{
	int group = NFNLGRP_NFTABLES;

	options = *o;
	events_fd = nl_open(NETLINK_NETFILTER);
	if (events_fd < 0)
		return events_fd;
	/* Without it we wake too often, and that is all. */
	(void)!filter_elements(events_fd);
	if (setsockopt(events_fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	/* Nobody watched while there was no keeper. */
	check_ns = time_mono_ns() + SETTLE_NS;
	return events_fd;
}

void heal_read(void)
{
	char bytes[16384];
	ssize_t n;

	/* ENOBUFS: more than fits in happened. */
	do
		n = recv(events_fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (n > 0 || (n < 0 && errno == ENOBUFS));
	if (!check_ns)
		check_ns = time_mono_ns() + SETTLE_NS;
}

/* 1 as well when the kernel does not tell. */
static int is_whole(void)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int fd = nl_open(NETLINK_NETFILTER), whole = 1;

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(families); i++)
		if (nft_has_table(fd, families[i], options.table) == 0 ||
			nft_has_rules(fd, families[i], options.table) == 0)
			whole = 0;
	if (fd >= 0)
		close(fd);
	return whole;
}

static void load(void)
{
	const char *const argv[] = {options.hull, "--root", options.root, "--runroot",
		options.runroot, "network", "reload", NULL};
	sigset_t none;

	loads = time_mono_ns() - loaded_ns < CALM_NS ? loads + 1 : 0;
	loaded_ns = time_mono_ns();
	loader = fork();
	if (loader != 0)
		return;
	ns_close_from(3, 0);
	signals_reset_all();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(options.hull, (char *const *)argv);
	_exit(127);
}

int heal_reaped(pid_t pid, int status)
{
	if (pid != loader)
		return 0;
	loader = 0;
	/* Look at what came of it. */
	check_ns = time_mono_ns() + SETTLE_NS;
	return 1;
}

/* Not while one runs. */
int64_t heal_next_ns(void)
{
	return loader > 0 ? 0 : check_ns;
}

void heal_due(void)
{
	const int64_t now = time_mono_ns();
	unsigned wait_ms = loads ? 250U << (loads < 7 ? loads : 7) : 0;

	if (!check_ns || check_ns > now || loader > 0)
		return;
	check_ns = 0;
	if (is_whole())
		return;
	if (wait_ms > WAIT_MAX_MS)
		wait_ms = WAIT_MAX_MS;
	if (now < loaded_ns + wait_ms * MS)
		check_ns = loaded_ns + wait_ms * MS;
	else
		load();
}
