#ifndef COMMON_BASE_BACKOFF_H
#define COMMON_BASE_BACKOFF_H

#include <stdint.h>

/* Random pauses between retries, so that clients that failed together do not retry together. */

/* A random time from 0.5 to 1.5 times `ms`. */
int64_t backoff_jittered(int64_t ms);

/* The same, rounded up to the next multiple of `grid_ms` on the clock: many pauses end together,
 * and their work can be batched. */
int64_t backoff_on_grid(int64_t ms, int64_t grid_ms);

/* The pause after `failures` failures in a row, at least 1: `min_ms`, doubled for each
 * further one, jittered, at most `max_ms`. */
int64_t backoff_pause(unsigned failures, int64_t min_ms, int64_t max_ms);

#endif
