#include "tests/bench/report.h"

#include <stdio.h>

void report_begin(struct json_writer *w)
{
    *w = (struct json_writer){ 0 };
    json_begin_object(w);
}

static void put_us(struct json_writer *w, const char *name, int64_t ns)
{
    report_double(w, name, (double)ns / 1e3);
}

void report_times(struct json_writer *w, const char *name, const struct histogram *times)
{
    json_key(w, name);
    json_begin_object(w);
    json_put_int(w, "count", (int64_t)times->count);
    put_us(w, "mean_us", histogram_mean(times));
    put_us(w, "p50_us", histogram_quantile(times, 0.5));
    put_us(w, "p90_us", histogram_quantile(times, 0.9));
    put_us(w, "p99_us", histogram_quantile(times, 0.99));
    put_us(w, "max_us", (int64_t)times->max);
    json_end_object(w);
}

void report_double(struct json_writer *w, const char *name, double value)
{
    json_key(w, name);
    json_double(w, value);
}

void report_end(struct json_writer *w)
{
    json_end_object(w);
    printf("%.*s\n", (int)w->out.length, w->out.data);
    fflush(stdout);
    buffer_finish(&w->out);
}
