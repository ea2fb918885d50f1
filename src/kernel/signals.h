/* signals.h: signals as a new program should find them. Header only: hull-init is one file. */
#pragma once

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Every signal to its default, past the C library, which hides the ones it uses itself (32, 33): an
 * ignored one of these would be inherited by every program that follows. rt_sigaction(2). */
static inline void signals_reset_all(void)
{
	char zero[64]; /* more than any struct sigaction of the kernel; SIG_DFL is 0 */

	memset(zero, 0, sizeof(zero));
	for (int s = 1; s <= 64; s++)
		syscall(SYS_rt_sigaction, s, zero, NULL, 8);
}
