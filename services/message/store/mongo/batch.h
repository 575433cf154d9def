#ifndef MESSAGE_STORE_MONGO_BATCH_H
#define MESSAGE_STORE_MONGO_BATCH_H

#include "services/message/store/mongo/repair.h"
#include "services/message/store/mongo/write_job.h"

/*
 * Writes a batch of jobs with a few commands: notes what it is about to do (repair.h), inserts the
 * messages, settles what follows from them. None of the batch's operations has been answered, so
 * any order is valid; marks come first. Sets the status of each job. Any status but STATUS_OK means
 * that the store has failed, and all jobs without a status of their own with it.
 */
enum status message_mongo_batch_write(struct mongo_db *db, struct message_mongo_lineage *lineage,
                                      struct repair *repair, struct batch_job *jobs) MUST_CHECK;

#endif
