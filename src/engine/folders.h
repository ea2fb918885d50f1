/* folders.h: where images and running containers are kept when nobody says. Speaking. Inside the
 * engine's folder only. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/* Root: /var/lib/hull and /run/hull. A user, and root of a user namespace who may not write there:
 * $XDG_DATA_HOME/hull (~/.local/share/hull) and $XDG_RUNTIME_DIR/hull (/run/user/UID/hull, else
 * /tmp/hull-UID, made here). Folders that belong to somebody else, as after su and sudo, are an
 * error. Caller frees. */
int folders_root(char **out, struct err *e);
int folders_runroot(char **out, struct err *e);
/* The line of /etc/passwd for a user: name and home folder, NULL where it does not say. Users that
 * are in no file (LDAP) have the name that LOGNAME says. Caller frees both. */
void folders_user(uid_t uid, char **out_name, char **out_home);
