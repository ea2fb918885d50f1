/* protocol.h: hull-keeper's files in the run folder (HULL_RUNROOT), and what is said to it.
 *
 * One keeper per run folder: it has the OFD write lock of KEEPER_LOCK. It stays as long as somebody
 * has the fifo KEEPER_USERS open for writing: every monitor of a container with a network does, so
 * nothing that was killed is counted and no list of users is kept. Whoever starts a container opens
 * the fifo first (O_RDWR) and then looks whether the lock is held: a keeper that is about to leave
 * gives the lock back first and then looks into the fifo once more, so one of the two sees the
 * other.
 *
 * Programs that it keeps: keep/KEY/ for each, with
 *	spec		what it is, lines of "word value" (keeper.h, struct keep_spec)
 *	CONTAINER_ID	an empty file for each container that needs it
 * A program lives as long as one of these files is there whose container has a monitor (or is being
 * started): the lock of containers/CONTAINER_ID/lock is held. The folder goes with it.
 *
 * names/NETWORK_ID/CONTAINER_ID is a hosts file: the names of that container in that network. A
 * name server reads the folders of its networks. A file is made as .CONTAINER_ID and renamed.
 *
 * containers/CONTAINER_ID/names lists, a line each, the folders in which that container has a file;
 * its monitor removes them at the end (KEEPER_LIST).
 *
 * KEEPER_SOCKET: SOCK_SEQPACKET; one message, the KEY, is answered by one struct err when the
 * program runs (kind ERR_NONE) or cannot be started. */
#pragma once

#define KEEPER_USERS "keeper.users"
#define KEEPER_LOCK "keeper.lock"
#define KEEPER_SOCKET "keeper.sock"
#define KEEPER_PROGRAMS "keep"
#define KEEPER_NAMES "names"
#define KEEPER_SPEC "spec"
#define KEEPER_LIST "names"

#define KEEPER_KEY_LEN 64 /* hex digits, of a key as of an id */
#define KEEPER_SPEC_MAX 8192
#define KEEPER_LINE_MAX 160 /* of the list, with its end of line */

/* Command line: hull-keeper --runroot PATH --root PATH --hull PATH --table NAME
 *	hull	the program whose `network reload` makes the table of nftables anew
 *	table	its name
 * It closes all descriptors, leaves its caller's session and becomes a child of process 1. */
