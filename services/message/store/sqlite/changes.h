#ifndef MESSAGE_STORE_SQLITE_CHANGES_H
#define MESSAGE_STORE_SQLITE_CHANGES_H

#include "services/message/store/message_data.h"

struct message_store;

/*
 * Missed changes, without a log: each row has the user sequence of its last change. A message has
 * those of its sender and receiver (which increase with seq, so that the first new one of a
 * conversation is found by bisection; of a message that is withheld, its receiver's number is that
 * of the change before), a dialog those of the last mark in each direction and of the
 * peer's profile, an account that of its own profile. Nothing grows but the data itself. Each
 * function is specified in message_store.h.
 *
 * Changes up to account.untold are unknown: their rows are older, or were imported.
 */
enum status message_sqlite_changes_epoch(struct message_store *store,
                                         char epoch_out[EPOCH_SIZE]) MUST_CHECK;
enum status message_sqlite_changes_renew(struct message_store *store) MUST_CHECK;

enum status message_sqlite_changes_read(struct message_store *store, const char *owner_key,
                                        struct change_range range,
                                        struct change_list *list_out) MUST_CHECK;

enum status message_sqlite_changes_positions(struct message_store *store,
                                             const char (*keys)[ACCOUNT_NAME_SIZE], size_t count,
                                             uint64_t *positions_out) MUST_CHECK;

#endif
