#ifndef MESSAGE_STORE_MONGO_REPAIR_H
#define MESSAGE_STORE_MONGO_REPAIR_H

#include "services/message/store/mongo/settle.h"

/*
 * What a crash, or a store that goes away, leaves half done. Before a writer stores anything, it
 * writes down what it is about to store, over what it wrote for its last batch. Whoever finds such
 * a note later settles what of it was stored: at the start, and once a minute for the notes of
 * writers that have stood still. Nothing has to be searched for.
 */
struct repair;

/* Settles what others have left, then goes on doing so on a thread of its own. */
enum status repair_start(struct mongo_db *db, struct repair **repair_out) MUST_CHECK;

/* Ends the thread; takes the note away if all of it is settled. */
void repair_stop(struct repair **repair);

/*
 * What all notes say, whether it is settled or not: every mark, and of the messages those that are
 * stored, in these conversations (`count` 0: in any). A change that was visible before this is
 * called is in there, or settled. `facts_out` is the caller's to free.
 */
enum status repair_noted(struct mongo_db *db, const struct id *conversations, size_t count,
                         struct fact **facts_out, size_t *fact_count_out) MUST_CHECK;

/*
 * For the one writer. Notes what the next batch stores; if the batch before failed, settles that
 * first. Then, whether all was settled.
 */
enum status repair_note(struct repair *repair, const struct fact *facts, size_t count) MUST_CHECK;
void repair_note_outcome(struct repair *repair, enum status status);

#endif
