/* seal.h: the running program, out of the reach of containers. */
#pragma once

/* Executes this program again, with its own arguments, from a view of its file that cannot be
 * written to. Returns when that is not needed, because a container (with a user namespace of its
 * own or without) will have nobody who may write to the file; when it already runs so; or when the
 * kernel has no such view (no open_tree and no memfd: before 3.17). To be called before anything
 * was done that a second start would do again, and before mode_enter(). */
void seal_self(int user_ns);
