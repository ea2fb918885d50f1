/* table.c: what the monitor does, for every event in every state, and the state that follows. */
#include <stddef.h>
#include <unistd.h>

#include "monitor/monitor.h"

/* Rows are events, columns are states. The last column, ENDED, is left out: nothing happens there.
 */
#define DO(b, s, r, f, d, c, l, w)                                                               \
	{                                                                                        \
		act_##b, act_##s, act_##r, act_##f, act_##d, act_##c, act_##l, act_##w, act_none \
	}
#define TO(b, s, r, f, d, c, l, w)                                                       \
	{                                                                                \
		ST_##b, ST_##s, ST_##r, ST_##f, ST_##d, ST_##c, ST_##l, ST_##w, ST_ENDED \
	}
#define STAY TO(BUILDING, STARTING, RUNNING, FAILING, DRAINING, CUTTING, LEAVING, WAITING)

/* clang-format off */
static monitor_action *const action[EV_COUNT][ST_COUNT] = {
/*                     BUILDING STARTING RUNNING  FAILING  DRAINING CUTTING  LEAVING  WAITING */
[EV_CONSOLE]     = DO( console, none,    none,    none,    none,    none,    none,    none    ),
[EV_WARNING]     = DO( warn,    warn,    none,    none,    none,    none,    none,    none    ),
[EV_READY]       = DO( start,   none,    none,    none,    none,    none,    none,    none    ),
[EV_ERROR]       = DO( fail,    fail,    none,    none,    none,    none,    none,    none    ),
[EV_SYNC_END]    = DO( lose,    run,     none,    none,    none,    none,    none,    none    ),
[EV_CHILD_EXIT]  = DO( bury,    bury,    reap,    bury,    none,    none,    none,    none    ),
[EV_OUTPUT_END]  = DO( none,    none,    none,    none,    finish,  finish,  none,    none    ),
[EV_SENT]        = DO( none,    none,    none,    none,    none,    none,    hang_up, none    ),
[EV_SIGNAL]      = DO( keep,    keep,    kill,    none,    none,    none,    none,    none    ),
[EV_TERM]        = DO( keep,    keep,    stop,    none,    none,    none,    none,    none    ),
[EV_CLEAN]       = DO( clean,   clean,   clean,   clean,   clean,   clean,   clean,   clean   ),
[EV_TERMIOS]     = DO( termios, termios, termios, termios, termios, termios, termios, termios ),
[EV_CLOSE]       = DO( close,   close,   close,   close,   close,   close,   none,    none    ),
[EV_CLIENT_GONE] = DO( none,    none,    none,    none,    none,    none,    none,    leave   ),
[EV_TIMEOUT]     = DO( slow,    slow,    overdue, bury,    cut,     finish,  none,    leave   ),
};

static const unsigned char next[EV_COUNT][ST_COUNT] = {
[EV_CONSOLE]     = STAY,
[EV_WARNING]     = STAY,
[EV_READY]       = TO( STARTING, STARTING, RUNNING,  FAILING, DRAINING, CUTTING, LEAVING, WAITING ),
[EV_ERROR]       = TO( FAILING,  FAILING,  RUNNING,  FAILING, DRAINING, CUTTING, LEAVING, WAITING ),
[EV_SYNC_END]    = TO( FAILING,  RUNNING,  RUNNING,  FAILING, DRAINING, CUTTING, LEAVING, WAITING ),
[EV_CHILD_EXIT]  = TO( LEAVING,  LEAVING,  DRAINING, LEAVING, DRAINING, CUTTING, LEAVING, WAITING ),
[EV_OUTPUT_END]  = TO( BUILDING, STARTING, RUNNING,  FAILING, LEAVING,  LEAVING, LEAVING, WAITING ),
[EV_SENT]        = TO( BUILDING, STARTING, RUNNING,  FAILING, DRAINING, CUTTING, WAITING, WAITING ),
[EV_SIGNAL]      = STAY,
[EV_TERM]        = STAY,
[EV_CLEAN]       = TO( BUILDING, STARTING, RUNNING,  FAILING, DRAINING, CUTTING, LEAVING, ENDED   ),
[EV_TERMIOS]     = STAY,
[EV_CLOSE]       = STAY,
[EV_CLIENT_GONE] = TO( BUILDING, STARTING, RUNNING,  FAILING, DRAINING, CUTTING, LEAVING, ENDED   ),
[EV_TIMEOUT]     = TO( FAILING,  FAILING,  RUNNING,  LEAVING, CUTTING,  LEAVING, LEAVING, ENDED   ),
};
/* clang-format on */

monitor_action *monitor_table_action(enum monitor_state s, enum monitor_event e)
{
	return action[e][s];
}

enum monitor_state monitor_table_next(enum monitor_state s, enum monitor_event e)
{
	return next[e][s];
}

void monitor_step(struct monitor *m, enum monitor_event e, struct monitor_news *n)
{
	struct monitor_news nothing = {.fd = -1};

	if (!n)
		n = &nothing;
	action[e][m->state](m, n);
	m->state = next[e][m->state];
	if (n->fd >= 0)
		close(n->fd);
}
