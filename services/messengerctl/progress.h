#ifndef MESSENGERCTL_PROGRESS_H
#define MESSENGERCTL_PROGRESS_H

#include <stdint.h>

/*
 * How far the work has come: a bar on a terminal, a line every few seconds elsewhere. With the
 * share done, the counts, how many a second at present, and about how long it will still take.
 */
struct progress {
    uint64_t done, total;
    int64_t drawn_ms, measured_ms; /* of the clock; when the last time */
    uint64_t measured_done;
    double rate; /* a second, smoothed; 0 = not known yet */
};

void progress_begin(struct progress *progress, uint64_t total);
void progress_add(struct progress *progress, uint64_t count);

/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
