#ifndef COMMON_BASE_BACKOFF_H
#define COMMON_BASE_BACKOFF_H

#include <stdint.h>

/* Pauses between tries, by chance, so that many who failed together do not come back together. */

/* Between half of `ms` and one and a half of it. */
int64_t backoff_jittered(int64_t ms);

/* Likewise, up to the next multiple of `grid_ms` on the clock: so many that wait fall due together,
 * and can be seen to at once. */
int64_t backoff_on_grid(int64_t ms, int64_t grid_ms);

/* Before the try after so many failures in a row, at least 1: `least_ms`, doubled for each further
 * one up to `most_ms`; of that, jittered, never more than `most_ms`. */
int64_t backoff_pause(unsigned failures, int64_t min_ms, int64_t max_ms);

#endif
