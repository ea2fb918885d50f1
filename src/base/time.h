/* time.h: times as users read them. */
#pragma once

#include <stdint.h>

int64_t time_now_ns(void);  /* CLOCK_REALTIME */
int64_t time_mono_ns(void); /* CLOCK_MONOTONIC */
/* RFC 3339 in UTC with up to nine decimals, trailing zeros dropped, as Go's RFC3339Nano. */
#define TIME_TEXT_MAX 40
void time_format(int64_t ns, char out[TIME_TEXT_MAX]);
/* The reverse; accepts an offset. 0 or -1. */
int time_parse(const char *s, int64_t *out_ns);
/* "2 minutes", "About an hour", "3 weeks": Docker's words (docker-cli.md section 3). */
void time_ago(int64_t seconds, char out[TIME_TEXT_MAX]);
