#ifndef COMMON_STORE_SQLITE_WRITER_H
#define COMMON_STORE_SQLITE_WRITER_H

#include <stddef.h>

#include "services/common/store/batcher.h"
#include "services/common/store/sqlite_db.h"

/*
 * The one writer of a SQLite file in this process: a batcher whose batch is a transaction, so that
 * one fsync serves many, and "done" still means on disk.
 */
struct sqlite_writer;
struct sqlite_job;

/*
 * Runs inside the transaction. Any status but STATUS_UNAVAILABLE concerns this job alone, and
 * unless it is STATUS_OK the job has written nothing. STATUS_UNAVAILABLE (the store failed) undoes
 * the whole transaction and is the outcome of every job in it.
 */
typedef enum status sqlite_job_run(struct sqlite_job *job, struct sqlite_conn *conn);

/* Called once for every accepted job, with its outcome, after the commit. Owns the job from here.
 */
typedef void sqlite_job_done(struct sqlite_job *job, enum status status);

/* The head of a caller's own struct. */
struct sqlite_job {
    sqlite_job_run *run;
    sqlite_job_done *done;
    struct batch_job batch; /* the writer's */
};

enum status sqlite_writer_start(struct sqlite_db *db, size_t queue_max,
                                struct sqlite_writer **writer_out) MUST_CHECK;

/* Finishes what was accepted. */
void sqlite_writer_stop(struct sqlite_writer **writer);

/* As batcher_on_reported. */
void sqlite_writer_on_reported(struct sqlite_writer *writer, void (*reported)(void *ctx),
                               void *ctx);

/* STATUS_BUSY when the queue is full; then the job has not been touched. */
enum status sqlite_writer_submit(struct sqlite_writer *writer, struct sqlite_job *job) MUST_CHECK;

/* Submits and waits for the outcome; `job->done` is not called. */
enum status sqlite_writer_run(struct sqlite_writer *writer, struct sqlite_job *job) MUST_CHECK;

#endif
