/* program.h: another program, run to its end. Quiet: 0 or -errno. */
#pragma once

/* file: a path, or a name that is looked for in PATH. stdio: what become 0, 1 and 2; -1: /dev/null.
 * The rest of the descriptors is close-on-exec by our rule. *out_status as of waitpid(2). -ENOENT:
 * there is no such program. */
int program_run(const char *file, char *const *argv, const int stdio[3], int *out_status);
