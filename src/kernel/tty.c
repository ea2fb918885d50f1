/* tty.c: ptys and terminal modes. */
#define _GNU_SOURCE
#include "kernel/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "kernel/sys.h"

#define PEER_FLAGS (O_RDWR | O_NOCTTY | O_CLOEXEC)

/* Before 4.13 the slave has to be looked up by its number; a stranger's file there is refused. */
static int peer_by_number(int pts_fd, int master)
{
	unsigned number;
	char name[16];
	struct stat st;
	auto_fd int fd = -1;

	if (ioctl(master, TIOCGPTN, &number) < 0)
		return -errno;
	snprintf(name, sizeof(name), "%u", number);
	fd = openat(pts_fd, name, PEER_FLAGS | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* Majors 136 to 143 are ptys, of 2^20 minors in all. */
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) < 136 || major(st.st_rdev) > 143 ||
		minor(st.st_rdev) != number)
		return -ENODEV;
	return take_fd(&fd);
}

int tty_open_pair(int pts_fd, int *out_master, int *out_slave)
{
	auto_fd int master = openat(pts_fd, "ptmx", PEER_FLAGS | O_NOFOLLOW);
	int slave, unlock = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	slave = sys_pty_peer(master, PEER_FLAGS);
	if (slave == -ENOSYS)
		slave = peer_by_number(pts_fd, master);
	if (slave < 0)
		return slave;
	*out_master = take_fd(&master);
	*out_slave = slave;
	return 0;
}

int tty_make_controlling(int fd)
{
	return ioctl(fd, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

int tty_raw(int fd, struct termios *saved)
{
	struct termios raw;

	if (tcgetattr(fd, saved) < 0)
		return -errno;
	raw = *saved;
	cfmakeraw(&raw);
	return tcsetattr(fd, TCSANOW, &raw) < 0 ? -errno : 0;
}

int tty_restore(int fd, const struct termios *saved)
{
	return tcsetattr(fd, TCSANOW, saved) < 0 ? -errno : 0;
}

int tty_get_size(int fd, unsigned short *rows, unsigned short *cols)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return -errno;
	*rows = size.ws_row;
	*cols = size.ws_col;
	return 0;
}

int tty_set_size(int fd, unsigned short rows, unsigned short cols)
{
	struct winsize size = {.ws_row = rows, .ws_col = cols};

	return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}
