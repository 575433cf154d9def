#ifndef COMMON_STORE_BATCHER_H
#define COMMON_STORE_BATCHER_H

#include <stddef.h>

#include "services/common/base/status.h"

/*
 * Group commit: jobs queue up, one thread carries out all that have gathered as one batch, so that
 * one durable write serves many. They are reported in the order of the batches, one at a time: by
 * a second thread while the first is at the next batch, or by the first if no job waits.
 */
struct batcher;

/* The head of a caller's own struct. */
struct batch_job {
    enum status status;     /* the outcome, set by the batch's run */
    struct batch_job *next; /* the batcher's; inside a run, the next job of the batch */
};

struct batcher_options {
    const char *name; /* of the threads, at most 15 bytes */
    size_t queue_max; /* jobs that may wait */
    size_t batch_max; /* jobs of one batch */
    /* Carries out a batch, in its order, and sets the status of each job. On one thread. */
    void (*run)(void *ctx, struct batch_job *jobs);
    /* Called once for every accepted job, with its outcome. Owns the job from here. Must not wait
     * for another job. */
    void (*report)(struct batch_job *job);
    void *ctx;
};

struct batcher *batcher_start(const struct batcher_options *options);

/* Finishes what was accepted. */
void batcher_stop(struct batcher **batcher);

/* STATUS_BUSY when the queue is full; then the job has not been touched. From any thread. */
enum status batcher_submit(struct batcher *batcher, struct batch_job *job) MUST_CHECK;

/*
 * Called after each series of reports, on the thread that made them: for what a report may put off
 * to do it for many at once. Before the first job.
 */
void batcher_on_reported(struct batcher *batcher, void (*reported)(void *ctx), void *ctx);

/* Inside a run: ends all jobs that wait with this status, without carrying them out. */
void batcher_fail_waiting(struct batcher *batcher, enum status status);

#endif
