#include "services/common/store/sqlite_writer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "services/common/base/log.h"
#include "services/common/base/memory.h"
#include "services/common/store/sqlite_checkpointer.h"
#include "services/common/store/sqlite_gathered_log.h"
#include "services/common/store/sqlite_health.h"

enum { BATCH_MAX = 512 };

struct sqlite_writer {
    struct sqlite_db *db;
    struct sqlite_conn *conn;
    struct sqlite_observer observer; /* zeroed: none */
    struct sqlite_checkpointer *checkpointer;
    struct batcher *batcher;
};

static struct sqlite_job *job_of(struct batch_job *batch)
{
    return (struct sqlite_job *)((char *)batch - offsetof(struct sqlite_job, batch));
}

static enum status run_writer_jobs(struct sqlite_writer *writer, struct batch_job *jobs)
{
    for (struct batch_job *job = jobs; job != NULL; job = job->next) {
        job->status = job_of(job)->run(job_of(job), writer->conn);
        if (job->status == STATUS_UNAVAILABLE)
            return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

/* Whether the file is the one at its path and not known to be damaged. */
static enum status check_file(struct sqlite_writer *writer)
{
    return sqlite_db_problem(writer->db) == NULL ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status begin_transaction(struct sqlite_writer *writer)
{
    const struct sqlite_observer *observer = &writer->observer;
    enum status status = check_file(writer);

    if (status == STATUS_OK)
        status = sqlite_conn_exec(writer->conn, "BEGIN IMMEDIATE");
    if (status != STATUS_OK || observer->begun == NULL)
        return status;
    status = observer->begun(observer->ctx, writer->conn);
    if (status != STATUS_OK && sqlite_conn_exec(writer->conn, "ROLLBACK") != STATUS_OK)
        log_info("sqlite: nothing was left to roll back");
    return status;
}

static enum status run_transaction(struct sqlite_writer *writer, struct batch_job *jobs)
{
    enum status status = run_writer_jobs(writer, jobs);

    if (status == STATUS_OK)
        status = sqlite_conn_exec(writer->conn, "COMMIT");
    /* A failed COMMIT may or may not have ended the transaction. */
    if (status != STATUS_OK && sqlite_conn_exec(writer->conn, "ROLLBACK") != STATUS_OK)
        log_info("sqlite: nothing was left to roll back");
    if (status != STATUS_OK)
        return status;
    if (writer->observer.committed != NULL)
        writer->observer.committed(writer->observer.ctx);
    sqlite_health_watch_log(sqlite_db_health(writer->db));
    return STATUS_OK;
}

static void commit_batch(void *ctx, struct batch_job *jobs)
{
    struct sqlite_writer *writer = ctx;
    enum status status = begin_transaction(writer);

    if (status == STATUS_OK)
        status = run_transaction(writer, jobs);
    if (status == STATUS_OK)
        status = check_file(writer);
    if (status != STATUS_OK)
        for (struct batch_job *job = jobs; job != NULL; job = job->next)
            job->status = status;
}

static void report_job(struct batch_job *job)
{
    job_of(job)->done(job_of(job), job->status);
}

/* The cache holds the pages of a thousand active pairs of users, which are scattered over a large
 * file: with a reader's cache size, each page would be read again for nearly every message. */
static struct sqlite_conn *open_conn(struct sqlite_db *db)
{
    struct sqlite_conn *conn = sqlite_conn_open(db, sqlite_gathered_log_layer());

    if (conn != NULL && sqlite_conn_exec(conn, "PRAGMA cache_size=-32768") != STATUS_OK)
        sqlite_conn_close(&conn);
    return conn;
}

enum status sqlite_writer_start(struct sqlite_db *db, size_t queue_max,
                                struct sqlite_writer **writer_out)
{
    struct sqlite_conn *conn = open_conn(db);

    if (conn == NULL)
        return STATUS_UNAVAILABLE;
    struct sqlite_writer *writer = xcalloc(1, sizeof(*writer));
    writer->db = db;
    writer->conn = conn;
    writer->checkpointer = sqlite_checkpointer_start(db, conn);
    if (writer->checkpointer == NULL) {
        sqlite_conn_close(&conn);
        free(writer);
        return STATUS_UNAVAILABLE;
    }
    writer->batcher = batcher_start(&(struct batcher_options){ .name = "sqlite-writer",
                                                               .queue_max = queue_max,
                                                               .batch_max = BATCH_MAX,
                                                               .run = commit_batch,
                                                               .report = report_job,
                                                               .ctx = writer });
    *writer_out = writer;
    return STATUS_OK;
}

void sqlite_writer_stop(struct sqlite_writer **writer)
{
    if (*writer == NULL)
        return;
    batcher_stop(&(*writer)->batcher);
    sqlite_checkpointer_stop(&(*writer)->checkpointer);
    sqlite_conn_close(&(*writer)->conn);
    free(*writer);
    *writer = NULL;
}

void sqlite_writer_on_reported(struct sqlite_writer *writer, void (*reported)(void *ctx), void *ctx)
{
    batcher_on_reported(writer->batcher, reported, ctx);
}

void sqlite_writer_observe(struct sqlite_writer *writer, struct sqlite_observer observer)
{
    writer->observer = observer;
}

enum status sqlite_writer_submit(struct sqlite_writer *writer, struct sqlite_job *job)
{
    return batcher_submit(writer->batcher, &job->batch);
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
