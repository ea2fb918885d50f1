/* limit.c: how much an archive may become. */
#include "image/transfer/limit.h"

#include "base/parse.h"

int limit_bytes_exceeded(const struct limit *l, struct err *e)
{
	char size[PARSE_SIZE_MAX];

	format_size(l->bytes > INT64_MAX ? INT64_MAX : (int64_t)l->bytes, size);
	return err_set(e, ERR_INVALID,
		"the archive is refused: unpacked it takes more than %s; --max-size sets another "
		"limit than nine tenths of the free space",
		size);
}

int limit_entries_exceeded(const struct limit *l, struct err *e)
{
	return err_set(e, ERR_INVALID,
		"the archive is refused: it has more than %llu entries, nine tenths of what the "
		"file system can still hold",
		(unsigned long long)l->entries);
}
