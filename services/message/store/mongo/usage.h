#ifndef MESSAGE_STORE_MONGO_USAGE_H
#define MESSAGE_STORE_MONGO_USAGE_H

#include "services/common/store/mongo_db.h"
#include "services/message/store/message_data.h"

struct message_store;

/* How much users have stored. */

/* Specified in message_store.h. */
enum status message_mongo_usage_add(struct message_store *store, struct message_usage *usage,
                                    size_t count) MUST_CHECK;

/* Bytes that are erased, of one user. */
enum status message_mongo_usage_subtract(struct mongo_db *db, const char *key,
                                         int64_t bytes) MUST_CHECK;

#endif
