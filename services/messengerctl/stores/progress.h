#ifndef MESSENGERCTL_STORES_PROGRESS_H
#define MESSENGERCTL_STORES_PROGRESS_H

#include <stdint.h>

/*
 * Shows the progress: a bar on a terminal, a line every few seconds elsewhere, with the percentage,
 * the counts, the current rate, and the estimated time left.
 */
struct progress {
    uint64_t done, total;
    int64_t drawn_ms, measured_ms; /* time of the last measurement */
    uint64_t measured_done;
    double rate; /* a second, smoothed; 0 = not known yet */
};

void progress_begin(struct progress *progress, uint64_t total);
void progress_add(struct progress *progress, uint64_t count);

/* Removes the bar. */
void progress_end(struct progress *progress);

#endif
