/* mode.h: which ids hull itself has. Root of the machine has all of them, and containers get ranges
 * of their own (idrange.h). Everybody else works as root of a user namespace: an ordinary user in
 * one that is made for the command, root of a container or of `unshare -r` in the one that is
 * there. All that differs follows from that one fact. Inside the engine's folder only. */
#pragma once

#include "base/err.h"
#include "engine/parts.h"

/* Ordinary users become root of a user namespace, in a mount namespace of their own; root stays
 * what it is. Before anything that makes, changes or removes files of images and containers, or
 * kills. Speaking; does nothing the second time. */
int mode_enter(struct engine *en, struct err *e);
/* The user before that. */
uid_t mode_user(void);
