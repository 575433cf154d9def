#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since 1970, UTC. May jump; for dates that people see and tokens only. */
int64_t clock_wall_ms(void);

/* Milliseconds of a clock that never jumps; for time-outs and intervals. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* For pthread_cond_clockwait with CLOCK_MONOTONIC: a time of clock_mono_us, and `ms` from now. */
struct timespec clock_at_us(int64_t mono_us);
struct timespec clock_after_ms(int64_t ms);

/* Tests only: moves both clocks forward, for every thread. */
void clock_advance_for_test(int64_t ms);

/* Tests only, before the first thread: from here on both clocks move by clock_advance_for_test
 * alone. */
void clock_stop_for_test(void);

/* Seconds as milliseconds; one that is beyond them becomes the maximum or the minimum. */
int64_t clock_s_to_ms(int64_t seconds);

#endif
