/* stream.c: a ring of chunks between the thread that reads and the one that writes.
 *
 * How it works: the reader fills one slot after the other, wholly but for the last one, and hashes
 * what it has filled; so a 512-byte block of tar never lies in two slots, and the consumer works on
 * the slots' own memory: no byte is copied between the decompressor and write(2). One mutex, taken
 * once a slot. The end and errors travel in the slots' order. Without a thread (fuzzing, tests) a
 * slot is filled when it is asked for. */
#define _GNU_SOURCE
#include "image/transfer/stream.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "image/transfer/decompress.h"

#define SLOTS 8
#define SLOT_SIZE ((size_t)256 << 10)
#define SPARSE_SIZE ((size_t)4 << 10)
#define STACK_SIZE ((size_t)256 << 10)

struct slot {
	uint8_t *data;
	size_t len; /* below SLOT_SIZE: the last one */
	int failed; /* error is what happened instead */
};

struct stream {
	struct decompress *z;
	struct limit limit;
	uint64_t produced, consumed;
	struct sha256_ctx hash;
	struct slot slots[SLOTS];
	struct err error;
	struct stream_tap tap;
	int sparse_fd; /* of stream_open_sparse; -1 */
	/* Counts of slots; filled - emptied is what lies between. */
	uint64_t filled, emptied;
	size_t pos; /* within the slot that is consumed */
	int threaded, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
};

/* Headers with bodies between them that are skipped: little is read at a time. */
static void fill_sparse(struct stream *s, struct slot *slot)
{
	ssize_t n = 0;

	slot->len = 0;
	do {
		n = read(s->sparse_fd, slot->data + slot->len, SPARSE_SIZE - slot->len);
		if (n > 0)
			slot->len += (size_t)n;
	} while ((n < 0 && errno == EINTR) || (n > 0 && slot->len < SPARSE_SIZE));
	slot->failed = n < 0;
	if (n < 0)
		err_sys(&s->error, errno, "read the archive");
}

static void fill(struct stream *s, struct slot *slot)
{
	if (s->sparse_fd >= 0) {
		fill_sparse(s, slot);
		return;
	}
	int64_t n = decompress_read(s->z, slot->data, SLOT_SIZE, &s->error);

	slot->len = n < 0 ? 0 : (size_t)n;
	slot->failed = n < 0;
	s->produced += slot->len;
	if (s->limit.bytes && s->produced > s->limit.bytes) {
		limit_bytes_exceeded(&s->limit, &s->error);
		slot->failed = 1;
	}
	sha256_update(&s->hash, slot->len, slot->data);
}

