/* protocol.h: what hull-monitor is given when it takes over, what it and its clients say to each other, and
 * the record it leaves. Plain structs of this machine: both ends come from one installation.
 *
 * Client socket: SOCK_SEQPACKET, one frame = struct mon_head and up to MON_DATA_MAX bytes. The client that
 * started the container holds one end of a socketpair; others (attach, issue "life of a container") will
 * connect to a socket in the run folder. Standard input never passes here: clients hold the write end
 * of the stdin pipe, or the pty's master, themselves (MON_STDIN brings it as SCM_RIGHTS). */
#pragma once

#include <stdint.h>

#include "base/err.h"

#define MON_DATA_MAX 16384

enum mon_type {
	/* monitor -> client */
	MON_WARNING = 1, /* text, one line */
	MON_ERROR,	 /* struct err: the container was not started; MON_EXIT follows */
	MON_STDIN,	 /* SCM_RIGHTS: the pty's master (terminal only), before STARTED */
	MON_STARTED,	 /* struct mon_started */
	MON_STDOUT,	 /* data */
	MON_STDERR,	 /* data */
	MON_EXIT,	 /* struct mon_exit: all output was sent before; the last frame */
	/* client -> monitor */
	MON_SIGNAL = 64, /* int32_t signal number: sent to the container's first process */
	MON_CLEAN,	 /* "I remove what is left": no hull is started for it on the end */
};

struct mon_head {
	uint32_t type, size; /* size: bytes after the head */
};
struct mon_started {
	int32_t pid;
	int64_t started_ns; /* CLOCK_REALTIME */
};
struct mon_exit {
	int32_t status;	  /* as a shell has it: code, or 128 + signal; 125..127 when not started */
	int32_t signal;	  /* 0: none */
	int32_t oom;	  /* the kernel killed for memory in its cgroup */
	int32_t started;  /* the program ran */
	int64_t started_ns, finished_ns;
};

/* Command line of hull-monitor:
 *	hull-monitor --id ID --pid PID --sync-fd N [--pidfd N] [--client-fd N] [--out-fd N] [--err-fd N] [--terminal]
 *		--state-fd N   folder (run folder of the container): gets "state" and holds the lock file
 *		--record-fd N  folder (persistent folder of the container): gets "exit"
 *		[--cleanup PATH]  `PATH container cleanup ID` is executed at the end when no client said
 *		                  MON_CLEAN and is still there (--rm)
 *		[--root PATH --runroot PATH]  passed on to it
 *		[-- CGROUP_PATH...]
 *
 * state (in --state-fd), one line of JSON, written atomically when the program runs:
 *	{"pid":123,"startTime":456,"startedNs":...,"monitorPid":78}
 * lock  (in --state-fd), an empty file: the starter opens it and takes an OFD write lock, the monitor inherits the
 *	 descriptor (--lock-fd N) and holds it as long as it lives. Nobody holds it: no monitor.
 * exit  (in --record-fd), one line of JSON, written atomically, before MON_EXIT is sent:
 *	{"status":0,"signal":0,"oom":false,"started":true,"startedNs":...,"finishedNs":...,"error":"..."}
 */
