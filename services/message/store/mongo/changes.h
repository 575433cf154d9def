#ifndef MESSAGE_STORE_MONGO_CHANGES_H
#define MESSAGE_STORE_MONGO_CHANGES_H

#include "services/message/store/mongo/documents.h"

struct message_store;

/*
 * Missed changes, from MongoDB; each function is specified in message_store.h.
 *
 * The collection `changes` is the log: the changes after `since`, if they have no hole, are
 * complete. A missing number is imported history, whose changes are unknown.
 *
 * Dialogs are written after the changes, and a writer may die in between. So they are read last,
 * and raised:
 *   1. the changes; each visible one was noted by its writer before;
 *   2. the notes of all writers. A change of step 1 is in one of them, or its writer has written a
 *      later note, which it does only when all of the earlier one is settled, dialogs included;
 *   3. the dialogs, each raised by the notes that concern it, and by the changes of the answer.
 * So they include everything up to the position, and may be newer. Numbers only grow, so raising by
 * settled facts is harmless; a mark that was only noted is settled by the reader of the note.
 *
 * Changes are read with majority read concern: a number that was returned and then lost with a
 * primary would be assigned again, and its change be missed.
 */

enum status message_mongo_changes_read(struct message_store *store, const char *owner_key,
                                       struct change_range range,
                                       struct change_list *list_out) MUST_CHECK;

#endif
