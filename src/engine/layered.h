/* layered.h: reading one small file of an image as a container will see it, without mounting
 * anything: the topmost layer wins, whiteouts and opaque folders hide what lies below, links stay
 * inside. Quiet. */
#pragma once

#include "base/buf.h"

/* layers: absolute folders, lowest first. A regular file, whole, into b. -ENOENT, -EINVAL when it
 * is no regular file (a FIFO or device is never opened), -EFBIG above b's maximum, -ELOOP. */
int layered_read(char *const *layers, const char *path, struct buf *b);
