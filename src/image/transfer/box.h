/* box.h: the unpacker gives up everything but one folder, the archive and the result pipe, before
 * it reads the first byte of the archive. Speaking. */
#pragma once

#include "base/err.h"

enum { BOX_ARCHIVE_FD = 0, BOX_RESULT_FD = 3, BOX_ROOT_FD = 4 };

/* target_fd (above 4) becomes the root of the file system, and BOX_ROOT_FD a descriptor of it;
 * BOX_ARCHIVE_FD and BOX_RESULT_FD stay, all others are closed. */
int box_enter(int target_fd, struct err *e);
