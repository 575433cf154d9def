#ifndef COMMON_BASE_WORKPOOL_H
#define COMMON_BASE_WORKPOOL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A few threads, started when needed, that run jobs from one bounded queue, first in, first out.
 * Slow work gets a pool of its own, so that it cannot starve fast work.
 */
struct workpool;

typedef void workpool_job(void *arg);

struct workpool_options {
    const char *name;   /* of the threads, at most 15 bytes; copied */
    size_t threads;     /* at most; at least 1 */
    size_t queue_max;   /* pending jobs */
    int niceness;       /* 0 to 19: nice value of the threads */
    size_t stack_bytes; /* 0 = the process's default */
};

struct workpool *workpool_create(const struct workpool_options *options);

/* Enqueues a job. False when the queue is full or the pool is being destroyed; then `arg` has not
 * been used. */
bool workpool_submit(struct workpool *pool, workpool_job *job, void *arg);

/*
 * Calls `work` once for each index below `count`, on this thread and on the pool's idle threads, in
 * no order; returns when all calls have returned. For calls that wait for replies: they wait in
 * parallel.
 */
void workpool_share(struct workpool *pool, size_t count, void (*work)(void *ctx, size_t index),
                    void *ctx);

/* The number of pending jobs. */
size_t workpool_waiting(struct workpool *pool);

/* Refuses new jobs, finishes those accepted, joins the threads. */
void workpool_destroy(struct workpool **pool);

#endif
