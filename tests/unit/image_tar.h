/* image_tar.h: archives for the tests of the image folder, made in memory. */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* An entry; type 0 is a file. Members that are 0 get sensible values. */
struct member {
	const char *name;
	char type;
	const char *link, *content;
	unsigned mode, uid, gid, major, minor;
	int64_t mtime;
	const char *pax; /* records, made by hand or by pax_record */
	size_t pax_len;	 /* 0: strlen */
};

/* Octal, closed by a NUL. */
static inline void put_number(char *field, size_t len, uint64_t v)
{
	field[--len] = '\0';
	for (; len; v >>= 3)
		field[--len] = (char)('0' + (v & 7));
}

static inline void put_block(struct buf *b, const void *data, size_t len)
{
	static const char zeros[512];

	buf_add(b, data, len);
	buf_add(b, zeros, (512 - len % 512) % 512);
}

static inline void put_sum(char h[512])
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (uint8_t)h[i];
	snprintf(h + 148, 8, "%06o", sum);
}

/* Who owns what is said to belong to nobody in particular. */
static uid_t default_uid;
static gid_t default_gid;

static inline void put_header(struct buf *b, const struct member *m, size_t size)
{
	char h[512] = {0};

	memcpy(h, m->name, strnlen(m->name, 100));
	put_number(h + 100, 8, m->mode ? m->mode : m->type == '5' ? 0755 : 0644);
	put_number(h + 108, 8, m->uid ? m->uid : default_uid);
	put_number(h + 116, 8, m->gid ? m->gid : default_gid);
	put_number(h + 124, 12, size);
	put_number(h + 136, 12, (uint64_t)(m->mtime ? m->mtime : 1000000000));
	h[156] = m->type ? m->type : '0';
	if (m->link)
		memcpy(h + 157, m->link, strnlen(m->link, 100));
	memcpy(h + 257,
		"ustar\0"
		"00",
		8);
	put_number(h + 329, 8, m->major);
	put_number(h + 337, 8, m->minor);
	put_sum(h);
	buf_add(b, h, sizeof(h));
}

static inline void put_member(struct buf *b, const struct member *m)
{
	size_t size = m->content ? strlen(m->content) : 0;

	if (m->pax) {
		size_t len = m->pax_len ? m->pax_len : strlen(m->pax);
		put_header(b, &(struct member){.name = "pax", .type = 'x'}, len);
		put_block(b, m->pax, len);
	}
	put_header(b, m, size);
	if (size)
		put_block(b, m->content, size);
}

static inline void put_end(struct buf *b)
{
	static const char zeros[1024];

	buf_add(b, zeros, sizeof(zeros));
}

/* "LEN KEY=VALUE\n" appended to b. */
static inline void put_record(struct buf *b, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3, total = body + 1;
	char number[24];

	while ((size_t)snprintf(number, sizeof(number), "%zu", total) + body != total)
		total = body + strlen(number);
	buf_printf(b, "%zu %s=", total, key);
	buf_add(b, value, len);
	buf_putc(b, '\n');
}

/* A descriptor to read these bytes from; kernels before 3.17 have a file instead. */
static inline int bytes_fd(const void *data, size_t len)
{
	FILE *f = tmpfile();
	int fd;

	if (!f)
		return -1;
	fwrite(data, 1, len, f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	lseek(fd, 0, SEEK_SET);
	return fd;
}
