/* result.h: what hull-transfer says to the program that started it, as messages on a pipe: a head,
 * then `len` bytes. The reader believes nothing of it but the types. */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "base/err.h"

enum transfer_kind {
	TRANSFER_ERROR = 1,  /* struct err; the last message */
	TRANSFER_NODE = 2,   /* struct transfer_node and a path */
	TRANSFER_DONE = 3,   /* struct transfer_result; the last message */
	TRANSFER_MEMBER = 4, /* struct transfer_member and its texts */
};

struct transfer_head {
	uint32_t kind, len;
};

#define TRANSFER_NODES_MAX 4096

/* A device, which only the host's root can make. The unpacker has put an empty file with the right
 * owner, mode and times at `path` beneath the target; if the file there still has this inode
 * number, it is to be replaced by the device. */
struct transfer_node {
	uint64_t ino;
	uint32_t type; /* S_IFCHR or S_IFBLK; S_IFCHR 0:0 is one of our own whiteouts */
	uint32_t major, minor;
	char path[PATH_MAX]; /* only its bytes up to the NUL are sent */
};

/* A file or link in an archive of images: where its bytes lie. */
#define TRANSFER_MEMBERS_MAX 65536
enum transfer_member_kind { TRANSFER_FILE, TRANSFER_SYMLINK, TRANSFER_HARD_LINK };
struct transfer_member {
	uint64_t offset, size;
	uint32_t kind;
	uint32_t path_len, link_len; /* of what follows, each closed by a NUL that is counted */
	char text[2 * PATH_MAX];
};

struct transfer_result {
	char digest[65];      /* of the uncompressed archive, hex */
	int64_t stream_bytes; /* its length */
	int64_t bytes;	      /* of the files' contents */
	int64_t entries;
	int64_t uid_max;    /* highest uid or gid */
	int64_t squashed;   /* entries that became root's: their owner's id does not exist */
	int64_t warnings;   /* what the file system would not take and a program can do without */
	int64_t compressed; /* the archive was: then its own digest and length */
	int64_t blob_bytes;
	char blob_digest[65];
};
