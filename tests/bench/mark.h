#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The mark in the text of each message, by which its receiver knows which one it is and
 * how long it took, without a table: "b <pair> <number> <ns> xxx...".
 */
struct mark {
    uint64_t pair, number;
    int64_t at_ns; /* when it was sent, or should have been (loop_now_ns) */
};

/* Writes the text with a NUL and filled up to `size` bytes; returns its length. Room for the larger
 * of size and MARK_MAX, and a NUL. */
enum { MARK_MAX = 64 };
size_t mark_write(const struct mark *mark, size_t size, char *out);

/* Finds the text of the first message in an answer or a notification. */
bool mark_find(const char *json, size_t length, struct mark *mark_out);

#endif
