#ifndef MESSAGE_STORE_SQLITE_WRITES_H
#define MESSAGE_STORE_SQLITE_WRITES_H

#include "services/message/store/message_data.h"

struct message_store;

/* Sending and marking as read: jobs of the writer, which commits what has gathered. */

enum status message_sqlite_writes_send(struct message_store *store,
                                       struct message_send *send) MUST_CHECK;
enum status message_sqlite_writes_mark_read(struct message_store *store,
                                            struct message_mark *mark) MUST_CHECK;

#endif
