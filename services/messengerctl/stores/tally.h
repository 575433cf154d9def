#ifndef MESSENGERCTL_STORES_TALLY_H
#define MESSENGERCTL_STORES_TALLY_H

#include <stdint.h>

/* The result of a comparison of two installations, A and B, for one kind of item. */
struct tally {
    const char *what; /* plural */
    uint64_t in_a, in_b, differing;
};

enum { TALLY_PRINTED_MAX = 10 };

/* Counts a difference, and prints it unless the maximum of the kind has been printed. */
void tally_difference(struct tally *tally, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Counts an item that A has, or B, or both. If only one has it, that is a difference; `name` names
 * the item. */
void tally_count(struct tally *tally, const void *in_a, const void *in_b, const char *name);

/* The line with the totals. */
void tally_print(const struct tally *tally);

#endif
