/* test_kernel_tty.c: ptys on the host's own devpts. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "kernel/sys.h"
#include "kernel/tty.h"

static int master = -1, slave = -1;

static int setup(void **state)
{
	auto_fd int pts = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);

	sys_deny_above(*state ? SYS_DENY_NEW : SYS_DENY_NONE);
	master = slave = -1;
	if (tty_open_pair(pts, &master, &slave) == 0)
		return 0;
	if (geteuid() == 0)
		return -1;
	/* ptmx in there is closed to users (mode 000): the rest can still be tested */
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || unlockpt(master) < 0)
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return slave < 0;
}

static int teardown(void **state)
{
	(void)state;
	sys_deny_above(SYS_DENY_NONE);
	fd_close_ptr(&master);
	fd_close_ptr(&slave);
	return 0;
}

static void test_pair(void **state)
{
	char text[8] = "";
	struct stat st;

	(void)state;
	assert_true(isatty(slave));
	assert_int_equal(fstat(slave, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(fcntl(master, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(slave, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(slave, "hi", 2), 2);
	assert_int_equal(read(master, text, sizeof(text)), 2);
	assert_string_equal(text, "hi");
}

static void test_raw_and_restore(void **state)
{
	struct termios before, saved, now;
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(tcgetattr(slave, &before), 0);
	assert_true(before.c_lflag & ECHO && before.c_lflag & ICANON && before.c_oflag & OPOST);
	assert_int_equal(tty_raw(slave, &saved), 0);
	assert_int_equal(tcgetattr(slave, &now), 0);
	assert_false(now.c_lflag & (ECHO | ICANON | ISIG | IEXTEN));
	assert_false(now.c_oflag & OPOST);
	assert_false(now.c_iflag & (ICRNL | IXON | ISTRIP));
	assert_int_equal(tty_restore(slave, &saved), 0);
	assert_int_equal(tcgetattr(slave, &now), 0);
	assert_int_equal(now.c_lflag, before.c_lflag);
	assert_int_equal(now.c_iflag, before.c_iflag);
	assert_int_equal(now.c_oflag, before.c_oflag);
	assert_int_equal(tty_raw(null, &saved), -ENOTTY);
}

static void test_size(void **state)
{
	unsigned short rows = 0, cols = 0;

	(void)state;
	assert_int_equal(tty_set_size(master, 33, 111), 0);
	assert_int_equal(tty_get_size(slave, &rows, &cols), 0);
	assert_int_equal(rows, 33);
	assert_int_equal(cols, 111);
}

static void test_controlling(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		int fd;
		if (setsid() < 0 || tty_make_controlling(slave) < 0)
			_exit(1);
		fd = open("/dev/tty", O_RDWR);
		_exit(fd < 0 || tcgetsid(fd) != getpid());
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

#define BOTH(test)                                                    \
	{#test, test, setup, teardown, NULL},                         \
	{                                                             \
#test " (3.10)", test, setup, teardown, (void *)"old" \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_pair),
		BOTH(test_raw_and_restore),
		BOTH(test_size),
		BOTH(test_controlling),
	};

	return cmocka_run_group_tests_name("kernel_tty", tests, NULL, NULL);
}
