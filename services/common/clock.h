#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970, UTC. May jump; for dates that people see and tokens only. */
int64_t clock_wall_ms(void);

/* Milliseconds of a clock that never jumps; for time-outs and intervals. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* Tests only: moves both clocks forward, for every thread. */
void clock_advance_for_test(int64_t ms);

#endif
