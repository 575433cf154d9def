#ifndef MESSAGE_STORE_MONGO_SETTLE_H
#define MESSAGE_STORE_MONGO_SETTLE_H

#include "services/message/store/mongo/fact.h"

/*
 * Makes everything that follows from a stored message, or from a mark, true: the changes of both
 * users, their dialogs. It may be done again, by several at once, and after a crash at any point:
 * the second time nothing happens.
 */

/* What is more likely; it decides what is tried first, not what comes out. */
enum settle_mode { SETTLE_NEW, SETTLE_AGAIN };

/*
 * In the order of the facts: so do each user's sequences rise; but of a conversation's messages in
 * that of their seq, and none before those before it, whoever has stored them
 * (message_order_mongo.h). A mark becomes a fact by the first thing that is done here, the
 * insertion of the reader's change.
 */
enum status settle_facts(struct mongo_db *db, struct fact *facts, size_t count,
                         enum settle_mode mode) MUST_CHECK;

/* The newest change of an owner, 0 when there is none. */
enum status settle_position(struct mongo_db *db, const char *owner_key,
                            uint64_t *mod_out) MUST_CHECK;

/* Tests only: called after each step that leaves something behind, with its name. */
extern void (*settle_step_for_test)(const char *step);
void settle_note_step(const char *step);

#endif
