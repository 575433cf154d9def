#define _GNU_SOURCE /* pthread_setname_np */
#include "services/common/sqlite_writer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "services/common/log.h"
#include "services/common/memory.h"

enum { BATCH_MOST = 512 };

/* A first-in-first-out list of jobs and who waits for it. */
struct lane {
    struct sqlite_job *first, **last;
    size_t count;
    pthread_cond_t cond;
};

struct sqlite_writer {
    struct sqlite_conn *conn;
    size_t queue_most;
    pthread_mutex_t lock; /* guards the lanes and the flags */
    struct lane waiting;  /* to be run */
    struct lane finished; /* to be reported */
    bool stopping;
    bool commits_over; /* no further job will be finished */
    pthread_t commit_thread, report_thread;
};

static void lane_init(struct lane *lane)
{
    lane->first = NULL;
    lane->last = &lane->first;
    lane->count = 0;
}

static void lane_append(struct lane *lane, struct sqlite_job *job)
{
    job->next = NULL;
    *lane->last = job;
    lane->last = &job->next;
    lane->count++;
}

/* Cuts up to `most` jobs off the front; a list that ends with NULL, or NULL. */
static struct sqlite_job *lane_take(struct lane *lane, size_t most)
{
    struct sqlite_job *jobs = lane->first, **end = &lane->first;

    for (size_t taken = 0; *end != NULL && taken < most; taken++) {
        end = &(*end)->next;
        lane->count--;
    }
    lane->first = *end;
    *end = NULL;
    if (lane->first == NULL)
        lane->last = &lane->first;
    return jobs;
}

/* --- committing -------------------------------------------------------------------------- */

static enum status run_jobs(struct sqlite_writer *writer, struct sqlite_job *jobs)
{
    for (struct sqlite_job *job = jobs; job != NULL; job = job->next) {
        job->status = job->run(job, writer->conn);
        if (job->status == STATUS_UNAVAILABLE)
            return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

static void commit(struct sqlite_writer *writer, struct sqlite_job *jobs)
{
    enum status status = sqlite_conn_exec(writer->conn, "BEGIN IMMEDIATE");

    if (status == STATUS_OK) {
        status = run_jobs(writer, jobs);
        if (status == STATUS_OK)
            status = sqlite_conn_exec(writer->conn, "COMMIT");
        /* A failed COMMIT may or may not have ended the transaction. */
        if (status != STATUS_OK && sqlite_conn_exec(writer->conn, "ROLLBACK") != STATUS_OK)
            log_info("sqlite: nothing was left to roll back");
    }
    if (status != STATUS_OK)
        for (struct sqlite_job *job = jobs; job != NULL; job = job->next)
            job->status = status;
}

static void *commit_loop(void *arg)
{
    struct sqlite_writer *writer = arg;

    pthread_setname_np(pthread_self(), "sqlite-commit");
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (writer->waiting.count == 0 && !writer->stopping)
            pthread_cond_wait(&writer->waiting.cond, &writer->lock);
        if (writer->waiting.count == 0)
            break;
        struct sqlite_job *batch = lane_take(&writer->waiting, BATCH_MOST);
        pthread_mutex_unlock(&writer->lock);
        commit(writer, batch);
        pthread_mutex_lock(&writer->lock);
        for (struct sqlite_job *job = batch, *next; job != NULL; job = next) {
            next = job->next;
            lane_append(&writer->finished, job);
        }
        pthread_cond_signal(&writer->finished.cond);
    }
    writer->commits_over = true;
    pthread_cond_signal(&writer->finished.cond);
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* --- reporting --------------------------------------------------------------------------- */

static void *report_loop(void *arg)
{
    struct sqlite_writer *writer = arg;

    pthread_setname_np(pthread_self(), "sqlite-report");
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (writer->finished.count == 0 && !writer->commits_over)
            pthread_cond_wait(&writer->finished.cond, &writer->lock);
        if (writer->finished.count == 0)
            break;
        struct sqlite_job *batch = lane_take(&writer->finished, SIZE_MAX);
        pthread_mutex_unlock(&writer->lock);
        for (struct sqlite_job *job = batch, *next; job != NULL; job = next) {
            next = job->next;
            job->done(job, job->status);
        }
        pthread_mutex_lock(&writer->lock);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* --- life -------------------------------------------------------------------------------- */

enum status sqlite_writer_start(struct sqlite_db *db, size_t queue_most,
                                struct sqlite_writer **writer_out)
{
    struct sqlite_conn *conn = sqlite_conn_open(db);

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    struct sqlite_writer *writer = xcalloc(1, sizeof(*writer));
    writer->conn = conn;
    writer->queue_most = queue_most;
    pthread_mutex_init(&writer->lock, NULL);
    lane_init(&writer->waiting);
    lane_init(&writer->finished);
    pthread_cond_init(&writer->waiting.cond, NULL);
    pthread_cond_init(&writer->finished.cond, NULL);
    if (pthread_create(&writer->commit_thread, NULL, commit_loop, writer) != 0 ||
        pthread_create(&writer->report_thread, NULL, report_loop, writer) != 0) {
        log_error("cannot start a thread");
        abort();
    }
    *writer_out = writer;
    return STATUS_OK;
}

void sqlite_writer_stop(struct sqlite_writer **writer)
{
    struct sqlite_writer *w = *writer;

    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->waiting.cond);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->commit_thread, NULL);
    pthread_join(w->report_thread, NULL);
    sqlite_conn_close(&w->conn);
    pthread_cond_destroy(&w->waiting.cond);
    pthread_cond_destroy(&w->finished.cond);
    pthread_mutex_destroy(&w->lock);
    free(w);
    *writer = NULL;
}

enum status sqlite_writer_submit(struct sqlite_writer *writer, struct sqlite_job *job)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&writer->lock);
    if (writer->stopping || writer->waiting.count >= writer->queue_most) {
        status = STATUS_BUSY;
    } else {
        lane_append(&writer->waiting, job);
        pthread_cond_signal(&writer->waiting.cond);
    }
    pthread_mutex_unlock(&writer->lock);
    return status;
}

/* What a thread that waits in sqlite_writer_run shares with the report. */
struct waited_job {
    struct sqlite_job head;
    struct sqlite_job *inner;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over;
    enum status status;
};

static enum status run_inner(struct sqlite_job *job, struct sqlite_conn *conn)
{
    struct sqlite_job *inner = ((struct waited_job *)job)->inner;
    return inner->run(inner, conn);
}

static void wake_waiter(struct sqlite_job *job, enum status status)
{
    struct waited_job *waited = (struct waited_job *)job;

    pthread_mutex_lock(&waited->lock);
    waited->over = true;
    waited->status = status;
    pthread_cond_signal(&waited->cond);
    pthread_mutex_unlock(&waited->lock);
}

enum status sqlite_writer_run(struct sqlite_writer *writer, struct sqlite_job *job)
{
    struct waited_job waited = { .head = { .run = run_inner, .done = wake_waiter }, .inner = job };

    pthread_mutex_init(&waited.lock, NULL);
    pthread_cond_init(&waited.cond, NULL);
    enum status status = sqlite_writer_submit(writer, &waited.head);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&waited.lock);
        while (!waited.over)
            pthread_cond_wait(&waited.cond, &waited.lock);
        pthread_mutex_unlock(&waited.lock);
        status = waited.status;
    }
    pthread_cond_destroy(&waited.cond);
    pthread_mutex_destroy(&waited.lock);
    return status;
}
