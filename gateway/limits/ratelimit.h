#ifndef GATEWAY_LIMITS_RATELIMIT_H
#define GATEWAY_LIMITS_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Token buckets by name (an address, a user). A full bucket is discarded; when there would be more
 * than RATELIMIT_NAMES_MAX others, all are discarded. From any thread.
 */
enum { RATELIMIT_NAMES_MAX = 100000 };

struct ratelimit;

/* `count` each `period_ms`, in bursts of at most `burst`. A count of 0: no limit. */
struct ratelimit *ratelimit_create(int64_t count, int64_t period_ms, int64_t burst);
void ratelimit_destroy(struct ratelimit **limit);

/* Takes one token. False when there is none; then there will be one in `*retry_ms_out`. */
bool ratelimit_admit(struct ratelimit *limit, const char *name, int64_t *retry_ms_out);

/* Takes `count` tokens more, also if there are fewer: then none is given until they are made up. */
void ratelimit_charge(struct ratelimit *limit, const char *name, int64_t count);

#endif
