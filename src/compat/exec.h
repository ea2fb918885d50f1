/* exec.h: why a program did not start, in words. Reads the first bytes of the file and, for scripts
 * and dynamic programs, looks for the interpreter; runs inside the container's root. */
#pragma once

#include "base/err.h"

/* path: what execve was given; errnum: what it answered. Fills *e: text, kind and exit status (126
 * or 127 as Docker's). Returns -1. */
int compat_exec_explain(const char *path, int errnum, struct err *e);
/* 1 and the interpreter that execve(2) would start for the file ("#!" line, or PT_INTERP), 0 when
 * there is none or the file cannot be read. */
int compat_exec_interpreter(const char *path, char out[256]);
/* GNU name of an ELF machine ("x86_64", "aarch64", "i386"), or "machine N" in buf. */
const char *compat_machine_name(unsigned machine, int is64, char buf[24]);
