#ifndef MESSAGE_STORE_SQLITE_CHANGES_H
#define MESSAGE_STORE_SQLITE_CHANGES_H

#include "services/message/store/message_data.h"

struct message_store;

/*
 * What a user has missed, told by the SQLite store without a log: every row knows the user sequence
 * of its last change. A message has those of its sender and of its receiver (which rise with seq,
 * so that the first new one of a conversation is found by halving), a dialog those of the last mark
 * in each direction and of the peer's profile, an account that of its own profile. So nothing grows
 * but what is kept anyway. The functions promise what message_store.h says of their namesakes.
 *
 * Up to account.untold nothing of this is known: it was stored before, or came from another store.
 */
enum status message_sqlite_changes_epoch(struct message_store *store,
                                         char epoch_out[EPOCH_SIZE]) MUST_CHECK;

enum status message_sqlite_changes_read(struct message_store *store, const char *owner_key,
                                        struct change_range range,
                                        struct change_list *list_out) MUST_CHECK;

enum status message_sqlite_changes_positions(struct message_store *store,
                                             const char (*keys)[TAG_SIZE], size_t count,
                                             uint64_t *positions_out) MUST_CHECK;

enum status message_sqlite_changes_note_profile(struct message_store *store,
                                                struct message_profile *profile) MUST_CHECK;

#endif
