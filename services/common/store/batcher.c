#include "services/common/store/batcher.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/base/thread.h"

/* A first-in-first-out list of jobs, and the thread that waits for it. */
struct lane {
    struct batch_job *first, **last;
    size_t count;
    pthread_cond_t cond;
};

struct batcher {
    struct batcher_options options;
    pthread_mutex_t lock; /* guards the lanes and the flags */
    struct lane waiting;  /* to be carried out */
    struct lane finished; /* to be reported */
    bool stopping;
    bool reporting;              /* by one of the threads */
    bool batches_over;           /* no further job will be finished */
    void (*reported)(void *ctx); /* or NULL */
    void *reported_ctx;
    pthread_t batch_thread, report_thread;
};

static void lane_init(struct lane *lane)
{
    lane->first = NULL;
    lane->last = &lane->first;
    lane->count = 0;
    pthread_cond_init(&lane->cond, NULL);
}

static void lane_append(struct lane *lane, struct batch_job *job)
{
    job->next = NULL;
    *lane->last = job;
    lane->last = &job->next;
    lane->count++;
}

/* Removes up to `max` jobs from the front: a list that ends with NULL, or NULL. */
static struct batch_job *lane_take(struct lane *lane, size_t max)
{
    struct batch_job *jobs = lane->first, **end = &lane->first;

    for (size_t taken = 0; *end != NULL && taken < max; taken++) {
        end = &(*end)->next;
        lane->count--;
    }
    lane->first = *end;
    *end = NULL;
    if (lane->first == NULL)
        lane->last = &lane->first;
    return jobs;
}

static void finish_locked(struct batcher *batcher, struct batch_job *jobs)
{
    for (struct batch_job *job = jobs, *next; job != NULL; job = next) {
        next = job->next;
        lane_append(&batcher->finished, job);
    }
}

/* Reports all that is finished, in order; one thread at a time. Leaves the lock meanwhile. */
static void report_locked(struct batcher *batcher)
{
    batcher->reporting = true;
    while (batcher->finished.count > 0) {
        struct batch_job *jobs = lane_take(&batcher->finished, SIZE_MAX);
        pthread_mutex_unlock(&batcher->lock);
        for (struct batch_job *job = jobs, *next; job != NULL; job = next) {
            next = job->next;
            batcher->options.report(job);
        }
        if (batcher->reported != NULL)
            batcher->reported(batcher->reported_ctx);
        pthread_mutex_lock(&batcher->lock);
    }
    batcher->reporting = false;
}

/* By this thread while nothing else is to be done, which saves waking the other; else by that. */
static void have_reported_locked(struct batcher *batcher)
{
    if (batcher->reporting)
        return; /* goes on with these */
    if (batcher->waiting.count == 0)
        report_locked(batcher);
    else
        pthread_cond_signal(&batcher->finished.cond);
}

/* Lets other threads of this core run first: the more jobs they submit, the larger the batch. No
 * cost on an idle core. */
static void let_others_submit_locked(struct batcher *batcher)
{
    pthread_mutex_unlock(&batcher->lock);
    sched_yield();
    pthread_mutex_lock(&batcher->lock);
}

static void run_batches(void *arg)
{
    struct batcher *batcher = arg;

    pthread_mutex_lock(&batcher->lock);
    for (;;) {
        while (batcher->waiting.count == 0 && !batcher->stopping)
            pthread_cond_wait(&batcher->waiting.cond, &batcher->lock);
        if (batcher->waiting.count == 0)
            break;
        let_others_submit_locked(batcher);
        struct batch_job *batch = lane_take(&batcher->waiting, batcher->options.batch_max);
        pthread_mutex_unlock(&batcher->lock);
        batcher->options.run(batcher->options.ctx, batch);
        pthread_mutex_lock(&batcher->lock);
        finish_locked(batcher, batch);
        have_reported_locked(batcher);
    }
    batcher->batches_over = true;
    pthread_cond_signal(&batcher->finished.cond);
    pthread_mutex_unlock(&batcher->lock);
}

static void run_reports(void *arg)
{
    struct batcher *batcher = arg;

    pthread_mutex_lock(&batcher->lock);
    for (;;) {
        while ((batcher->finished.count == 0 || batcher->reporting) && !batcher->batches_over)
            pthread_cond_wait(&batcher->finished.cond, &batcher->lock);
        if (batcher->finished.count == 0)
            break;
        report_locked(batcher);
    }
    pthread_mutex_unlock(&batcher->lock);
}

struct batcher *batcher_start(const struct batcher_options *options)
{
    struct batcher *batcher = xcalloc(1, sizeof(*batcher));

    batcher->options = *options;
    pthread_mutex_init(&batcher->lock, NULL);
    lane_init(&batcher->waiting);
    lane_init(&batcher->finished);
    batcher->batch_thread = thread_start(options->name, run_batches, batcher);
    batcher->report_thread = thread_start(options->name, run_reports, batcher);
    return batcher;
}

void batcher_stop(struct batcher **batcher)
{
    struct batcher *b = *batcher;

    if (b == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_signal(&b->waiting.cond);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->batch_thread, NULL);
    pthread_join(b->report_thread, NULL);
    pthread_cond_destroy(&b->waiting.cond);
    pthread_cond_destroy(&b->finished.cond);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *batcher = NULL;
}

enum status batcher_submit(struct batcher *batcher, struct batch_job *job)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&batcher->lock);
    if (batcher->stopping || batcher->waiting.count >= batcher->options.queue_max) {
        status = STATUS_BUSY;
    } else {
        lane_append(&batcher->waiting, job);
    }
    pthread_mutex_unlock(&batcher->lock);
    /* Outside the lock: the woken thread would block on it. */
    if (status == STATUS_OK)
        pthread_cond_signal(&batcher->waiting.cond);
    return status;
}

void batcher_on_reported(struct batcher *batcher, void (*reported)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&batcher->lock);
    batcher->reported = reported;
    batcher->reported_ctx = ctx;
    pthread_mutex_unlock(&batcher->lock);
}

void batcher_fail_waiting(struct batcher *batcher, enum status status)
{
    pthread_mutex_lock(&batcher->lock);
    struct batch_job *jobs = lane_take(&batcher->waiting, SIZE_MAX);
    for (struct batch_job *job = jobs; job != NULL; job = job->next)
        job->status = status;
    finish_locked(batcher, jobs);
    pthread_mutex_unlock(&batcher->lock);
}
