/* keeper.h: inside the keeper's folder only: what it holds, and its parts.
 *
 * How it works: one poll loop (main.c). programs.c keeps what the folders of protocol.h ask for;
 * what a kind of program needs to start is its own file (dns.c, with relay.c); heal.c listens to
 * nftables. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "keeper/protocol.h"
#include "kernel/link.h"

#define KEEP_HOSTS_MAX 16
#define KEEP_UPSTREAMS_MAX 3 /* as many as resolv.conf(5) has */
#define KEEP_WORD_MAX 64

/* The lines of a spec. */
struct keep_spec {
	char kind[16];		   /* kind dns */
	char name[KEEP_WORD_MAX];  /* name NETWORK: for people */
	char bridge[IFNAMSIZ];	   /* bridge INTERFACE: where it is plugged in */
	uint32_t mtu;		   /* mtu N; 0: the kernel's */
	struct link_addr addrs[2]; /* address IP/PREFIX */
	size_t n_addrs;
	char hosts[KEEP_HOSTS_MAX][KEEPER_KEY_LEN + 1]; /* hosts NETWORK_ID: folders of names/ */
	size_t n_hosts;
	int forward; /* forward: what is not there is asked of upstream */
	char upstreams[KEEP_UPSTREAMS_MAX][KEEP_WORD_MAX]; /* upstream IP; none: the host's */
	size_t n_upstreams;
};
/* spec.c: 0 or -EINVAL. text is changed. Pure. */
int keep_spec_parse(char *text, struct keep_spec *out);

/* A program while it starts or runs. */
struct keep_child {
	pid_t pid;    /* 0: none */
	int alive_fd; /* held: its end tells the child that the keeper is gone */
	int said_fd;  /* what it says until it is ready, or -1 */
	char said[512];
	size_t n_said;
	int ready;
};
#define KEEP_CHILD_NONE ((struct keep_child){.alive_fd = -1, .said_fd = -1})

/* dns.c: start the name server. Process: the keeper. 0, or -1 with *e. */
int keep_dns_start(
	const struct keep_spec *s, const char *key, struct keep_child *out, struct err *e);
/* 1: what it said so far means that it is ready. */
int keep_dns_ready(const char *said);

/* relay.c. Process: process 1 of the name server's pid namespace, in the host's network namespace,
 * without privileges. Never returns; ends with alive_fd's end or its child's. udp, tcp: sockets in
 * the server's network namespace, n each. */
struct relay {
	const struct keep_spec *spec;
	int alive_fd;
	pid_t child;
	size_t n;
	int udp[KEEP_UPSTREAMS_MAX], tcp[KEEP_UPSTREAMS_MAX];
};
_Noreturn void relay_run(const struct relay *r);
/* The name servers of resolv.conf's text: how many. Pure. */
size_t relay_upstreams(const char *text, char out[KEEP_UPSTREAMS_MAX][KEEP_WORD_MAX]);
/* Those of the spec, else of this host. */
size_t relay_choose(const struct keep_spec *s, char out[KEEP_UPSTREAMS_MAX][KEEP_WORD_MAX]);

/* programs.c */
#define PROGRAMS_FDS_MAX 512
struct pollfd;
void programs_init(int inotify_fd);
/* Somebody connected: fd is taken. */
void programs_add_client(int fd);
/* Everything whose users live and that does not run is started, what nobody uses any more ends. */
void programs_scan(void);
size_t programs_watch(struct pollfd *p, size_t max);
void programs_dispatch(const struct pollfd *p, size_t n);
/* A child of the keeper has ended: 1 when it was one of these. */
int programs_reaped(pid_t pid);
/* CLOCK_MONOTONIC of what is to be done next, 0: nothing; and do what is due. */
int64_t programs_next_ns(void);
void programs_due(void);
/* Kill and wait for all. */
void programs_end(void);

/* heal.c: our table in nftables, made anew when somebody takes it. */
struct heal_options {
	const char *hull, *root, *runroot, *table;
};
int heal_init(const struct heal_options *o); /* the descriptor to be polled, or -errno */
void heal_read(void);
int heal_reaped(pid_t pid, int status);
int64_t heal_next_ns(void);
void heal_due(void);
