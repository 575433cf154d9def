#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "services/common/base/json_writer.h"
#include "tests/bench/histogram.h"

/* What a scenario has found: one JSON object on a line of stdout. */

void report_begin(struct json_writer *w);

/* Adds "name":{"count":,"mean_us":,"p50_us":,"p90_us":,"p99_us":,"max_us":}. */
void report_times(struct json_writer *w, const char *name, const struct histogram *times);

void report_double(struct json_writer *w, const char *name, double value);

/* Prints it, and frees what the writer holds. */
void report_end(struct json_writer *w);

#endif
