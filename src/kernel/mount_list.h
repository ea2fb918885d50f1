/* mount_list.h: what is mounted in this process's mount namespace. Quiet. */
#pragma once

/* Mount points whose path starts with `path` (absolute, closed by a slash), in the order of their
 * mounting; *out a strv, NULL when there are none. From /proc/self/mountinfo
 * (proc_pid_mountinfo(5)). */
int mount_list(const char *path, char ***out);
