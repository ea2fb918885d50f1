/* protocol.h: what hull-monitor is given when it takes over, what it and its client say to each
 *other, and the record it leaves. Plain structs of this machine: both ends come from one
 *installation.
 *
 * Client socket: SOCK_SEQPACKET, one frame = struct mon_head and up to MON_DATA_MAX bytes. The
 *client that started the container holds one end of a socketpair; others (attach, issue "life of a
 *container") will connect to a socket in the run folder. Standard input never passes here: clients
 *hold the write end of the stdin pipe, or the pty's master, themselves (MON_STDIN brings it as
 *SCM_RIGHTS).
 *
 *	client                        monitor
 *	------                        -------
 *	TERMIOS + terminal  ------->              with a terminal, before it goes raw
 *	                    <-------  STDIN       with a terminal
 *	                    <-------  STARTED     or ERROR; WARNING at any time before
 *	SIGNAL              ------->              at any time; kept until the program runs
 *	CLOSE               ------->              at any time
 *	                    <-------  STDOUT, STDERR ...
 *	                    <-------  EXIT        the record is on disk, the tear-down has not begun
 *	                    <------- (end of file) cgroup and state file are gone
 *	CLEAN               ------->              with --rm; see below
 *
 * Nobody but the client may hold the client's end: whoever forks what becomes the monitor or the
 *container closes it there first. A copy would hide the client's death, and the container would
 *wait for a reader that is no more.
 *
 * A socket that is closed while frames lie unread in it makes the other end's next call fail with
 * ECONNRESET once, before the frames that were sent: call again. */
#pragma once

#include <stdint.h>

#include "base/err.h"

#define MON_DATA_MAX 16384

enum mon_type {
	/* monitor -> client */
	MON_WARNING = 1, /* text, one line, without a NUL */
	MON_ERROR,	 /* struct err: the container was not started; MON_EXIT follows */
	MON_STDIN,	 /* SCM_RIGHTS: the pty's master (terminal only), before STARTED */
	MON_STARTED,	 /* struct mon_started; before any data */
	MON_STDOUT,	 /* data; of a terminal: everything */
	MON_STDERR,	 /* data */
	MON_EXIT,	 /* struct mon_exit: all output was sent before; the last frame */
	/* client -> monitor */
	MON_SIGNAL = 64, /* int32_t signal number: sent to the container's first process */
	/* "What --rm removes is removed, and the terminal set back": no hull is started at the end.
	 * With --cleanup or TERMIOS the monitor waits for it (or for the client to close its end)
	 * after its own end of file, MON_CLEAN_MS at most: a client that dies before it has said so
	 * leaves no work undone. */
	MON_CLEAN,
	/* struct termios, SCM_RIGHTS: the user's terminal, as it was before the client made it raw.
	 * When the client goes and the terminal is raw still, the monitor sets it back. */
	MON_TERMIOS,
	/* int32_t 1 or 2: nobody reads the client's stdout or stderr any more. The monitor closes
	 * its end of that pipe, so that who writes on learns it as it would without us. */
	MON_CLOSE,
};

#define MON_CLEAN_MS 5000
/* SIGTERM to the monitor is handed to the program, which is killed if it still runs so long after;
 * docker stop has the same time. Less than the unit's TimeoutStopSec (engine/delegate.c). */
#define MON_STOP_MS 10000

struct mon_head {
	uint32_t type, size; /* size: bytes after the head */
};
struct mon_started {
	int32_t pid;
	int64_t started_ns; /* CLOCK_REALTIME */
};
struct mon_exit {
	int32_t status;	 /* as a shell has it: code, or 128 + signal; 125..127 when not started */
	int32_t signal;	 /* 0: none */
	int32_t oom;	 /* the kernel killed for memory in its cgroup */
	int32_t started; /* the program ran */
	int64_t started_ns, finished_ns;
};

/* Command line of hull-monitor, which is executed by the parent of the container's first process.
 *It closes every descriptor above 2 that is not named here, and 0, 1 and 2 once it has read its
 *options: hull-monitor --id ID   first, so that ps shows "hull-monitor ID"
 *		--pid PID --sync-fd N [--client-fd N] [--out-fd N] [--err-fd N] [--terminal]
 *		--state-fd N   folder (run folder of the container): gets "state" and holds the lock
 *file
 *		--record-fd N  folder (persistent folder of the container): gets "exit"
 *		[--lock-fd N]
 *		[--users-fd N]  held: the keeper of networks stays as long as somebody has it open
 *		[--cleanup PATH]  `PATH container cleanup ID` is executed at the end when the client
 *did not say MON_CLEAN (--rm)
 *		[--root PATH --runroot PATH]  passed on to it
 *		[--pidfd N]    not needed, closed: the pid of a child cannot be reused before it is
 *waited for
 *		[-- CGROUP_PATH...]
 *
 * state (in --state-fd), one line of JSON, written atomically when the program runs, removed at the
 *end:
 *	{"pid":123,"startTime":456,"startedNs":...,"monitorPid":78}
 * lock  (in --state-fd), an empty file: the starter opens it and takes an OFD write lock, the
 *monitor inherits the descriptor (--lock-fd N) and holds it as long as it lives. Nobody holds it:
 *no monitor. The file stays. exit  (in --record-fd), one line of JSON, written atomically when the
 *first process has ended, before what is left of the output and MON_EXIT are sent: it counts even
 *while the lock is held.
 *	{"status":0,"signal":0,"oom":false,"started":true,"startedNs":...,"finishedNs":...,"error":"..."}
 */
