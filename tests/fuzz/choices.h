/*
 * The part of an input that decides what the doubles do: which calls fail and how, how many rows
 * there are and how large. An input is <method> <n> <payload> <choices>: the last `n` bytes are the
 * choices, and when there are no more, each is 0: success, with little data.
 */
#ifndef FUZZ_CHOICES_H
#define FUZZ_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/common/base/status.h"

/* What an input is made of. */
struct choices_input {
    unsigned method;
    const uint8_t *payload;
    size_t payload_size;
};

/* Splits an input and begins its choices, which are borrowed. False when it is too short. */
bool choices_begin(const uint8_t *data, size_t size, struct choices_input *input_out);

/* The next byte, 0 without one; below `bound`. */
unsigned choices_byte(void);
size_t choices_below(size_t bound);

/* STATUS_OK at least three times out of four, else any other. */
enum status choices_status(void);

/* Mostly small, sometimes `max`. */
size_t choices_count(size_t max);

/* A text of UTF-8 of at most `max` bytes: short, long, or exactly as long; a new string. */
char *choices_text(size_t max);

/* A number: 0, small, large, the greatest. */
uint64_t choices_number(void);

#endif
