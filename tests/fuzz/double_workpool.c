/*
 * A pool of threads that has none, in place of workpool.c: a job is run where it is submitted. So
 * an input does the same each time.
 */
#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/common/base/workpool.h"

struct workpool {
    int unused;
};

struct workpool *workpool_create(const struct workpool_options *options)
{
    (void)options;
    return xcalloc(1, sizeof(struct workpool));
}

bool workpool_submit(struct workpool *pool, workpool_job *job, void *arg)
{
    (void)pool;
    job(arg);
    return true;
}

void workpool_share(struct workpool *pool, size_t count, void (*work)(void *ctx, size_t index),
                    void *ctx)
{
    (void)pool;
    for (size_t i = 0; i < count; i++)
        work(ctx, i);
}

size_t workpool_waiting(struct workpool *pool)
{
    (void)pool;
    return 0;
}

void workpool_destroy(struct workpool **pool)
{
    free(*pool);
    *pool = NULL;
}
