#ifndef MESSAGE_STORE_MONGO_REPAIR_H
#define MESSAGE_STORE_MONGO_REPAIR_H

#include "services/message/store/mongo/settle.h"

/*
 * Repairs writes that were interrupted by a crash or an unavailable store. Before a writer stores a
 * batch, it writes a note of it, over the note of its last batch. Each process settles the stored
 * part of the notes it finds: at start, and once a minute for the notes of writers that have made
 * no progress. No collection has to be scanned.
 */
struct repair;

/* Settles the notes of other writers, and continues to do so on a thread of its own. */
enum status repair_start(struct mongo_db *db, struct message_mongo_lineage *lineage,
                         struct repair **repair_out) MUST_CHECK;

/* Ends the thread; deletes the own note if all of it is settled. */
void repair_stop(struct repair **repair);

/*
 * The facts of all notes, settled or not: all marks, and those messages that are stored, in these
 * conversations (`count` 0: in any). A change that was visible before the call is among them, or
 * settled. The caller frees `facts_out`.
 */
enum status repair_noted(struct mongo_db *db, const struct id *conversations, size_t count,
                         struct fact **facts_out, size_t *fact_count_out) MUST_CHECK;

/*
 * For the writer. repair_note writes the note of the next batch; if the previous batch failed, it
 * settles that first. repair_note_outcome reports whether the batch was settled.
 */
enum status repair_note(struct repair *repair, const struct fact *facts, size_t count) MUST_CHECK;
void repair_note_outcome(struct repair *repair, enum status status);

#endif
