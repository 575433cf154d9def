#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

/*
 * Counts times in nanoseconds, in buckets that grow with the time: what a quantile says is at most
 * 1/128 above the truth and never below it, up to half an hour; longer times count as that. A
 * zeroed struct is empty.
 */
enum {
    HISTOGRAM_BITS = 7, /* a doubling has 2^7 buckets */
    HISTOGRAM_LONGEST_BITS = 41,
    HISTOGRAM_BUCKETS = (HISTOGRAM_LONGEST_BITS - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

struct histogram {
    uint64_t count, sum, min, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* A time below 0 counts as 0. */
void histogram_add(struct histogram *histogram, int64_t ns);

/* The least time that so many of all (0 to 1) do not exceed; 0 when it is empty. */
int64_t histogram_quantile(const struct histogram *histogram, double part);

int64_t histogram_mean(const struct histogram *histogram);

#endif
