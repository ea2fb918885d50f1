/* monitor.h: inside the monitor's folder only: its states, what it holds, and its parts.
 *
 * How it works: sources (descriptors and the clock) are turned into events by loop.c; table.c says
 * for each state and event which action of act.c runs and what the next state is. client.c speaks
 * to the client, record.c writes files. Nothing here allocates; all memory is one struct monitor.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "base/err.h"
#include "monitor/protocol.h"
#include "runtime/sync.h"

enum monitor_state {
	ST_BUILDING, /* the first process ("child") makes its root */
	ST_STARTING, /* it was told to go, and is about to execute the program */
	ST_RUNNING,
	ST_FAILING,  /* it cannot run the program: killed, waited for */
	ST_DRAINING, /* it is dead; output that it left behind goes to the client */
	ST_CUTTING,  /* the same, but everything else of its cgroup was killed */
	ST_LEAVING,  /* torn down; the client has not taken MON_EXIT yet */
	ST_WAITING,  /* the client has everything and may be removing the container */
	ST_ENDED,
	ST_COUNT,
};

enum monitor_event {
	EV_CONSOLE, /* messages of sync.h */
	EV_WARNING,
	EV_READY,
	EV_ERROR,
	EV_SYNC_END,
	EV_CHILD_EXIT,
	EV_OUTPUT_END, /* nothing more to read for the client; seen in every round */
	EV_SENT,       /* nothing more to send to the client; seen in every round */
	EV_SIGNAL,     /* from the client */
	EV_TERM,       /* SIGTERM to the monitor itself */
	EV_CLEAN,
	EV_TERMIOS,
	EV_CLOSE,
	EV_CLIENT_GONE,
	EV_TIMEOUT,
	EV_COUNT,
};

struct monitor_options {
	const char *id, *cleanup, *root, *runroot;
	char *const *cgroups; /* NULL-terminated */
	int pid, pidfd, sync_fd, client_fd, out_fd, err_fd, state_fd, record_fd, lock_fd, users_fd;
	int terminal;
};

struct monitor_source { /* one pipe, or the pty's master */
	int fd;
	int64_t left;	   /* bytes to read at most; INT64_MAX until the child is dead */
	int64_t parked_ns; /* do not look before (CLOCK_MONOTONIC), 0: look */
};

enum { OWE_STDIN = 1, OWE_STARTED = 2, OWE_ERROR = 4, OWE_EXIT = 8 };

struct monitor {
	struct monitor_options o;
	enum monitor_state state;
	int reaped;	     /* the child is; o.pid means nothing any more */
	int wait_status;     /* of waitpid */
	int signal_fd;	     /* SIGCHLD and SIGTERM */
	uint64_t kept;	     /* signals for the program, bit n - 1, while it does not run */
	int64_t deadline_ns; /* CLOCK_MONOTONIC, 0: none */
	struct monitor_source out[2];
	unsigned owed; /* OWE_*: frames that are made when the client takes them, in this order */
	int deaf;      /* the client takes nothing any more, but may have said something */
	int clean;     /* the client said MON_CLEAN */
	int tty_fd;    /* the user's terminal, or -1 */
	struct termios tty;
	struct mon_exit exit;
	struct err error; /* why the program does not run */
	size_t held;	  /* bytes of frame that the client has not taken yet */
	struct mon_head frame;
	char data[MON_DATA_MAX]; /* follows frame: sent as one piece */
};

struct monitor_news { /* what comes with an event */
	const struct err *err;
	const struct termios *tty;
	int fd; /* taken by the action that sets it to -1, else closed */
	int signal;
};

/* table.c */
typedef void monitor_action(struct monitor *m, struct monitor_news *n);
monitor_action *monitor_table_action(enum monitor_state s, enum monitor_event e);
enum monitor_state monitor_table_next(enum monitor_state s, enum monitor_event e);
/* Run the action and take the next state; closes n->fd when no action took it. n may be NULL. */
void monitor_step(struct monitor *m, enum monitor_event e, struct monitor_news *n);

/* act.c: the actions of the table. */
monitor_action act_none, act_console, act_warn, act_start, act_fail, act_lose, act_slow, act_run,
	act_reap, act_bury, act_cut, act_finish, act_keep, act_kill, act_stop, act_overdue,
	act_clean, act_termios, act_close, act_hang_up, act_leave;

/* options.c: 0, or -1 with *e. argv is changed (title). */
int monitor_options_parse(int argc, char **argv, struct monitor_options *out, struct err *e);

/* loop.c */
void monitor_init(struct monitor *m, const struct monitor_options *o);
void monitor_loop(struct monitor *m); /* m->signal_fd is set; returns in ST_ENDED */

/* client.c */
int client_busy(const struct monitor *m); /* a frame is held or owed: read nothing for it now */
void client_flush(struct monitor *m);	  /* send what is held and owed, as far as it goes */
void client_warn(struct monitor *m, const char *text);
/* Send n bytes of m->data as a frame of this type; call only when not busy. */
void client_send_data(struct monitor *m, enum mon_type type, size_t n);
/* Everything that came, as events; at its end the client is forgotten and its terminal set back. */
void client_read(struct monitor *m);

/* record.c: 0 or -errno. */
int record_state(const struct monitor *m);
int record_exit(const struct monitor *m);
#define RECORD_EXIT_MAX (ERR_TEXT_MAX * 6 + 256)
/* The line of "exit" into out; returns its length. */
size_t record_exit_text(const struct mon_exit *x, const char *error, char out[RECORD_EXIT_MAX]);

#define QUIET_MS 100 /* how long after the child's death output may still come (act.c) */

/* loop.c: TIMEOUT comes in ms from now; below 0: never */
void monitor_deadline(struct monitor *m, int ms);
