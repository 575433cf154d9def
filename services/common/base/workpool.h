#ifndef COMMON_BASE_WORKPOOL_H
#define COMMON_BASE_WORKPOOL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A few threads, started when they are needed, that carry out jobs from one bounded queue, first
 * in, first out. Slow work gets a pool of its own, so that it cannot starve fast work.
 */
struct workpool;

typedef void workpool_job(void *arg);

struct workpool_options {
    const char *name;   /* of the threads, at most 15 bytes; copied */
    size_t threads;     /* at most; at least 1 */
    size_t queue_max;   /* jobs that may wait */
    int niceness;       /* 0 to 19: how far these threads stand back for others */
    size_t stack_bytes; /* 0 = the process's default */
};

struct workpool *workpool_create(const struct workpool_options *options);

/* Queues a job. False when the queue is full or the pool is being destroyed; then nothing of
 * `arg` has been touched. */
bool workpool_submit(struct workpool *pool, workpool_job *job, void *arg);

/*
 * Calls `work` once for each number below `count`, on this thread and on what threads of the pool
 * are free, in no order, and returns when all is done. For work that waits for others: side by
 * side it waits once.
 */
void workpool_share(struct workpool *pool, size_t count, void (*work)(void *ctx, size_t index),
                    void *ctx);

/* Jobs waiting now. */
size_t workpool_waiting(struct workpool *pool);

/* Refuses new jobs, finishes those accepted, joins the threads. */
void workpool_destroy(struct workpool **pool);

#endif
