#ifndef MESSAGE_STORE_SQLITE_CHANGES_H
#define MESSAGE_STORE_SQLITE_CHANGES_H

#include "services/common/store/sqlite_writer.h"
#include "services/message/store/message_store.h"

/*
 * What a user has missed, told by the SQLite store without a log: every row knows the user sequence
 * of its last change. A message has those of its sender and of its receiver (which rise with seq,
 * so that the first new one of a conversation is found by halving), a dialog those of the last mark
 * in each direction and of the peer's profile, an account that of its own profile. So nothing grows
 * but what is kept anyway. The functions promise what message_store.h says of their namesakes.
 *
 * Up to account.untold nothing of this is known: it was stored before, or came from another store.
 */
enum status changes_sqlite_epoch(struct sqlite_db *db, char epoch_out[EPOCH_SIZE]) MUST_CHECK;

enum status changes_sqlite_read(struct sqlite_db *db, const char *owner_key,
                                struct change_range range, struct change_list *list_out) MUST_CHECK;

enum status changes_sqlite_positions(struct sqlite_db *db, const char (*keys)[TAG_SIZE],
                                     size_t count, uint64_t *positions_out) MUST_CHECK;

enum status changes_sqlite_note_profile(struct sqlite_writer *writer,
                                        struct message_profile *profile) MUST_CHECK;

#endif
