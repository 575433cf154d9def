#ifndef COMMON_STORE_SQLITE_WRITER_H
#define COMMON_STORE_SQLITE_WRITER_H

#include <stddef.h>

#include "services/common/store/batcher.h"
#include "services/common/store/sqlite_db.h"

/*
 * The writer of a SQLite file, one in each process: a batcher whose batch is a transaction, so that
 * one fsync serves many jobs. A job's outcome is reported after the commit is on disk; a commit to
 * a file that is no longer at its path is reported as failed (sqlite_db_problem).
 */
struct sqlite_writer;
struct sqlite_job;

/* Runs inside the transaction. STATUS_UNAVAILABLE (the store failed) rolls the transaction back and
 * is the outcome of all its jobs. Any other status concerns this job only; unless it is STATUS_OK,
 * the job must not have written anything.
 */
typedef enum status sqlite_job_run(struct sqlite_job *job, struct sqlite_conn *conn);

/* Called once for each accepted job, with its outcome, after the commit. Owns the job. */
typedef void sqlite_job_done(struct sqlite_job *job, enum status status);

/* The head of a caller's own struct. */
struct sqlite_job {
    sqlite_job_run *run;
    sqlite_job_done *done;
    struct batch_job batch; /* the writer's */
};

enum status sqlite_writer_start(struct sqlite_db *db, size_t queue_max,
                                struct sqlite_writer **writer_out) MUST_CHECK;

/* Runs and reports the accepted jobs, then stops. NULL is allowed. */
void sqlite_writer_stop(struct sqlite_writer **writer);

/* As batcher_on_reported. */
void sqlite_writer_on_reported(struct sqlite_writer *writer, void (*reported)(void *ctx),
                               void *ctx);

/* STATUS_BUSY when the queue is full; then the job has not been changed. */
enum status sqlite_writer_submit(struct sqlite_writer *writer, struct sqlite_job *job) MUST_CHECK;

/*
 * Takes part in each transaction. `begun` runs before its jobs, inside it; STATUS_UNAVAILABLE rolls
 * it back. `committed` is called after the commit is on disk. Both on the writer's thread.
 */
struct sqlite_observer {
    enum status (*begun)(void *ctx, struct sqlite_conn *conn);
    void (*committed)(void *ctx);
    void *ctx;
};

/* One observer, before the first job. */
void sqlite_writer_observe(struct sqlite_writer *writer, struct sqlite_observer observer);

/* Submits and waits for the outcome; `job->done` is not called. */
enum status sqlite_writer_run(struct sqlite_writer *writer, struct sqlite_job *job) MUST_CHECK;

#endif
