#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include <stdbool.h>

#include "tests/bench/loop.h"

/*
 * A scenario of several steps says what it has found after each, and waits for a line on stdin
 * before the next: whoever runs it looks at the messenger meanwhile. The loop goes on all the time.
 */

/* False at the end of the input, or when the line is "end". */
bool steps_wait(struct loop *loop);

#endif
