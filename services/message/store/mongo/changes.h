#ifndef MESSAGE_STORE_MONGO_CHANGES_H
#define MESSAGE_STORE_MONGO_CHANGES_H

#include "services/message/store/mongo/documents.h"

struct message_store;

/*
 * What a user has missed, from MongoDB; each promises what message_store.h says of its namesake.
 *
 * The collection `changes` is the log: what comes after `since` without a hole is all there was. A
 * number that is not there, or a hole, is history that was imported: it cannot be told.
 *
 * Dialogs are written after the changes, and a writer may have died in between. So they are read
 * last, and raised:
 *   1. the changes; whatever is visible now was noted by its writer before;
 *   2. the notes of all writers. A change of step 1 is in one of them, or its writer has written
 *      another since, which it does only when all of the last is settled: then its dialogs are;
 *   3. the dialogs, each raised by what the notes say of it, and by the changes of the answer.
 * So they lack nothing of what came before the position. They may have more. Numbers only grow, so
 * that it does no harm to raise by what is settled already; a mark that was only noted is settled
 * by whoever finds the note.
 *
 * Changes are read as the majority has them: a number that was told and then lost with a primary
 * would be given away again, and its change be missed.
 */

enum status message_mongo_changes_read(struct message_store *store, const char *owner_key,
                                       struct change_range range,
                                       struct change_list *list_out) MUST_CHECK;

#endif
