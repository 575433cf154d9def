#define _GNU_SOURCE /* gettid */
#include "services/common/base/workpool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

struct job {
    workpool_job *run;
    void *arg;
};

struct workpool {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t wake;
    struct job *ring;
    size_t ring_size, first, waiting;
    bool closing;
    size_t idle; /* threads that wait for a job */
    size_t thread_count, threads_max;
    pthread_t *threads;
    size_t stack_bytes;
    char name[THREAD_NAME_SIZE];
    int niceness;
};

static bool take_job(struct workpool *pool, struct job *job_out)
{
    pthread_mutex_lock(&pool->lock);
    pool->idle++;
    while (pool->waiting == 0 && !pool->closing)
        pthread_cond_wait(&pool->wake, &pool->lock);
    pool->idle--;
    bool taken = pool->waiting > 0;
    if (taken) {
        *job_out = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->ring_size;
        pool->waiting--;
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void run_pool_jobs(void *arg)
{
    struct workpool *pool = arg;
    struct job job;

    if (pool->niceness > 0) /* on Linux the nice value belongs to the thread */
        setpriority(PRIO_PROCESS, (id_t)gettid(), pool->niceness);
    while (take_job(pool, &job))
        job.run(job.arg);
}

/* Where the system has no thread to give, those that run do the work. */
static void try_start_thread_locked(struct workpool *pool)
{
    if (thread_try_start(pool->name, pool->stack_bytes, run_pool_jobs, pool,
                         &pool->threads[pool->thread_count]))
        pool->thread_count++;
}

struct workpool *workpool_create(const struct workpool_options *options)
{
    struct workpool *pool = xcalloc(1, sizeof(*pool));

    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->ring_size = options->queue_max > 0 ? options->queue_max : 1;
    pool->ring = xcalloc(pool->ring_size, sizeof(*pool->ring));
    pool->niceness = options->niceness;
    snprintf(pool->name, sizeof(pool->name), "%s", options->name);
    pool->threads_max = options->threads;
    pool->threads = xcalloc(options->threads, sizeof(*pool->threads));
    pool->stack_bytes = options->stack_bytes;
    pthread_mutex_lock(&pool->lock);
    try_start_thread_locked(pool);
    if (pool->thread_count == 0) { /* with one, every job is run in the end */
        log_error("cannot start the first thread of the pool \"%s\"", pool->name);
        abort();
    }
    pthread_mutex_unlock(&pool->lock);
    return pool;
}

bool workpool_submit(struct workpool *pool, workpool_job *job, void *arg)
{
    pthread_mutex_lock(&pool->lock);
    bool accepted = !pool->closing && pool->waiting < pool->ring_size;
    if (accepted) {
        pool->ring[(pool->first + pool->waiting) % pool->ring_size] = (struct job){ job, arg };
        pool->waiting++;
        if (pool->waiting > pool->idle && pool->thread_count < pool->threads_max)
            try_start_thread_locked(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    if (accepted) /* outside the lock: the woken thread would block on it */
        pthread_cond_signal(&pool->wake);
    return accepted;
}

/* --- work that is shared ------------------------------------------------------------------- */

struct share {
    void (*work)(void *ctx, size_t index);
    void *ctx;
    size_t count;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t done_cond;
    size_t next, done;
    size_t references; /* helpers may start after all is done */
};

static void share_unref(struct share *share)
{
    pthread_mutex_lock(&share->lock);
    bool last = --share->references == 0;
    pthread_mutex_unlock(&share->lock);
    if (!last)
        return;
    pthread_cond_destroy(&share->done_cond);
    pthread_mutex_destroy(&share->lock);
    free(share);
}

static void run_share(struct share *share)
{
    pthread_mutex_lock(&share->lock);
    while (share->next < share->count) {
        size_t index = share->next++;
        pthread_mutex_unlock(&share->lock);
        share->work(share->ctx, index);
        pthread_mutex_lock(&share->lock);
        if (++share->done == share->count)
            pthread_cond_signal(&share->done_cond);
    }
    pthread_mutex_unlock(&share->lock);
}

static void help_share(void *arg)
{
    run_share(arg);
    share_unref(arg);
}

/* Of as many threads as there are and can be of use; a helper's reference is counted before it may
 * begin. */
static void ask_for_help(struct workpool *pool, struct share *share)
{
    size_t helpers = pool->threads_max < share->count ? pool->threads_max : share->count - 1;
    size_t asked = 0;

    share->references += helpers;
    while (asked < helpers && workpool_submit(pool, help_share, share))
        asked++;
    pthread_mutex_lock(&share->lock);
    share->references -= helpers - asked;
    pthread_mutex_unlock(&share->lock);
}

void workpool_share(struct workpool *pool, size_t count, void (*work)(void *ctx, size_t index),
                    void *ctx)
{
    if (count == 0)
        return;
    struct share *share = xcalloc(1, sizeof(*share));
    *share = (struct share){ .work = work, .ctx = ctx, .count = count, .references = 1 };
    pthread_mutex_init(&share->lock, NULL);
    pthread_cond_init(&share->done_cond, NULL);
    ask_for_help(pool, share);
    run_share(share);
    pthread_mutex_lock(&share->lock);
    while (share->done < count)
        pthread_cond_wait(&share->done_cond, &share->lock);
    pthread_mutex_unlock(&share->lock);
    share_unref(share);
}

size_t workpool_waiting(struct workpool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

void workpool_destroy(struct workpool **pool)
{
    struct workpool *p = *pool;

    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p->ring);
    free(p);
    *pool = NULL;
}
