#ifndef COMMON_STORE_BATCHER_H
#define COMMON_STORE_BATCHER_H

#include <stddef.h>

#include "services/common/base/status.h"

/*
 * Group commit: jobs are enqueued, and one thread runs all pending jobs as one batch, so that one
 * durable write serves many. Jobs are reported in the order of the batches, one at a time: by a
 * second thread while the first runs the next batch, or by the first if no job is pending.
 */
struct batcher;

/* The head of a caller's own struct. */
struct batch_job {
    enum status status;     /* the outcome, set by the batch's run */
    struct batch_job *next; /* the batcher's; inside a run, the next job of the batch */
};

struct batcher_options {
    const char *name; /* of the threads, at most 15 bytes */
    size_t queue_max; /* pending jobs */
    size_t batch_max; /* jobs of one batch */
    /* Runs a batch, in order, and sets the status of each job. On one thread. */
    void (*run)(void *ctx, struct batch_job *jobs);
    /* Called once for each accepted job, with its outcome; owns the job. Must not wait for another
     * job. */
    void (*report)(struct batch_job *job);
    void *ctx;
};

struct batcher *batcher_start(const struct batcher_options *options);

/* Runs and reports the accepted jobs, then stops. NULL is allowed. */
void batcher_stop(struct batcher **batcher);

/* STATUS_BUSY when the queue is full; then the job has not been changed. From any thread. */
enum status batcher_submit(struct batcher *batcher, struct batch_job *job) MUST_CHECK;

/*
 * `reported` is called after each series of reports, on their thread: for work that a report defers
 * to do it once for many jobs. Before the first job.
 */
void batcher_on_reported(struct batcher *batcher, void (*reported)(void *ctx), void *ctx);

/* Called from `run`: ends all pending jobs with this status, without running them. */
void batcher_fail_waiting(struct batcher *batcher, enum status status);

#endif
