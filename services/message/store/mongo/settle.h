#ifndef MESSAGE_STORE_MONGO_SETTLE_H
#define MESSAGE_STORE_MONGO_SETTLE_H

#include "services/message/store/mongo/fact.h"
#include "services/message/store/mongo/lineage.h"

/*
 * Writes everything that follows from a stored message or a mark: the changes of both users, and
 * their dialogs. Idempotent: may be repeated, concurrently, and after a crash at any point.
 */

/* The likelier case: decides what is tried first, not the result. */
enum settle_mode { SETTLE_NEW, SETTLE_AGAIN };

/*
 * Settles the facts in their order, and each user's sequences increase in it; but the messages of a
 * conversation in the order of their seq, after all earlier ones of any writer (fact_order.h). A
 * mark becomes durable with the first step, the insertion of the reader's change.
 */
enum status settle_facts(struct mongo_db *db, struct message_mongo_lineage *lineage,
                         struct fact *facts, size_t count, enum settle_mode mode) MUST_CHECK;

/* Tests only: called after each step that writes something, with its name. */
extern void (*settle_step_for_test)(const char *step);
void settle_note_step(const char *step);

#endif
