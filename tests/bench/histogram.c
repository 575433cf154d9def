#include "tests/bench/histogram.h"

static const int64_t longest = ((int64_t)1 << HISTOGRAM_LONGEST_BITS) - 1;

/* Below 2^(bits + 1) each time has its own bucket; from there on the upper bits choose. */
static unsigned bucket_of(uint64_t ns)
{
    unsigned shift = 0;

    if (ns >> HISTOGRAM_BITS != 0)
        shift = 63 - (unsigned)__builtin_clzll(ns) - HISTOGRAM_BITS;
    return (shift << HISTOGRAM_BITS) + (unsigned)(ns >> shift);
}

/* The longest time that the bucket counts. */
static int64_t top_of(unsigned bucket)
{
    unsigned shift = bucket >> HISTOGRAM_BITS > 1 ? (bucket >> HISTOGRAM_BITS) - 1 : 0;
    int64_t upper = (int64_t)bucket - ((int64_t)shift << HISTOGRAM_BITS);

    return ((upper + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, int64_t ns)
{
    uint64_t time = ns < 0 ? 0 : (uint64_t)(ns > longest ? longest : ns);

    histogram->buckets[bucket_of(time)]++;
    if (histogram->count == 0 || time < histogram->min)
        histogram->min = time;
    if (time > histogram->max)
        histogram->max = time;
    histogram->sum += time;
    histogram->count++;
}

int64_t histogram_quantile(const struct histogram *histogram, double part)
{
    double wanted = part * (double)histogram->count;
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            int64_t top = top_of(i);
            return top < (int64_t)histogram->max ? top : (int64_t)histogram->max;
        }
    }
    return (int64_t)histogram->max;
}

int64_t histogram_mean(const struct histogram *histogram)
{
    return histogram->count > 0 ? (int64_t)(histogram->sum / histogram->count) : 0;
}
