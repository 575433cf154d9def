#ifndef MESSAGE_STORE_MONGO_POSITIONS_H
#define MESSAGE_STORE_MONGO_POSITIONS_H

#include <stdbool.h>

#include "services/message/store/message_data.h"

struct message_store;

/* The newest user sequences and the epoch; each function is specified in message_store.h. */

/* One find for all users. */
enum status message_mongo_positions_read(struct message_store *store,
                                         const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                         uint64_t *positions_out) MUST_CHECK;

/* Makes the epoch of a new store. `*created_out`: by this call; of several processes, one does. */
enum status message_mongo_positions_make_epoch(struct message_store *store,
                                               bool *created_out) MUST_CHECK;

/* The epoch is fetched again when it is needed next: the store was turned back. */
void message_mongo_positions_forget_epoch(struct message_store *store);

enum status message_mongo_positions_epoch(struct message_store *store,
                                          char epoch_out[EPOCH_SIZE]) MUST_CHECK;
enum status message_mongo_positions_renew(struct message_store *store) MUST_CHECK;

#endif