static void *reader(void *arg)
{
	struct stream *s = arg;
	int last = 0;

	while (!last) {
		struct slot *slot = &s->slots[s->filled % SLOTS];

		pthread_mutex_lock(&s->lock);
		while (s->filled - s->emptied == SLOTS && !s->stop)
			pthread_cond_wait(&s->moved, &s->lock);
		last = s->stop;
		pthread_mutex_unlock(&s->lock);
		if (last)
			break;
		fill(s, slot);
		last = slot->failed || slot->len < SLOT_SIZE;
		pthread_mutex_lock(&s->lock);
		s->filled++;
		pthread_cond_signal(&s->moved);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static int start_thread(struct stream *s, struct err *e)
{
	pthread_attr_t attr;
	int r;

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->moved, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	r = pthread_create(&s->thread, &attr, reader, s);
	pthread_attr_destroy(&attr);
	if (r)
		return err_sys(e, r, "start a thread");
	s->threaded = 1;
	return 0;
}

int stream_open(int fd, int threaded, const struct limit *limit, struct stream **out, struct err *e)
{
	const struct decompress_source source = DECOMPRESS_WHOLE(fd);

	return stream_open_source(&source, threaded, limit, out, e);
}

int stream_open_sparse(int fd, struct stream **out, struct err *e)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->sparse_fd = fd;
	s->slots[0].data = xmalloc(SLOT_SIZE);
	*out = s;
	return 0;
}

int stream_open_source(const struct decompress_source *source, int threaded,
	const struct limit *limit, struct stream **out, struct err *e)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->sparse_fd = -1;
	if (limit)
		s->limit = *limit;
	sha256_init(&s->hash);
	for (size_t i = 0; i < (threaded ? SLOTS : 1); i++)
		s->slots[i].data = xmalloc(SLOT_SIZE);
	if (decompress_open_source(source, &s->z, e) < 0 || (threaded && start_thread(s, e) < 0)) {
		stream_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	if (s->threaded) {
		pthread_mutex_lock(&s->lock);
		s->stop = 1;
		pthread_cond_signal(&s->moved);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	decompress_close(s->z);
	for (size_t i = 0; i < SLOTS; i++)
		free(s->slots[i].data);
	free(s);
}

static struct slot *current(struct stream *s)
{
	return &s->slots[s->threaded ? s->emptied % SLOTS : 0];
}

/* The slot to consume from is full, or the last. */
static void wait_filled(struct stream *s)
{
	if (!s->threaded) {
		if (s->filled == s->emptied) {
			fill(s, &s->slots[0]);
			s->filled++;
		}
		return;
	}
	pthread_mutex_lock(&s->lock);
	while (s->filled == s->emptied)
		pthread_cond_wait(&s->moved, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void give_back(struct stream *s)
{
	s->pos = 0;
	if (!s->threaded) {
		s->emptied++;
		return;
	}
	pthread_mutex_lock(&s->lock);
	s->emptied++;
	pthread_cond_signal(&s->moved);
	pthread_mutex_unlock(&s->lock);
}

int64_t stream_peek(struct stream *s, uint64_t max, const uint8_t **out, struct err *e)
{
	struct slot *slot;
	size_t n;

	wait_filled(s);
	slot = current(s);
	/* A slot is given back as late as possible: what was peeked before is valid until now. */
	if (s->pos == (s->sparse_fd >= 0 ? SPARSE_SIZE : SLOT_SIZE) && !slot->failed) {
		give_back(s);
		wait_filled(s);
		slot = current(s);
	}
	if (slot->failed) {
		if (e)
			*e = s->error;
		return -1;
	}
	n = slot->len - s->pos;
	*out = slot->data + s->pos;
	return (int64_t)(n < max ? n : max);
}

void stream_set_tap(struct stream *s, const struct stream_tap *tap)
{
	s->tap = *tap;
}

uint64_t stream_skip(struct stream *s, uint64_t n)
{
	struct slot *slot;
	off_t at, end;
	uint64_t there, beyond = (s->consumed + n) % STREAM_BLOCK;

	if (s->sparse_fd < 0 || n < beyond || s->tap.bytes)
		return 0;
	wait_filled(s);
	slot = current(s);
	there = slot->len - s->pos;
	/* Slots begin at whole blocks, so that none lies in two of them. */
	n -= beyond;
	if (slot->failed || n <= there || slot->len < SPARSE_SIZE)
		return 0;
	at = lseek(s->sparse_fd, 0, SEEK_CUR);
	end = lseek(s->sparse_fd, 0, SEEK_END);
	/* Beyond the end it is to be seen that it ends. */
	if (at < 0 || end < at || n - there > (uint64_t)(end - at))
		n = there;
	lseek(s->sparse_fd, at + (off_t)(n - there), SEEK_SET);
	s->pos = slot->len;
	s->consumed += n;
	give_back(s);
	return n;
}

void stream_advance(struct stream *s, uint64_t n)
{
	if (s->tap.bytes)
		s->tap.bytes(s->tap.ctx, current(s)->data + s->pos, (size_t)n);
	s->pos += n;
	s->consumed += n;
}

uint64_t stream_offset(const struct stream *s)
{
	return s->consumed;
}

void stream_digest(const struct stream *s, char out_hex[65])
{
	struct sha256_ctx copy = s->hash;
	uint8_t raw[SHA256_DIGEST_SIZE];

	sha256_digest(&copy, sizeof(raw), raw);
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(out_hex + 2 * i, 3, "%02x", raw[i]);
}

int stream_was(const struct stream *s, char out_hex[65], int64_t *out_bytes)
{
	return decompress_was(s->z, out_hex, out_bytes);
}
