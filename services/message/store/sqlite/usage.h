#ifndef MESSAGE_STORE_SQLITE_USAGE_H
#define MESSAGE_STORE_SQLITE_USAGE_H

#include "services/common/store/sqlite_db.h"
#include "services/message/store/message_data.h"

struct message_store;

/* How much users have stored. */

/* Specified in message_store.h. */
enum status message_sqlite_usage_add(struct message_store *store, struct message_usage *usage,
                                     size_t count) MUST_CHECK;

/* Bytes that are erased. Within a transaction. */
enum status message_sqlite_usage_subtract(struct sqlite_conn *conn, int64_t account,
                                          int64_t bytes) MUST_CHECK;

#endif
