/* tty.h: terminals. Quiet. */
#pragma once

#include <termios.h>

/* A new pty in the devpts instance of which ptmx_fd's folder is the root: opens "ptmx" beneath
 * pts_fd (a folder descriptor), unlocks it, opens its peer by TIOCGPTPEER (4.13; else by number
 * beneath pts_fd). */
int tty_open_pair(int pts_fd, int *out_master, int *out_slave);
int tty_make_controlling(int fd); /* setsid() was called before; TIOCSCTTY */
/* Raw mode as `stty raw -echo`; *saved for tty_restore. -ENOTTY if it is none. */
int tty_raw(int fd, struct termios *saved);
int tty_restore(int fd, const struct termios *saved);
int tty_get_size(int fd, unsigned short *rows, unsigned short *cols);
int tty_set_size(int fd, unsigned short rows, unsigned short cols);
