#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include <stdbool.h>

#include "tests/bench/loop.h"

/*
 * A scenario of several steps says what it has found after each, and waits for a line on stdin
 * before the next, so that the caller can look at the messenger meanwhile. The loop never pauses.
 */

/* False at the end of the input, or when the line is "end". */
bool steps_wait(struct loop *loop);

#endif
