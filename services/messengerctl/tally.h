#ifndef MESSENGERCTL_TALLY_H
#define MESSENGERCTL_TALLY_H

#include <stdint.h>

/* What a comparison of two installations, called A and B, has found of one kind of thing. */
struct tally {
    const char *what; /* plural */
    uint64_t in_a, in_b, differing;
};

enum { TALLY_PRINTED_MAX = 10 };

/* Counts a difference and prints it, unless enough of the kind have been. */
void tally_difference(struct tally *tally, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Counts a thing that A has, or B, or both; that only one has it is a difference, called `name`. */
void tally_count(struct tally *tally, const void *in_a, const void *in_b, const char *name);

/* The line with the totals. */
void tally_print(const struct tally *tally);

#endif
