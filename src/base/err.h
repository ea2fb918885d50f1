/* err.h: the one way a function above floor 1 says what went wrong. Plain bytes: may be sent
 * through a pipe or socket from a child to its parent. */
#pragma once

#include <stdarg.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_INVALID,	 /* the caller's input is wrong */
	ERR_NOT_FOUND,	 /* no such image, container, file */
	ERR_CONFLICT,	 /* name taken, in use, wrong state */
	ERR_UNSUPPORTED, /* this kernel, machine or build cannot */
	ERR_DENIED,	 /* no permission */
	ERR_LAYERS,	 /* layers cannot be shown as one tree here: somebody may copy them */
	ERR_SYSFS,	 /* no new sysfs may be mounted here: somebody may bind the one outside */
	ERR_SYSTEM,	 /* a system call failed */
};

#define ERR_TEXT_MAX 1000

struct err {
	int kind;   /* enum err_kind */
	int errnum; /* errno behind it, 0 when there is none */
	int status; /* exit status this error asks for (125, 126, 127), 0 = caller's default */
	char text[ERR_TEXT_MAX];
};

/* Fill *e (may be NULL) and return -1, so that callers write `return err_set(...)`.
 * The text is one line: what was tried, on what, and what would help. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a failed system call: ": strerror(errnum)" is appended. errnum may be negative
 * (-errno as the quiet functions return it). The kind is DENIED for EACCES and EPERM, else SYSTEM.
 */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the text that is there. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the exit status this error asks for. Returns -1. */
int err_status(struct err *e, int status);
