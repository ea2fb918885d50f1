/* attach.h: the client's side of a monitor: this process's own stdin, stdout, stderr, terminal and
 * signals joined to a container's. Inside the engine's folder only. */
#pragma once

#include "engine/parts.h"
#include "monitor/protocol.h"

struct attach {
	const struct engine *en; /* for warnings */
	int sock;		 /* the monitor's socket, SOCK_SEQPACKET */
	int stdin_fd; /* write end of the container's stdin pipe, -1: none; owned from here on */
	int interactive, tty; /* -i, -t */
	int detach;	      /* return as soon as the program runs */
	int lost;	      /* out: the monitor was gone before it had told the end */
	int failed;	      /* out: the program was not run, `error` says why */
	struct err error;
	struct mon_exit exit; /* out: unless lost */
};

/* Between these two no signal is delivered: hold before the fork of what becomes the monitor. */
void attach_hold_signals(void);
/* In the copy that becomes the monitor: the mask as it was. */
void attach_release_signals(void);

/* Until MON_EXIT (or, with detach, MON_STARTED). Signals are held again when it returns. */
void attach_run(struct attach *a);
/* The rest of the dialogue: wait for the end of the monitor's tear-down. */
void attach_wait_end(struct attach *a);
/* Tell it that what --rm removes is removed. */
void attach_say_clean(struct attach *a);
