#ifndef BENCH_FAIL_H
#define BENCH_FAIL_H

/* Ends the program with a sentence on stderr and exit status 1: the figures of a run in which
 * something went wrong are worth nothing. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
