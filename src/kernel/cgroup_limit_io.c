/* cgroup_limit_io.c: block devices: weights, bytes and operations a second. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "kernel/cgroup_limiter.h"

struct io_word {
	const char *v1;	 /* file */
	const char *key; /* in v2's io.max */
};

static struct io_word word_of(enum cgroup_feature what)
{
	static const struct io_word words[] = {
		[CGROUP_IO_READ_BPS - CGROUP_IO_READ_BPS] = {"blkio.throttle.read_bps_device",
			"rbps"},
		[CGROUP_IO_WRITE_BPS -
			CGROUP_IO_READ_BPS] = {"blkio.throttle.write_bps_device", "wbps"},
		[CGROUP_IO_READ_IOPS -
			CGROUP_IO_READ_BPS] = {"blkio.throttle.read_iops_device", "riops"},
		[CGROUP_IO_WRITE_IOPS -
			CGROUP_IO_READ_BPS] = {"blkio.throttle.write_iops_device", "wiops"},
	};

	return words[what - CGROUP_IO_READ_BPS];
}

/* 10..1000 of OCI's as 1..10000 of io.weight */
static uint64_t weight_v2(uint64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

/* "8:0 500", or only "500" without a device. */
static void weight_text(const struct cgroup_io *io, uint64_t weight, char out[64])
{
	if (io)
		snprintf(out, 64, "%" PRId64 ":%" PRId64 " %" PRIu64, io->major, io->minor, weight);
	else
		snprintf(out, 64, "%" PRIu64, weight);
}

/* The name in use depends on the scheduler that has the weights: bfq's own, which takes the number
 * as it is, CFQ's (until 5.0), or v2's io.cost. io NULL: the weight for all devices. */
static int set_weight(struct limiter *l, const struct cgroup_io *io, uint64_t weight)
{
	static const struct {
		int v2;
		const char *all, *device;
	} files[] = {
		{0, "blkio.weight", "blkio.weight_device"},
		{0, "blkio.bfq.weight", "blkio.bfq.weight_device"},
		{1, "io.bfq.weight", "io.bfq.weight"},
		{1, "io.weight", "io.weight"},
	};
	enum cgroup_feature feature = io ? CGROUP_IO_WEIGHT_DEVICE : CGROUP_IO_WEIGHT;
	const char *file = "";
	char text[64];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(files) && (r == -ENOENT || r == -EOPNOTSUPP); i++) {
		int last = r;

		if (files[i].v2 != l->hier->v2)
			continue;
		file = io ? files[i].device : files[i].all;
		weight_text(io, streq(file, "io.weight") ? weight_v2(weight) : weight, text);
		r = limiter_try(l, file, text);
		if (r == -ENOENT)
			r = last;
	}
	if (r == -EOPNOTSUPP && io)
		return err_set(l->e, ERR_UNSUPPORTED,
			"cannot set %s%s/%s to %s: the device's scheduler knows no weights "
			"(/sys/dev/block/%" PRId64 ":%" PRId64 "/queue/scheduler: bfq does)",
			l->hier->mount, l->path, file, text, io->major, io->minor);
	return limiter_check(l, r, feature, file, text);
}

static int set_rate(struct limiter *l, const struct cgroup_io *io)
{
	struct io_word word = word_of(io->what);
	char text[96];

	if (!l->hier->v2)
		snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %" PRIu64, io->major,
			io->minor, io->value);
	else if (io->value)
		snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %s=%" PRIu64, io->major,
			io->minor, word.key, io->value);
	else
		snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %s=max", io->major, io->minor,
			word.key);
	return limiter_set(l, io->what, l->hier->v2 ? "io.max" : word.v1, text);
}

int limit_io(struct limiter *l)
{
	const struct cgroup_limits *x = l->want;

	if (!x->io_weight && !x->n_io)
		return 0;
	if (!limiter_use(l, "blkio", CGROUP_IO_WEIGHT))
		return 0;
	l->controller = l->hier->v2 ? "io" : "blkio";
	if (x->io_weight && set_weight(l, NULL, x->io_weight) < 0)
		return -1;
	for (size_t i = 0; i < x->n_io; i++) {
		const struct cgroup_io *io = &x->io[i];
		int r = 0;

		if (io->what != CGROUP_IO_WEIGHT_DEVICE)
			r = set_rate(l, io);
		else if (io->value) /* 0: as if not given */
			r = set_weight(l, io, io->value);
		if (r < 0)
			return -1;
	}
	return 0;
}
