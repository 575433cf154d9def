#ifndef MESSAGE_EXPIRY_H
#define MESSAGE_EXPIRY_H

#include "services/message/store/message_store.h"

/*
 * Erases the texts of messages that are older than `keep_days`, in small parts, on a thread of its
 * own: at the start, and then once an hour. Several instances may do so at the same time.
 */
struct expiry;

/* `store` is borrowed. NULL when `keep_days` is 0: they are kept for ever. */
struct expiry *expiry_start(struct message_store *store, int64_t keep_days);

/* NULL is allowed. */
void expiry_stop(struct expiry **expiry);

#endif
