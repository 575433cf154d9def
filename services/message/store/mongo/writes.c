#include "services/message/store/mongo/writes.h"

#include <stdlib.h>

#include "services/common/base/memory.h"
#include "services/message/store/mongo/batch.h"
#include "services/message/store/mongo/handle.h"
#include "services/message/store/mongo/repair.h"
#include "services/message/store/mongo/write_job.h"

enum { BATCH_MAX = 256 };

struct message_mongo_writer {
    struct mongo_db *db;
    struct message_mongo_lineage *lineage;
    struct repair *repair;
    struct batcher *batcher;
};

static void run_batch(void *ctx, struct batch_job *jobs)
{
    struct message_mongo_writer *writer = ctx;

    /* A job that waits behind a failed batch would wait for the same store as long again. */
    if (message_mongo_batch_write(writer->db, writer->lineage, writer->repair, jobs) != STATUS_OK)
        batcher_fail_waiting(writer->batcher, STATUS_UNAVAILABLE);
}

static void report_job(struct batch_job *head)
{
    struct message_mongo_job job = *(struct message_mongo_job *)head;

    free(head);
    if (job.send != NULL)
        job.send->done(job.send, job.head.status);
    else
        job.mark->done(job.mark, job.head.status);
}

/* --- life ---------------------------------------------------------------------------------- */

struct message_mongo_writer *message_mongo_writes_start(struct mongo_db *db,
                                                        struct message_mongo_lineage *lineage,
                                                        size_t queue_max, enum status *status_out)
{
    struct message_mongo_writer *writer = xcalloc(1, sizeof(*writer));

    writer->db = db;
    writer->lineage = lineage;
    *status_out = repair_start(db, lineage, &writer->repair);
    if (*status_out != STATUS_OK) {
        free(writer);
        return NULL;
    }
    writer->batcher = batcher_start(&(struct batcher_options){ .name = "mongo-writer",
                                                               .queue_max = queue_max,
                                                               .batch_max = BATCH_MAX,
                                                               .run = run_batch,
                                                               .report = report_job,
                                                               .ctx = writer });
    return writer;
}

void message_mongo_writes_stop(struct message_mongo_writer **writer)
{
    if (*writer == NULL)
        return;
    batcher_stop(&(*writer)->batcher);
    repair_stop(&(*writer)->repair);
    free(*writer);
    *writer = NULL;
}

static enum status submit_job(struct message_mongo_writer *writer,
                              const struct message_mongo_job *wanted)
{
    struct message_mongo_job *job = xmalloc(sizeof(*job));

    *job = *wanted;
    enum status status = batcher_submit(writer->batcher, &job->head);
    if (status != STATUS_OK)
        free(job);
    return status;
}

enum status message_mongo_writes_send(struct message_store *store, struct message_send *send)
{
    return submit_job(message_mongo_handle(store)->writer,
                      &(struct message_mongo_job){ .send = send });
}

enum status message_mongo_writes_mark_read(struct message_store *store, struct message_mark *mark)
{
    return submit_job(message_mongo_handle(store)->writer,
                      &(struct message_mongo_job){ .mark = mark });
}

void message_mongo_writes_on_reported(struct message_mongo_writer *writer,
                                      void (*reported)(void *ctx), void *ctx)
{
    batcher_on_reported(writer->batcher, reported, ctx);
}
