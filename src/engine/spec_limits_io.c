/* spec_limits_io.c: block devices: weights, bytes and operations a second. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "engine/spec.h"

#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

enum io_number { IO_WEIGHT, IO_BYTES, IO_COUNT };

static const char rate_form[] = "The correct format is <device-path>:<number>";

static int parse_number(const char *flag, const char *text, const char *value, enum io_number kind,
	int64_t *out, struct err *e)
{
	int r = kind == IO_BYTES ? parse_bytes(value, out) : parse_i64(value, out);

	if (kind == IO_WEIGHT && (r < 0 || (*out != 0 && (*out < WEIGHT_MIN || *out > WEIGHT_MAX))))
		return err_set(e, ERR_INVALID,
			"invalid argument \"%s\" for \"%s\" flag: invalid weight for device: %s "
			"(%d to %d)",
			text, flag, text, WEIGHT_MIN, WEIGHT_MAX);
	if (r < 0 || *out < 0)
		return err_set(e, ERR_INVALID,
			"invalid argument \"%s\" for \"%s\" flag: invalid rate for device: %s. "
			"%s%s. Number must be a positive integer%s",
			text, flag, text, rate_form, kind == IO_BYTES ? "[<unit>]" : "",
			kind == IO_BYTES ? ". Unit is optional and can be kb, mb, or gb" : "");
	return 0;
}

/* Limits are of whole disks: the kernel answers "no such device" for a partition. */
static int check_disk(const char *flag, const char *path, const struct stat *st, struct err *e)
{
	auto_free char *file = NULL;

	if (!S_ISBLK(st->st_mode))
		return err_set(e, ERR_INVALID, "%s: %s is not a block device", flag, path);
	file = xasprintf("/sys/dev/block/%u:%u/partition", major(st->st_rdev), minor(st->st_rdev));
	if (access(file, F_OK) == 0)
		return err_set(e, ERR_INVALID,
			"%s: %s is a partition, and the kernel limits whole disks only", flag,
			path);
	return 0;
}

static int add_device(const char *flag, const char *text, enum io_number kind,
	struct oci_io_devices *list, struct err *e)
{
	const char *colon = strchr(text, ':');
	auto_free char *path = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	struct stat st;
	int64_t value;

	if (!path)
		return err_set(e, ERR_INVALID,
			"invalid argument \"%s\" for \"%s\" flag: bad format: %s", text, flag,
			text);
	if (!str_after(path, "/dev/"))
		return err_set(e, ERR_INVALID,
			"invalid argument \"%s\" for \"%s\" flag: bad format for device path: %s",
			text, flag, text);
	if (parse_number(flag, text, colon + 1, kind, &value, e) < 0)
		return -1;
	if (stat(path, &st) < 0)
		return err_sys(e, errno, "%s: stat %s", flag, path);
	if (check_disk(flag, path, &st, e) < 0)
		return -1;
	oci_io_devices_add(list, major(st.st_rdev), minor(st.st_rdev), (uint64_t)value);
	return 0;
}

static void drop(struct oci_io_devices *list)
{
	free(list->v);
	*list = (struct oci_io_devices){0};
}

static int set_weight(struct engine *en, struct spec *s, struct err *e)
{
	int64_t weight = s->req->blkio_weight;

	if (!weight)
		return 0;
	if (weight < WEIGHT_MIN || weight > WEIGHT_MAX)
		return err_set(e, ERR_INVALID, "Range of blkio weight is from %d to %d", WEIGHT_MIN,
			WEIGHT_MAX);
	if (spec_limit_can(en, s, CGROUP_IO_WEIGHT))
		s->oci.resources.io_weight = (uint64_t)weight;
	return 0;
}

int spec_limits_io(struct engine *en, struct spec *s, struct err *e)
{
	const struct engine_run *req = s->req;
	struct oci_resources *r = &s->oci.resources;
	const struct {
		const char *flag;
		char *const *given;
		enum io_number kind;
		enum cgroup_feature feature;
		struct oci_io_devices *list;
	} all[] = {
		{"--blkio-weight-device", req->blkio_weight_devices, IO_WEIGHT,
			CGROUP_IO_WEIGHT_DEVICE, &r->io_weights},
		{"--device-read-bps", req->device_read_bps, IO_BYTES, CGROUP_IO_READ_BPS,
			&r->io_read_bps},
		{"--device-write-bps", req->device_write_bps, IO_BYTES, CGROUP_IO_WRITE_BPS,
			&r->io_write_bps},
		{"--device-read-iops", req->device_read_iops, IO_COUNT, CGROUP_IO_READ_IOPS,
			&r->io_read_iops},
		{"--device-write-iops", req->device_write_iops, IO_COUNT, CGROUP_IO_WRITE_IOPS,
			&r->io_write_iops},
	};

	if (set_weight(en, s, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		strv_foreach (text, all[i].given)
			if (add_device(all[i].flag, *text, all[i].kind, all[i].list, e) < 0)
				return -1;
		if (all[i].list->n && !spec_limit_can(en, s, all[i].feature))
			drop(all[i].list);
	}
	return 0;
}
