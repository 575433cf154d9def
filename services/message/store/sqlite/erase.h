#ifndef MESSAGE_STORE_SQLITE_ERASE_H
#define MESSAGE_STORE_SQLITE_ERASE_H

#include "services/message/store/message_data.h"

struct message_store;

/* What accounts that are gone have left, and what is old. Specified in message_store.h. */
enum status message_sqlite_erase(struct message_store *store,
                                 struct message_erasure *erasure) MUST_CHECK;
enum status message_sqlite_erase_old(struct message_store *store,
                                     struct message_expiry *expiry) MUST_CHECK;
enum status message_sqlite_erase_purge(struct message_store *store) MUST_CHECK;

#endif
