#ifndef MESSAGE_STORE_MONGO_WRITES_H
#define MESSAGE_STORE_MONGO_WRITES_H

#include "services/common/store/mongo_db.h"
#include "services/message/store/message_data.h"
#include "services/message/store/mongo/lineage.h"

struct message_store;

/* The writes of the MongoDB message store: pending writes are run as one batch (batch.h). */
struct message_mongo_writer;

struct message_mongo_writer *message_mongo_writes_start(struct mongo_db *db,
                                                        struct message_mongo_lineage *lineage,
                                                        size_t queue_max,
                                                        enum status *status_out) MUST_CHECK;
void message_mongo_writes_stop(struct message_mongo_writer **writer);

/* As message_store_send and message_store_mark_read. */
enum status message_mongo_writes_send(struct message_store *store,
                                      struct message_send *send) MUST_CHECK;
enum status message_mongo_writes_mark_read(struct message_store *store,
                                           struct message_mark *mark) MUST_CHECK;

/* As batcher_on_reported. */
void message_mongo_writes_on_reported(struct message_mongo_writer *writer,
                                      void (*reported)(void *ctx), void *ctx);

#endif
